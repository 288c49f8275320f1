"""Mosquitto reverts to the state it wrote while many messages were in flight, and the engine is restarted meanwhile."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chain.written import Written
from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["WentBack"]


@dataclass(frozen=True)
class WentBack(Fault):
    """Mosquitto writes its queue while Kafka is paused, and is killed before it writes again.

    What was in flight at the write is applied in between, so that all of it is redelivered after the kill.

    Attributes:
        engines: how often the engine is killed and started in between.
    """

    engines: int = 1

    @property
    def text(self) -> str:
        return (
            f"Mosquitto writes its queue while Kafka stands still for {self.seconds:.0f} s, the engine is killed "
            f"{self.engines} times after that, and then Mosquitto before it writes again"
        )

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"mosquitto", "kafka", "engine"})

    async def strike(self, world: World) -> None:
        written = Written(world.stack)
        await asyncio.to_thread(world.stack.pause_server, "kafka")
        try:
            await asyncio.sleep(self.seconds)
            since = time.time()
            await written.take()
        finally:
            world.stack.resume_server("kafka")
        await world.probe(60)
        for _ in range(self.engines):
            await world.engine.kill()
            await world.engine.start()
            await world.probe(60)
        world.witness.killed(time.time(), since)
        await written.fall_back()
