"""Kafka topics of a run: creating them, following their growth, and counting their records."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["PROBE", "Account", "Topic", "account"]

PROBE: Final = b'"probe"'
"""What the payload of a message that only asks whether a contender is there holds, and no other does."""

_LOOK: Final = 0.1


class Account(NamedTuple):
    """The records of a run in a topic.

    Attributes:
        records: number of records.
        distinct: number of different payloads among them.
        first: seconds since the epoch when Kafka appended the first one.
        last: seconds since the epoch when it appended the last one.
        later: records appended after the millisecond of the first.
    """

    records: int
    distinct: int
    first: float
    last: float
    later: int

    @property
    def rate(self) -> float:
        """Records per second: those after the first append, over the time from it to the last."""
        return self.later / (self.last - self.first) if self.last > self.first else 0.0


def account(records: Iterable[tuple[int, bytes]]) -> Account:
    """Count records without probes.

    Args:
        records: the append's time in milliseconds since the epoch, and the value.
    """
    times: list[int] = []
    values: set[bytes] = set()
    for at, value in records:
        if PROBE not in value:
            times.append(at)
            values.add(value)
    if not times:
        return Account(0, 0, 0.0, 0.0, 0)
    first = min(times)
    return Account(len(times), len(values), first / 1000, max(times) / 1000, sum(1 for at in times if at > first))


@dataclass(frozen=True)
class Topic:
    """A topic of one run, whose records have the time at which Kafka appended them.

    Attributes:
        kafka: the address.
        name: its name.
        partitions: number of partitions.
    """

    kafka: str
    name: str
    partitions: int = 6

    def make(self) -> None:
        """Create the topic.

        Raises:
            ConnectionError: Kafka failed to.
        """
        asyncio.run(self._make())

    def delete(self) -> None:
        asyncio.run(self._delete())

    def wait(
        self, count: int, *, quiet: float = 0.0, patience: float = 0.0, on: Callable[[], None] | None = None
    ) -> int:
        """Wait until the end offsets have reached a sum and stop growing.

        Args:
            count: the sum to reach; markers of transactions count as well.
            quiet: seconds without growth required then.
            patience: seconds without growth allowed before that, from now on.
            on: called at each poll; it may raise.

        Returns:
            Their sum.
        """
        return asyncio.run(self._wait(count, quiet, patience, on))

    def account(self) -> Account:
        """Read the topic's committed records and count them."""
        return account(asyncio.run(self._read()))

    @property
    def _places(self) -> list[TopicPartition]:
        return [TopicPartition(self.name, partition) for partition in range(self.partitions)]

    async def _make(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            configs = {"message.timestamp.type": "LogAppendTime"}
            answer = await admin.create_topics([NewTopic(self.name, self.partitions, 1, topic_configs=configs)])
            for topic, code, *message in answer.topic_errors:
                if code:
                    raise ConnectionError(f"Kafka did not make the topic {topic}: error {code} {message}")
        finally:
            await admin.close()

    async def _delete(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        try:
            await admin.delete_topics([self.name])
        finally:
            await admin.close()

    async def _wait(self, count: int, quiet: float, patience: float, on: Callable[[], None] | None) -> int:
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka)
        await consumer.start()
        try:
            seen, since = -1, time.monotonic()
            while True:
                if on is not None:
                    on()
                total: int = sum((await consumer.end_offsets(self._places)).values())
                if total != seen:
                    seen, since = total, time.monotonic()
                if time.monotonic() - since >= (quiet if total >= count else patience):
                    return total
                await asyncio.sleep(_LOOK)
        finally:
            await consumer.stop()

    async def _read(self) -> list[tuple[int, bytes]]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka,
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=8_000_000,
        )
        await consumer.start()
        try:
            ends = await consumer.end_offsets(self._places)
            consumer.assign(self._places)
            await consumer.seek_to_beginning()
            found: list[tuple[int, bytes]] = []
            while unread := [place for place in self._places if await consumer.position(place) < ends[place]]:
                for records in (await consumer.getmany(*unread, timeout_ms=500)).values():
                    found += [(record.timestamp, record.value or b"") for record in records]
            return found
        finally:
            await consumer.stop()
