"""Mosquitto comes back without stored data: the queue and the engine's session are gone, and the engine reports it."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["LostSession"]

_TOLD: Final = re.compile(rb"no longer had this engine's session.*unknown how many messages")
_TOLD_WITHIN: Final = 60.0
_LOOK: Final = 0.2


@dataclass(frozen=True)
class LostSession(Fault):
    """Mosquitto is killed, its file is deleted, and it starts under traffic.

    Messages queued for the engine are lost, unless their publishers keep them; the engine has to report it.

    Attributes:
        away: whether the engine is killed `seconds` before, so that many messages are queued, and started after.
    """

    away: bool = False

    @property
    def text(self) -> str:
        how = f"after {self.seconds:.0f} s without the engine" if self.away else f"back after {self.seconds:.0f} s"
        return f"SIGKILL of mosquitto and its persistence deleted, {how}; the engine says that its session is lost"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine", "mosquitto"})

    async def strike(self, world: World) -> None:
        if self.away:
            await world.engine.kill()
            await asyncio.sleep(self.seconds)
        said = world.engine.log.stat().st_size
        await asyncio.to_thread(world.stack.kill_server, "mosquitto")
        killed = time.time()
        (world.stack.paths.state / "mosquitto" / "mosquitto.db").unlink(missing_ok=True)
        if not self.away:
            await asyncio.sleep(self.seconds)
        await world.start_server("mosquitto")
        if self.away:
            await world.engine.start()
        deadline = time.monotonic() + _TOLD_WITHIN
        while not _TOLD.search(world.engine.log.read_bytes()[said:]):
            if time.monotonic() > deadline:
                msg = f"the engine did not say that its session is lost, see {world.engine.log}"
                raise RuntimeError(msg)
            await asyncio.sleep(_LOOK)
        # Only what was told is no loss in the account.
        world.witness.emptied(killed)
