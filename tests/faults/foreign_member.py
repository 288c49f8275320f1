"""A foreign program in the engine's consumer group: it takes partitions, or keeps the engine out."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.world import World

__all__ = ["ForeignMember"]

_STOCK: Final = "stock"
_GROUP: Final = "stock-creator"
_WITHIN: Final = 60.0
_REPLAYS: Final = 5
_KEPT_OUT: Final = b"the consumer group 'stock-creator' is another program's: 'stranger' at 127.0.0.1"
_BESIDE: Final = b"another program is in the consumer group 'stock-creator': 'stranger' at 127.0.0.1"
_PASSED: Final = b"set the position of the group 'stock-creator' past"


class _OwnAssignor(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """Under the name that kafkajs gives its own, which no engine knows."""

    name = "RoundRobinAssigner"


@dataclass(frozen=True)
class ForeignMember(Fault):
    """A program joins for `seconds`, the engine names it, and the user does what the engine says.

    Attributes:
        takes: whether it has the engine's assignor: then it takes partitions beside the engine, and commits what it
            reads. Otherwise it joins while the engine is away, and keeps it out.
    """

    takes: bool = True

    @property
    def text(self) -> str:
        if self.takes:
            return (
                f"a foreign group member takes partitions for {self.seconds:.0f} s and commits what it reads, then "
                "opsci-bridge replay --missing"
            )
        return f"a foreign group member with an assignor of its own keeps the engine out for {self.seconds:.0f} s"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"engine", "second", "rival", "kafka", "strapi"})

    async def strike(self, world: World) -> None:
        if self.takes:
            await self._take(world)
        else:
            await self._keep_out(world)

    async def _take(self, world: World) -> None:
        told = len(world.engine.log.read_bytes())
        async with _member(world, RoundRobinPartitionAssignor) as stranger:
            await _said(world, told, _BESIDE)
            taken, begun = 0, time.monotonic()
            while not taken or time.monotonic() - begun < self.seconds:
                taken += sum(map(len, (await stranger.getmany(timeout_ms=200)).values()))
                if time.monotonic() - begun > _WITHIN:
                    raise TimeoutError
            await stranger.commit()
        await _said(world, told, _PASSED)
        for _ in range(_REPLAYS):
            if await world.engine.command("replay", "--missing") == 0:
                return
        msg = f"the replay did not end well, see {world.engine.log}"
        raise RuntimeError(msg)

    async def _keep_out(self, world: World) -> None:
        await world.engine.stop()
        told = len(world.engine.log.read_bytes())
        async with _member(world, _OwnAssignor):
            await world.engine.start()
            await _said(world, told, _KEPT_OUT)
            await asyncio.sleep(self.seconds)


@asynccontextmanager
async def _member(world: World, assignor: type[Any]) -> AsyncIterator[AIOKafkaConsumer]:
    """Create a group member with partitions; others of its kind may have to leave first."""
    consumer = AIOKafkaConsumer(
        _STOCK,
        bootstrap_servers=world.stack.addresses.kafka,
        group_id=_GROUP,
        client_id="stranger",
        partition_assignment_strategy=(assignor,),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6_000,
        **world.kafka_options,
    )
    async with asyncio.timeout(_WITHIN):
        await consumer.start()
        try:
            while not consumer.assignment():
                try:
                    # So it is told of a group that refuses it; nothing is read.
                    await consumer.getmany(timeout_ms=0)
                except KafkaError:
                    await asyncio.sleep(0.2)
                await asyncio.sleep(0.05)
        except BaseException:
            await consumer.stop()
            raise
    try:
        yield consumer
    finally:
        await consumer.stop()


async def _said(world: World, since: int, text: bytes) -> None:
    async with asyncio.timeout(_WITHIN):
        while text not in world.engine.log.read_bytes()[since:]:  # noqa: ASYNC110 - a file
            await asyncio.sleep(0.2)
