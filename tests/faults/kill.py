"""SIGKILL: of the engine, of each server, and of either in the middle of a batch."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stack.servers.server import BROKERS
from tests.faults.fault import Fault
from tests.faults.world import BATCH

if TYPE_CHECKING:
    from tests.faults.world import World

__all__ = ["EngineAlone", "KillBrokers", "KillEngine", "KillInBatch", "KillServer", "RestartThenKillBroker"]


@dataclass(frozen=True)
class KillEngine(Fault):
    """The engine is killed and restarted repeatedly.

    Attributes:
        times: number of kills; between two of them it works for `seconds`.
        which: the engine, of several that share the work; the first is 0.
    """

    times: int = 1
    which: int = 0

    @property
    def text(self) -> str:
        which = f"engine {self.which + 1}" if self.which else "the engine"
        return f"SIGKILL of {which}, {self.times} times" if self.times > 1 else f"SIGKILL of {which}"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({f"engine-{self.which + 1}" if self.which else "engine"})

    async def strike(self, world: World) -> None:
        engine = world.engines[self.which]
        for left in range(self.times, 0, -1):
            await engine.kill()
            await engine.start()
            if left > 1:
                await asyncio.sleep(self.seconds)


@dataclass(frozen=True)
class KillServer(Fault):
    """A server is killed and restarted after `seconds`.

    Attributes:
        server: its name in `World.servers`.
    """

    server: str = "kafka"

    @property
    def text(self) -> str:
        return f"SIGKILL of {self.server}, back after {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({self.server})

    async def strike(self, world: World) -> None:
        await kill_and_start(world, self.server, self.seconds)


@dataclass(frozen=True)
class KillBrokers(Fault):
    """Two of three brokers are killed at once and restarted together after `seconds`: no writes succeed meanwhile.

    Attributes:
        away: their names.
    """

    away: tuple[str, ...] = BROKERS[1:]

    @property
    def text(self) -> str:
        return f"SIGKILL of {' and '.join(self.away)} at once, back after {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset(BROKERS)

    async def strike(self, world: World) -> None:
        for name in self.away:
            await asyncio.to_thread(world.stack.kill_server, name)
        await asyncio.sleep(self.seconds)
        await world.start_server(*self.away)


@dataclass(frozen=True)
class KillInBatch(Fault):
    """Strapi or the engine is killed while a batch sent to Strapi is unanswered.

    Attributes:
        victim: `strapi` or `engine`.
    """

    victim: str = "strapi"

    @property
    def text(self) -> str:
        return f"SIGKILL of {self.victim} in the middle of a batch"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"strapi", "engine"})

    async def strike(self, world: World) -> None:
        await world.heard(BATCH if world.mode == "ledger" else b"PUT /api/products", 20)
        if self.victim == "engine":
            await world.engine.kill()
            await world.engine.start()
        else:
            await kill_and_start(world, "strapi", self.seconds)


@dataclass(frozen=True)
class RestartThenKillBroker(Fault):
    """Mosquitto is killed before it has written what a restarted engine acknowledged, and redelivers it.

    The restarted engine works for `seconds` before that.
    """

    @property
    def text(self) -> str:
        return f"SIGKILL of the engine, and of mosquitto {self.seconds:.0f} s after the engine is back"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine", "mosquitto"})

    async def strike(self, world: World) -> None:
        await world.engine.kill()
        await world.engine.start()
        await asyncio.sleep(self.seconds)
        await kill_and_start(world, "mosquitto", 0.0)


@dataclass(frozen=True)
class EngineAlone(Fault):
    """The engine is killed and restarts while Kafka and Strapi are both down; they come back one after the other."""

    @property
    def text(self) -> str:
        return f"Kafka, Strapi and the engine are killed; the engine starts, they come back after {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine", "kafka", "strapi"})

    async def strike(self, world: World) -> None:
        for server in ("kafka", "strapi"):
            await asyncio.to_thread(world.stack.kill_server, server)
        await world.engine.kill()
        await world.engine.start()
        await asyncio.sleep(self.seconds)
        for server in ("strapi", "kafka"):
            await world.start_server(server)


async def kill_and_start(world: World, server: str, seconds: float) -> None:
    """Kill a server, wait, and start it; returns once it answers."""
    await asyncio.to_thread(world.stack.kill_server, server)
    if server == "mosquitto":
        world.witness.killed(time.time())
    await asyncio.sleep(seconds)
    await world.start_server(server)
