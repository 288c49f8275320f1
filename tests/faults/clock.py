"""A clock step: the wall clock of the engine's process jumps and comes back, with kills on both sides of it."""

from __future__ import annotations

import asyncio
import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.world import World

__all__ = ["ClockStep"]


@dataclass(frozen=True)
class ClockStep(Fault):
    """The engine's wall clock is off for `seconds`; the engine is killed while it is and after it was.

    Attributes:
        step: by how many seconds the clock is off.
    """

    step: float = 3600.0

    @property
    def text(self) -> str:
        way = "forward" if self.step > 0 else "back"
        return (
            f"the engine's clock steps {way} by {abs(self.step):.0f} s for {self.seconds:.0f} s, "
            "with a SIGKILL while it is off and one after"
        )

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine"})

    async def strike(self, world: World) -> None:
        for step in (self.step, 0.0):
            _set(world.engine.clock, step)
            await asyncio.sleep(self.seconds / 2)
            await world.engine.kill()
            await world.engine.start()


def _set(clock: Path, step: float) -> None:
    with clock.open("r+b") as file, mmap.mmap(file.fileno(), 8) as offset:
        offset[:] = struct.pack("<d", step)
