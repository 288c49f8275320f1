"""Reading records outside the group, from any offset or from the end of a topic; no committed offset changes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, OffsetOutOfRangeError, for_code

from bridge.errors import ForeignServerError, ServerError, SettingsError, UnreachableError
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster, admin_client
from bridge.kafka.connect import connection_error, new_consumer
from bridge.kafka.group import ask_coordinator
from bridge.kafka.group_offsets import committed_offsets
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping
    from types import TracebackType

    from aiokafka.admin import AIOKafkaAdminClient

    from bridge.kafka.record import ConsumedRecord
    from bridge.settings import KafkaSettings

__all__ = [
    "Position",
    "Rereader",
    "assigned",
    "group_commits",
    "group_members",
    "group_positions",
    "read_on",
    "read_ranges",
    "read_tail",
]


_POLL: Final = 500
"""The longest poll, in milliseconds."""

_LOOK: Final = 0.02


async def read_tail(consumer: Any, topics: Iterable[str], most: int) -> AsyncIterator[list[ConsumedRecord]]:
    """Read the records that are at the end of some topics now.

    Args:
        consumer: a started one without a group; afterwards it is positioned at the end.
        topics: which ones; those that the cluster does not have are skipped.
        most: the most records of each partition, 1 or more.

    Yields:
        Records of one partition, in order.

    Raises:
        KafkaError: the cluster does not answer.
    """
    partitions = await assigned(consumer, topics)
    if not partitions:
        return
    first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    for partition in partitions:
        consumer.seek(partition, max(first[partition], end[partition] - most))
    async for records in read_on(consumer):
        yield records


async def assigned(consumer: Any, topics: Iterable[str]) -> frozenset[Any]:
    """Subscribe a started consumer without a group to those of the topics that the cluster has.

    Returns:
        All their partitions.

    Raises:
        KafkaError: the cluster does not answer.
    """
    wanted = set(topics) & await consumer.topics()
    if not wanted:
        return frozenset()
    consumer.subscribe(topics=sorted(wanted))
    # Without a group the consumer assigns itself every partition, once it has the topics' metadata.
    while {partition.topic for partition in consumer.assignment()} != wanted:  # noqa: ASYNC110 - aiokafka has no event for it
        await asyncio.sleep(_LOOK)
    return frozenset(consumer.assignment())


async def read_ranges(
    consumer: Any, ranges: Mapping[Any, tuple[int, int]]
) -> AsyncIterator[tuple[Any, list[ConsumedRecord]]]:
    """Read records of a subscribed consumer by offset.

    Args:
        consumer: a started one without a group.
        ranges: by partition, the first offset to read and the offset after the last.

    Yields:
        A partition and records of it, in order.

    Raises:
        KafkaError: the cluster does not answer.
    """
    for partition, (first, _) in ranges.items():
        consumer.seek(partition, first)
    # By position and not by count, as a compacted topic has gaps.
    while unread := [partition for partition, (_, end) in ranges.items() if await consumer.position(partition) < end]:
        for partition, records in (await consumer.getmany(*unread, timeout_ms=_POLL)).items():
            yield partition, [record for record in records if record.offset < ranges[partition][1]]


async def read_on(consumer: Any) -> AsyncIterator[list[ConsumedRecord]]:
    """Read from a consumer's position to the current end of its partitions.

    Args:
        consumer: one that is subscribed and in no group.

    Yields:
        Records of one partition, in order.

    Raises:
        KafkaError: the cluster does not answer.
    """
    partitions = consumer.assignment()
    end = await consumer.end_offsets(partitions) if partitions else {}
    # By position and not by count, as a compacted topic has gaps.
    while unread := [partition for partition in partitions if await consumer.position(partition) < end[partition]]:
        for records in (await consumer.getmany(*unread, timeout_ms=_POLL)).values():
            yield records


class Position(NamedTuple):
    """A group's committed offset in a partition.

    Attributes:
        offset: of the first record that does not count as settled.
        metadata: the text committed with it.
    """

    offset: int
    metadata: str


async def group_positions(settings: KafkaSettings) -> dict[tuple[str, int], int]:
    """Request the committed offsets of the settings' group, by topic and partition.

    Raises:
        ServerError: the cluster does not answer, or another one does.
    """
    return {partition: found.offset for partition, found in (await group_commits(settings)).items()}


async def group_commits(settings: KafkaSettings) -> dict[tuple[str, int], Position]:
    """Request the commits of the settings' group, by topic and partition.

    Raises:
        ServerError: the cluster does not answer, or another one does.
    """
    try:
        async with asyncio.timeout(settings.timeout), admin_client(settings) as admin:
            found = await committed_offsets(admin, settings.group)
    except (KafkaError, OSError, TimeoutError) as error:
        raise _error(error) from error
    return {
        (partition.topic, partition.partition): Position(told.offset, told.metadata or "")
        for partition, told in found.items()
    }


async def group_members(settings: KafkaSettings) -> int:
    """Request how many consumers, ours and others, are in the settings' group.

    Raises:
        ServerError: the cluster does not answer, or another one does.
    """

    async def members(admin: AIOKafkaAdminClient) -> int:
        (answer,) = await admin.describe_consumer_groups([settings.group])
        code, _, _, _, _, found, *_ = answer.groups[0]
        if code:
            raise for_code(code)
        return len(list(found))

    try:
        async with asyncio.timeout(settings.timeout), admin_client(settings) as admin:
            return await ask_coordinator(lambda: members(admin))
    except (KafkaError, OSError, TimeoutError) as error:
        raise _error(error) from error


class Rereader:
    """Reads records by offset; use it as an asynchronous context manager.

    Args:
        settings: the cluster's.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._cluster = Cluster(settings)
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            UnreachableError: no broker answers.
            RefusedError: the brokers' certificate, the user, the password or a file named in the settings is wrong, or
                another cluster answers.
        """
        settings = self._settings
        try:
            self._consumer = new_consumer(settings, auto_offset_reset="none", retry_backoff_ms=250)
        except SettingsError as error:
            raise await connection_error(settings, error) from error
        try:
            await self._cluster.start(self._consumer)
        except (KafkaError, OSError, TimeoutError, ForeignServerError) as error:
            await stop_consumer(self._consumer, 1.0)
            if isinstance(error, ForeignServerError):
                raise
            raise await connection_error(settings, error) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await stop_consumer(self._consumer, 1.0)

    async def bounds(self, topics: Collection[str]) -> dict[tuple[str, int], tuple[int, int]]:
        """By partition of some topics, the offset of the first record, and the offset after the last.

        Args:
            topics: which ones; those that the cluster does not have are skipped.

        Raises:
            ServerError: the cluster does not answer.
        """
        try:
            async with admin_client(self._settings) as admin:
                # All topics are requested: some clusters create a missing topic that is requested by name.
                described = await admin.describe_topics()
            places = sorted(
                TopicPartition(found["topic"], partition["partition"])
                for found in described
                if found["topic"] in topics
                for partition in found["partitions"]
            )
            if not places:
                return {}
            # Assigned so that the client keeps their leaders up to date.
            self._consumer.assign(places)
            self._consumer.pause(*places)
            first, end = await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)
        except (KafkaError, OSError) as error:
            raise _error(error) from error
        return {(place.topic, place.partition): (first[place], end[place]) for place in places}

    async def at(self, time: float, partitions: Collection[tuple[str, int]]) -> dict[tuple[str, int], int | None]:
        """By partition, the offset of the first record from a time on; None if there is none.

        Args:
            time: seconds since the epoch, compared with the records' timestamps.
            partitions: topics and partitions.

        Raises:
            ServerError: the cluster does not answer.
        """
        asked = {TopicPartition(*partition): int(time * 1000) for partition in partitions}
        try:
            found = await self._consumer.offsets_for_times(asked) if asked else {}
        except (KafkaError, OSError) as error:
            raise _error(error) from error
        return {
            (partition.topic, partition.partition): None if answer is None else answer.offset
            for partition, answer in found.items()
        }

    async def read(
        self, topic: str, partition: int, first: int, end: int, most: int
    ) -> AsyncIterator[tuple[list[ConsumedRecord], int]]:
        """Read records of one partition.

        Args:
            topic: the topic.
            partition: the partition.
            first: the offset of the first record, which Kafka must have.
            end: the offset after the last one.
            most: the most records to yield at once, 1 or more.

        Yields:
            Records in order, possibly none, with the offset up to which the partition has been read.

        Raises:
            ServerError: the cluster does not answer, or deleted the records meanwhile.
        """
        place = TopicPartition(topic, partition)
        try:
            self._consumer.assign([place])
            self._consumer.seek(place, first)
            at = first
            while at < end:
                self._cluster.check()
                taken = (await self._consumer.getmany(place, timeout_ms=_POLL, max_records=most)).get(place, [])
                at = await self._consumer.position(place)
                records = [record for record in taken if record.offset < end]
                if records or at >= end:
                    yield records, min(at, end)
        except OffsetOutOfRangeError as error:
            raise ServerError(
                "kafka",
                Phrase("Kafka deleted records of {place} while they were read", place=f"{topic}:{partition}"),
                Phrase("replay again: what was applied counts once"),
            ) from error
        except ValueError as error:
            raise ServerError(
                "kafka", Phrase("Kafka has a record that can't be decoded: {error}", error=str(error))
            ) from error
        except (KafkaError, OSError) as error:
            raise _error(error) from error


def _error(error: BaseException) -> ServerError:
    if isinstance(error, KafkaConnectionError | OSError | TimeoutError) or getattr(error, "retriable", False):
        return UnreachableError(
            "kafka", Phrase("Kafka does not answer: {error}", error=repr(error)), Phrase("is Kafka running there?")
        )
    return ServerError("kafka", Phrase("the records can't be read again: {error}", error=repr(error)))
