"""A clock step: the wall clock of the engine's process jumps and comes back, with a kill after each jump."""

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
    """The engine's wall clock is wrong for `seconds`; the engine is killed meanwhile and again afterwards.

    Attributes:
        step: the error of the clock in seconds.
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
