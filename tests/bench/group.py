"""A consumer group seen from outside: writes movements to its topic, and follows its commits."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from tests.bench.bench import FailedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.kafka import Topic
    from tests.bench.running import Running

__all__ = ["Commit", "Group", "produce"]

_EVERY: Final = 0.02
_PATIENCE: Final = 60.0


class Commit(NamedTuple):
    """The progress of a group at a time.

    Attributes:
        at: seconds since the epoch when it was seen.
        total: the sum of its committed offsets.
    """

    at: float
    total: int


@dataclass(frozen=True)
class Group:
    """A consumer group of one topic.

    Attributes:
        kafka: the address.
        name: its name.
        topic: the topic it consumes.
    """

    kafka: str
    name: str
    topic: Topic

    def follow(self, count: int, running: Running) -> tuple[Commit, Commit]:
        """Wait until it has committed `count` records.

        Returns:
            The first commit seen, and the one that completed them.

        Raises:
            FailedError: its member ended, or committed nothing for a minute.
        """
        return asyncio.run(self._follow(count, running))

    async def _follow(self, count: int, running: Running) -> tuple[Commit, Commit]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka)
        await admin.start()
        first: Commit | None = None
        seen, since = 0, time.monotonic()
        try:
            while True:
                running.must_live()
                now = Commit(time.time(), await self._committed(admin))
                committed = now.total
                if committed != seen:
                    seen, since = committed, time.monotonic()
                    first = first or now
                if first and committed >= count:
                    return first, now
                if time.monotonic() - since > _PATIENCE:
                    raise FailedError(f"{committed} of {count} after a minute's silence; {running.last_words()}")
                await asyncio.sleep(_EVERY)
        finally:
            await admin.close()

    async def _committed(self, admin: AIOKafkaAdminClient) -> int:
        try:
            offsets = await admin.list_consumer_group_offsets(self.name)
        except GroupCoordinatorNotAvailableError:
            # The first group of a fresh Kafka: it makes the topic of the offsets only now.
            return 0
        return sum(max(0, found.offset) for found in offsets.values())


def produce(topic: Topic, records: Sequence[tuple[bytes, bytes]], prefix: str) -> None:
    """Write movements with their own ids, as ingest does.

    Args:
        topic: the topic.
        records: key and value of each.
        prefix: the beginning of each id; a number follows.
    """

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=topic.kafka, linger_ms=5)
        await producer.start()
        try:
            sent = [
                await producer.send(topic.name, value, key=key, headers=[("movement-id", b"%s-%d" % (name, number))])
                for number, (key, value) in enumerate(records)
            ]
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    name = prefix.encode()
    asyncio.run(write())
