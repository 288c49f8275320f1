"""SIGSTOP: a process that neither works nor closes its connections, for longer than its session lasts."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["PauseEngine", "PauseServer"]


@dataclass(frozen=True)
class PauseEngine(Fault):
    """The engine stands still, and goes on as if nothing had been."""

    @property
    def text(self) -> str:
        return f"SIGSTOP of the engine for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine"})

    async def strike(self, world: World) -> None:
        world.engine.send(signal.SIGSTOP)
        await asyncio.sleep(self.seconds)
        world.engine.send(signal.SIGCONT)


@dataclass(frozen=True)
class PauseServer(Fault):
    """A server stands still.

    Attributes:
        server: `websockets`, `mosquitto`, `kafka` or `strapi`.
    """

    server: str = "kafka"

    @property
    def text(self) -> str:
        return f"SIGSTOP of {self.server} for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({self.server})

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(world.stack.pause_server, self.server)
        await asyncio.sleep(self.seconds)
        world.stack.resume_server(self.server)
