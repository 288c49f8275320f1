"""Watchers that come and go, and screens that take the chain over from the engine and leave it to it again."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tests.faults.fault import Fault
from tests.faults.screen import CARRIES, WATCHES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.engine import Engine
    from tests.faults.world import World

__all__ = ["TakeOver", "Watchers"]

_WITHIN: Final = 90.0
"""Seconds within which a screen has to watch, or to carry what an engine gives up, on a busy machine."""

_LOOK: Final = 0.05


@dataclass(frozen=True)
class TakeOver(Fault):
    """A screen watches for `seconds`, takes over, carries for `seconds`, and leaves: the engine carries again.

    Attributes:
        turns: how often two screens take over from each other; after 1 only the first does.
        killed: who is killed as soon as the last take-over is told, if anyone; the engine comes back at once.
    """

    turns: int = 1
    killed: Literal["", "screen", "engine"] = ""

    @property
    def text(self) -> str:
        who = (
            "a screen takes over from the engine"
            if self.turns == 1
            else f"two screens take over {self.turns} times in turn"
        )
        how = f", and the {self.killed} is killed at that moment" if self.killed else ""
        return f"{who}, for {self.seconds:.0f} s{how}; the engine carries again"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine", "mosquitto", "screens"})

    async def strike(self, world: World) -> None:
        screens = world.screens[: min(self.turns, 2)]
        for screen in screens:
            said = _end_of(screen.log)
            await screen.start()
            await _says(screen, WATCHES, said)
        await asyncio.sleep(self.seconds)
        carries = world.engine
        for turn in range(1, self.turns + 1):
            screen = screens[(turn - 1) % len(screens)]
            gave_up, connected = _end_of(carries.log), _end_of(screen.log)
            screen.send(signal.SIGUSR1)
            if self.killed and turn == self.turns:
                await (screen if self.killed == "screen" else world.engine).kill()
                break
            await _says(carries, "takes over from this engine", gave_up)
            await _says(screen, CARRIES, connected)
            await asyncio.sleep(self.seconds)
            carries = screen
        if self.killed == "engine":
            await world.engine.start()
            await asyncio.sleep(self.seconds)
        for screen in screens:
            await screen.stop()


@dataclass(frozen=True)
class Watchers(Fault):
    """Three watchers come within `seconds`; one is killed, one stands still for a while, all leave.

    They are `opsci-bridge watch`, beside whatever carries.
    """

    @property
    def text(self) -> str:
        return f"three watchers come and go for {self.seconds:.0f} s, of which one is killed and one stands still"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"watchers"})

    async def strike(self, world: World) -> None:
        first, second, third = world.watchers
        part = self.seconds / 4
        for watcher in world.watchers:
            await watcher.start()
            await asyncio.sleep(part / 2)
        second.send(signal.SIGSTOP)
        await first.kill()
        await asyncio.sleep(part)
        await first.start()
        second.send(signal.SIGCONT)
        await third.stop()
        await asyncio.sleep(part)
        for watcher in (first, second):
            await watcher.stop()


def _end_of(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


async def _says(program: Engine, text: str, after: int) -> None:
    """Wait until a program says something.

    Args:
        program: which.
        text: a part of the line.
        after: the bytes of its log that do not count.

    Raises:
        TimeoutError: it does not.
    """
    async with asyncio.timeout(_WITHIN):
        while text.encode() not in program.log.read_bytes()[after:]:  # noqa: ASYNC110 - a file calls nobody
            await asyncio.sleep(_LOOK)
