"""A second engine of the same consumer group that joins and leaves, so that partitions are reassigned under load."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["SecondEngine"]


@dataclass(frozen=True)
class SecondEngine(Fault):
    """An engine joins for `seconds` and leaves, twice.

    Attributes:
        killed: whether it leaves by SIGKILL.
    """

    killed: bool = False

    @property
    def text(self) -> str:
        how = "is killed" if self.killed else "leaves"
        return f"a second engine joins the group and {how} after {self.seconds:.0f} s, twice"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"second"})

    async def strike(self, world: World) -> None:
        for _ in range(2):
            await world.second.start()
            await asyncio.sleep(self.seconds)
            await (world.second.kill() if self.killed else world.second.stop())
