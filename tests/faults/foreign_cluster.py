"""Another Kafka cluster at the engine's address, as when a tunnel or port mapping temporarily leads elsewhere."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stack.local import LocalStack
    from tests.faults.world import World

__all__ = ["ForeignCluster"]

_STRANGERS: Final = 5
"""How many movements of somebody else's wait in that cluster's topic, each of a product that the account watches."""

_ANOTHER: Final = b"AnotherClusterAltogeth"
"""As long as Kafka's own ids are."""

_TOLD: Final = b"another Kafka cluster answers"
_TOLD_WITHIN: Final = 60.0


@dataclass(frozen=True)
class ForeignCluster(Fault):
    """For `seconds`, Kafka's address leads to another cluster, which has topics of the same names with records.

    Attributes:
        killed: whether the engine is restarted meanwhile, so that it has to remember the original cluster.
    """

    killed: bool = False

    @property
    def text(self) -> str:
        more = ", the engine killed and started meanwhile" if self.killed else ""
        return f"another Kafka cluster answers at the engine's address for {self.seconds:.0f} s{more}"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"kafka", "to kafka", *(("engine",) if self.killed else ())})

    async def strike(self, world: World) -> None:
        # A secured Kafka of another authority is turned away by its certificate: ours plays the part of another one.
        if world.is_secure:
            await self._behind_the_same_certificate(world)
            return
        other = await world.foreign_kafka()
        await _fill(other, world.products[:_STRANGERS])
        written = await _records(other.addresses.kafka)
        proxy = world.proxies["kafka"]
        proxy.lead_to(other.ports.kafka)
        try:
            await self._be_away(world)
        finally:
            proxy.lead_to(world.stack.ports.kafka)
        # What was applied of that cluster shows in the account.
        if (found := await _records(other.addresses.kafka)) != written:
            msg = f"the engine wrote {found - written} records into another cluster"
            raise RuntimeError(msg)

    async def _behind_the_same_certificate(self, world: World) -> None:
        proxy, address = world.proxies["kafka"], world.stack.addresses.kafka
        proxy.disguise = (await _cluster_id(address, world.kafka_options), _ANOTHER)
        proxy.cut()
        try:
            # What was sent before the cut is in by then.
            await asyncio.sleep(1)
            written = await _records(address, world.kafka_options)
            await self._be_away(world)
            found = await _records(address, world.kafka_options)
        finally:
            proxy.disguise = None
            proxy.cut()
        if found != written:
            msg = f"the engine wrote {found - written} records into a cluster that says that it is another one"
            raise RuntimeError(msg)

    async def _be_away(self, world: World) -> None:
        told = len(world.engine.log.read_bytes())
        if self.killed:
            await world.engine.kill()
            await world.engine.start()
        async with asyncio.timeout(_TOLD_WITHIN):
            while _TOLD not in world.engine.log.read_bytes()[told:]:  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.2)
        await asyncio.sleep(self.seconds)


async def _fill(other: LocalStack, products: Sequence[int]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=other.addresses.kafka)
    await producer.start()
    try:
        for product in products:
            await producer.send_and_wait("stock", b'{"id":%d,"amount":1,"type":"IN"}' % product)
    finally:
        await producer.stop()


async def _records(address: str, options: Mapping[str, Any] | None = None) -> int:
    """Return how many offsets of movements and dead letters a cluster has assigned."""
    consumer = AIOKafkaConsumer("stock", "errors", bootstrap_servers=address, **(options or {}))
    await consumer.start()
    try:
        ends: dict[Any, int] = await consumer.end_offsets(consumer.assignment())
        return sum(ends.values())
    finally:
        await consumer.stop()


async def _cluster_id(address: str, options: Mapping[str, Any]) -> bytes:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, **options)
    await admin.start()
    try:
        found: str = (await admin.describe_cluster())["cluster_id"]
        return found.encode()
    finally:
        await admin.close()
