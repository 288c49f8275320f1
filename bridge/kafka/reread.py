"""Reading records outside the group, again from any offset or the end of a topic: it moves no one's position."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, KafkaError, OffsetOutOfRangeError, for_code

from bridge.errors import ForeignServerError, ServerError, SettingsError, UnreachableError
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster, admin_client
from bridge.kafka.connect import committed_consumer, connection_error
from bridge.kafka.group import ask_coordinator
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
"""Milliseconds that one look for records lasts at most."""

_LOOK: Final = 0.02


async def read_tail(consumer: Any, topics: Iterable[str], most: int) -> AsyncIterator[list[ConsumedRecord]]:
    """Read what stands at the end of some topics at this moment.

    Args:
        consumer: a started one without a group; it stays where the reading ended.
        topics: those that the cluster does not have hold nothing.
        most: how many records of each partition at most, 1 or more.

    Yields:
        Records of one partition, in its order.

    Raises:
        KafkaError: the cluster does not say, or no longer.
    """
    places = await assigned(consumer, topics)
    if not places:
        return
    first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    for place in places:
        consumer.seek(place, max(first[place], end[place] - most))
    async for records in read_on(consumer):
        yield records


async def assigned(consumer: Any, topics: Iterable[str]) -> frozenset[Any]:
    """Subscribe a started consumer without a group to those of the topics that the cluster has.

    Returns:
        All their partitions.

    Raises:
        KafkaError: the cluster does not say.
    """
    wanted = set(topics) & await consumer.topics()
    if not wanted:
        return frozenset()
    consumer.subscribe(topics=sorted(wanted))
    # Without a group the consumer assigns itself every partition, once it has the topics' metadata.
    while {place.topic for place in consumer.assignment()} != wanted:  # noqa: ASYNC110 - aiokafka has no event for it
        await asyncio.sleep(_LOOK)
    return frozenset(consumer.assignment())


async def read_ranges(
    consumer: Any, ranges: Mapping[Any, tuple[int, int]]
) -> AsyncIterator[tuple[Any, list[ConsumedRecord]]]:
    """Read records of a subscribed consumer by offset.

    Args:
        consumer: a started one without a group.
        ranges: by partition the first offset to read and the one before which the reading ends.

    Yields:
        A partition and records of it, in its order.

    Raises:
        KafkaError: the cluster does not say, or no longer.
    """
    for place, (first, _) in ranges.items():
        consumer.seek(place, first)
    # By position and not by count: a compacted topic has gaps.
    while unread := [place for place, (_, end) in ranges.items() if await consumer.position(place) < end]:
        for place, records in (await consumer.getmany(*unread, timeout_ms=_POLL)).items():
            yield place, [record for record in records if record.offset < ranges[place][1]]


async def read_on(consumer: Any) -> AsyncIterator[list[ConsumedRecord]]:
    """Read from where a consumer stands up to the end of its partitions at this moment.

    Args:
        consumer: one that is subscribed and in no group.

    Yields:
        Records of one partition, in its order.

    Raises:
        KafkaError: the cluster does not say, or no longer.
    """
    places = consumer.assignment()
    end = await consumer.end_offsets(places) if places else {}
    # By position and not by count: a compacted topic has gaps.
    while unread := [place for place in places if await consumer.position(place) < end[place]]:
        for records in (await consumer.getmany(*unread, timeout_ms=_POLL)).values():
            yield records


class Position(NamedTuple):
    """Where a group stands in a partition.

    Attributes:
        offset: of the first record that does not count as settled.
        metadata: what whoever committed it wrote beside it.
    """

    offset: int
    metadata: str


async def group_positions(settings: KafkaSettings) -> dict[tuple[str, int], int]:
    """Where the settings' group stands, by topic and partition.

    Raises:
        ServerError: the cluster does not say, or another one answers.
    """
    return {place: found.offset for place, found in (await group_commits(settings)).items()}


async def group_commits(settings: KafkaSettings) -> dict[tuple[str, int], Position]:
    """What was committed for the settings' group, by topic and partition.

    Raises:
        ServerError: the cluster does not say.
    """
    try:
        async with asyncio.timeout(settings.timeout), admin_client(settings) as admin:
            found = await ask_coordinator(lambda: admin.list_consumer_group_offsets(settings.group))
    except (KafkaError, OSError, TimeoutError) as error:
        raise _error(error) from error
    return {
        (place.topic, place.partition): Position(told.offset, told.metadata or "")
        for place, told in found.items()
        if told.offset >= 0
    }


async def group_members(settings: KafkaSettings) -> int:
    """How many consumers, ours and others, are in the settings' group.

    Raises:
        ServerError: the cluster does not say, or another one answers.
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
    """Reads from entering to leaving it.

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
            RefusedError: the brokers' certificate, the user, the password or a file of ours is wrong, or another
                cluster answers.
        """
        settings = self._settings
        try:
            self._consumer = committed_consumer(settings, "none", retry_backoff_ms=250)
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
        """Of all partitions of some topics, the offset of the first record, and the one behind the last.

        Args:
            topics: those that the cluster does not have have no partition.

        Raises:
            ServerError: the cluster does not say.
        """
        try:
            async with admin_client(self._settings) as admin:
                # Of all topics: asked for by its name, a topic that is missing would be made by some clusters.
                described = await admin.describe_topics()
            places = sorted(
                TopicPartition(found["topic"], partition["partition"])
                for found in described
                if found["topic"] in topics
                for partition in found["partitions"]
            )
            if not places:
                return {}
            # Assigned, so that the client keeps their leaders up to date.
            self._consumer.assign(places)
            self._consumer.pause(*places)
            first, end = await self._consumer.beginning_offsets(places), await self._consumer.end_offsets(places)
        except (KafkaError, OSError) as error:
            raise _error(error) from error
        return {(place.topic, place.partition): (first[place], end[place]) for place in places}

    async def at(self, time: float, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], int | None]:
        """Of each partition the offset of the first record that is not older than a time; None where none is.

        Args:
            time: seconds since the epoch, compared with the records' timestamps.
            places: topics and partitions.

        Raises:
            ServerError: the cluster does not say.
        """
        asked = {TopicPartition(*place): int(time * 1000) for place in places}
        try:
            found = await self._consumer.offsets_for_times(asked) if asked else {}
        except (KafkaError, OSError) as error:
            raise _error(error) from error
        return {
            (place.topic, place.partition): None if answer is None else answer.offset for place, answer in found.items()
        }

    async def read(
        self, topic: str, partition: int, first: int, end: int, most: int
    ) -> AsyncIterator[tuple[list[ConsumedRecord], int]]:
        """Read records of one partition.

        Args:
            topic: the topic.
            partition: the partition.
            first: the offset of the first record, one that Kafka has.
            end: the offset behind the last.
            most: how many records are given at once at most, 1 or more.

        Yields:
            Records in order, none where there is no record between, with the offset up to which the partition is read.

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
