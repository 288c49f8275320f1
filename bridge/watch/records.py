"""Kafka's records from the end of the topics on, read outside the group, and the group's offsets."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aiokafka.errors import KafkaError

from bridge.backoff import Backoff, pause
from bridge.errors import ForeignServerError, RefusedError, ServerError, SettingsError
from bridge.journal import Server, State
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster, close_admin, start_admin
from bridge.kafka.connect import connection_error, new_consumer
from bridge.kafka.group import read_group
from bridge.kafka.group_offsets import committed_offsets
from bridge.kafka.reread import assigned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from bridge.journal import Journal
    from bridge.kafka.group import Group
    from bridge.kafka.record import ConsumedRecord
    from bridge.settings import KafkaSettings

__all__ = ["GroupProgress", "Records", "TopicPartition"]

TopicPartition = tuple[str, int]
"""A topic and a partition."""

_POLL: Final = 200
"""The longest poll, in milliseconds."""

_LOOK: Final = 1.0
"""Seconds between two requests for the group's offsets."""

_MEMBERS: Final = 3.0
"""Seconds between two requests for its members."""

_TOPICS: Final = 5.0
"""Seconds between two checks for missing topics."""

_FAILURES = (KafkaError, OSError, TimeoutError, SettingsError, ForeignServerError)


class GroupProgress(NamedTuple):
    """The group's state at one moment; all records up to the ends have been delivered before.

    Attributes:
        positions: the group's offsets by topic and partition; without those where it never committed.
        ends: by topic and partition, the offset after the last record.
        group: the group's members; None if Kafka does not answer.
    """

    positions: Mapping[TopicPartition, int]
    ends: Mapping[TopicPartition, int]
    group: Group | None


class Records:
    """Reads records until cancelled, through every outage of Kafka.

    Args:
        settings: the cluster's and the group's.
        topics: those to read; ones that are created later are read from their beginning.
        journal: where the connection is noted.
        take: called with new records, those of a partition in order.
        take_progress: called about once a second with the group's state.

    Attributes:
        placed: set once reading is at the end of the topics.
        begun: by topic and partition, the offset where reading began.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[str],
        journal: Journal,
        *,
        take: Callable[[Sequence[ConsumedRecord]], None],
        take_progress: Callable[[GroupProgress], None],
    ) -> None:
        self._settings = settings
        self._topics = frozenset(topics)
        self._journal = journal
        self._take = take
        self._take_progress = take_progress
        self._consumer: Any = None
        self._next: dict[TopicPartition, int] = {}
        self._group: Group | None = None
        self._members_due = 0.0
        self.begun: dict[TopicPartition, int] = {}
        self.placed = asyncio.Event()

    async def run(self) -> None:
        """Read; records written during an outage are read after it."""
        backoff = Backoff()
        self._journal.connection(Server.KAFKA, State.CONNECTING)
        while True:
            admin = None
            try:
                await self._connect()
                admin = await start_admin(self._settings)
                backoff.reset()
                await self._read(admin)
            except _FAILURES as error:
                await self._note(error)
            finally:
                consumer, self._consumer = self._consumer, None
                if consumer is not None:
                    await stop_consumer(consumer, 1.0)
                if admin is not None:
                    await close_admin(admin)
            await pause(backoff.pause())

    async def _connect(self) -> None:
        kafka = self._settings
        # A new or recreated topic is read from its beginning.
        self._consumer = new_consumer(kafka, auto_offset_reset="earliest", metadata_max_age_ms=30_000)
        async with asyncio.timeout(kafka.timeout * 2):
            await Cluster(kafka).start(self._consumer)
            partitions = await assigned(self._consumer, self._topics)
            ends = await self._consumer.end_offsets(partitions) if partitions else {}
        for partition, end in ends.items():
            known = partition.topic, partition.partition
            # A partition that is new since the first connection was created while this watched.
            first = self._next.get(known, 0 if self.placed.is_set() else end)
            self._consumer.seek(partition, first)
            self._next[known] = first
            self.begun.setdefault(known, first)
        self.placed.set()
        self._journal.connection(Server.KAFKA, State.UP)

    async def _read(self, admin: Any) -> None:
        looked = topics_looked = time.monotonic()
        looking: asyncio.Task[None] | None = None
        try:
            while True:
                await self._poll()
                now = time.monotonic()
                if looking is None and now - looked >= _LOOK:
                    looking = asyncio.create_task(self._look(admin))
                if looking is not None and looking.done():
                    looked, done, looking = now, looking, None
                    await done
                if now - topics_looked >= _TOPICS:
                    topics_looked = now
                    there = {partition.topic for partition in self._consumer.assignment()}
                    if there != self._topics and self._topics & await self._consumer.topics() > there:
                        # Reconnect to subscribe to it; reading continues where it stopped.
                        return
        finally:
            if looking is not None:
                looking.cancel()
                with contextlib.suppress(*_FAILURES, asyncio.CancelledError, ServerError):
                    await looking

    async def _poll(self) -> None:
        if not self._consumer.assignment():
            await asyncio.sleep(_POLL / 1000)
            return
        for partition, records in (await self._consumer.getmany(timeout_ms=_POLL)).items():
            self._take(records)
            self._next[partition.topic, partition.partition] = records[-1].offset + 1

    async def _look(self, admin: Any) -> None:
        """Report the group's state, once all records that exist by then have been delivered."""
        kafka = self._settings
        async with asyncio.timeout(kafka.timeout * 3):
            found = await committed_offsets(admin, kafka.group, self._topics)
            if time.monotonic() >= self._members_due:
                self._members_due = time.monotonic() + _MEMBERS
                self._group = await self._members(admin)
            partitions = self._consumer.assignment()
            ends = await self._consumer.end_offsets(partitions) if partitions else {}
            for partition, end in ends.items():
                # By position, as transaction markers are not records.
                while await self._consumer.position(partition) < end:  # noqa: ASYNC110 - aiokafka has no event for it
                    await asyncio.sleep(_POLL / 1000)
        if self._journal.connections[Server.KAFKA].state is not State.UP:
            self._journal.connection(Server.KAFKA, State.UP)
        positions = {(partition.topic, partition.partition): told.offset for partition, told in found.items()}
        self._take_progress(
            GroupProgress(
                positions, {(partition.topic, partition.partition): end for partition, end in ends.items()}, self._group
            )
        )

    async def _members(self, admin: Any) -> Group | None:
        try:
            return await read_group(admin, self._settings.group, self._topics)
        except (*_FAILURES, ServerError):
            # Not everyone may describe a group.
            return None

    async def _note(self, error: BaseException) -> None:
        told = error if isinstance(error, ServerError) else await connection_error(self._settings, error)
        state = State.REFUSED if isinstance(told, RefusedError) else State.DOWN
        self._journal.connection(Server.KAFKA, state, told.what, told.advice)
