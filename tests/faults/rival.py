"""A second complete engine: the same broker, topics and group, and its own client id."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["Rival"]


@dataclass(frozen=True)
class Rival(Fault):
    """It runs beside the engine for `seconds` twice: it is killed the first time, and stopped the second time.

    Attributes:
        alone: whether the engine is killed the second time, and comes back before the other one is stopped.
    """

    alone: bool = False

    @property
    def text(self) -> str:
        more = "; the second time the engine is killed for a while" if self.alone else ""
        return (
            f"a second engine with a client id of its own works for {self.seconds:.0f} s, twice, killed between{more}"
        )

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine", "second", "mosquitto"})

    async def strike(self, world: World) -> None:
        await world.rival.start()
        await asyncio.sleep(self.seconds)
        await world.rival.kill()
        await world.rival.start()
        await asyncio.sleep(self.seconds)
        if self.alone:
            await world.engine.kill()
            await asyncio.sleep(self.seconds)
            await world.engine.start()
            await asyncio.sleep(self.seconds)
        await world.rival.stop()
