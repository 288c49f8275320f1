"""A full queue: far more than usual is published while Kafka is paused, so that the engine's own queue fills up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["Flood"]


@dataclass(frozen=True)
class Flood(Fault):
    """The publishers send ten times as much while Kafka is paused; then Kafka continues.

    In these runs the engine's settings let 1,500 messages wait for Kafka; the rest stays in Mosquitto.
    """

    @property
    def text(self) -> str:
        return f"ten times the messages while Kafka is paused, for {self.seconds:.0f} s: the engine's queue is full"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"kafka", "traffic"})

    async def strike(self, world: World) -> None:
        await asyncio.to_thread(world.stack.pause_server, "kafka")
        world.traffic.factor = 10.0
        await asyncio.sleep(self.seconds)
        world.traffic.factor = 1.0
        world.stack.resume_server("kafka")
