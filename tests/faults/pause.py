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
    """The engine is paused and continued.

    Attributes:
        which: the engine, of several that share the work; the first is 0.
    """

    which: int = 0

    @property
    def text(self) -> str:
        which = f"engine {self.which + 1}" if self.which else "the engine"
        return f"SIGSTOP of {which} for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({f"engine-{self.which + 1}" if self.which else "engine"})

    async def strike(self, world: World) -> None:
        engine = world.engines[self.which]
        engine.send(signal.SIGSTOP)
        await asyncio.sleep(self.seconds)
        engine.send(signal.SIGCONT)


@dataclass(frozen=True)
class PauseServer(Fault):
    """A server is paused and continued.

    Attributes:
        server: its name in `World.servers`.
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
