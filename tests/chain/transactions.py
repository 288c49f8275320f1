"""Another program's transactional producer."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.chain.lane import Lane

__all__ = ["Transactions", "commit_position", "log_ends", "positions", "transactional"]

_LASTS: Final = 60_000
"""Milliseconds after which Kafka ends a transaction by itself: longer than any test looks at one."""


class Transactions:
    """Writes records that are committed, aborted, or left open.

    Args:
        producer: a started one with a transactional id.
    """

    def __init__(self, producer: Any) -> None:
        self._producer = producer
        self.is_open = False

    async def open(self, topic: str, values: Iterable[bytes], partition: int = 0, **more: Any) -> None:
        """Begin a transaction with some records, and leave it open."""
        await self._producer.begin_transaction()
        self.is_open = True
        await self.add(topic, values, partition, **more)

    async def add(self, topic: str, values: Iterable[bytes], partition: int = 0, **more: Any) -> None:
        """Add records to the open transaction."""
        for value in values:
            await self._producer.send_and_wait(topic, value, partition=partition, **more)

    async def commit(self) -> None:
        """Commit the open transaction."""
        await self._producer.commit_transaction()
        self.is_open = False

    async def abort(self) -> None:
        """Abort the open transaction."""
        await self._producer.abort_transaction()
        self.is_open = False


@contextlib.asynccontextmanager
async def transactional(lane: Lane) -> AsyncIterator[Transactions]:
    """A producer for the lane's Kafka; an open transaction is aborted at the end."""
    producer = AIOKafkaProducer(
        bootstrap_servers=lane.stack.addresses.kafka,
        transactional_id=f"{lane.name}-{uuid.uuid4().hex[:6]}",
        transaction_timeout_ms=_LASTS,
    )
    await producer.start()
    transactions = Transactions(producer)
    try:
        yield transactions
    finally:
        if transactions.is_open:
            await transactions.abort()
        await producer.stop()


async def commit_position(lane: Lane, partition: int, offset: int) -> None:
    """Commit an offset in the stock topic as another member of the lane's group would."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=lane.stack.addresses.kafka, group_id=lane.name, enable_auto_commit=False
    )
    await consumer.start()
    try:
        place = TopicPartition(lane.stock, partition)
        consumer.assign([place])
        await consumer.commit({place: offset})
    finally:
        await consumer.stop()


async def log_ends(lane: Lane, topic: str) -> dict[int, int]:
    """The end offset of each partition that is not empty, including transaction markers."""
    consumer = AIOKafkaConsumer(bootstrap_servers=lane.stack.addresses.kafka)
    await consumer.start()
    try:
        partitions = 6 if topic == lane.stock else 1
        found = await consumer.end_offsets([TopicPartition(topic, number) for number in range(partitions)])
    finally:
        await consumer.stop()
    return {place.partition: end for place, end in found.items() if end}


async def positions(lane: Lane, topic: str) -> dict[int, int]:
    """The offset of the lane's group in each partition in which it is past the first record."""
    admin = AIOKafkaAdminClient(bootstrap_servers=lane.stack.addresses.kafka)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(lane.name)
    finally:
        await admin.close()
    return {place.partition: told.offset for place, told in found.items() if place.topic == topic and told.offset > 0}
