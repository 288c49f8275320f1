"""The consumer: a member of the group that reads records and commits explicitly, once they are settled."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from bridge.errors import RefusedError, ServerError, SettingsError, UnreachableError
from bridge.kafka._private import fetch_by, stop_consumer
from bridge.kafka.connect import connect_options, connection_error
from bridge.kafka.consumed import Fetched
from bridge.kafka.fetching import QUIET_WAIT, Fetching
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from bridge.kafka.share import Share
    from bridge.settings import KafkaSettings

__all__ = ["Consumer"]

_DAY: Final = 86_400_000


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One membership of the group.

    Args:
        settings: the cluster's.
        topics: what is read.
        release: called before partitions are taken away; finish or drop what is in hand, in a few seconds.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Collection[str],
        release: Callable[[], Awaitable[None]],
    ) -> None:
        self.missing: set[str] = set()
        """Topics that the cluster does not have; they are read once they are there."""
        self._settings = settings
        self._topics = frozenset(topics)
        self._release = release
        self._consumer: Any = None
        self._subscribed: frozenset[str] = frozenset()
        self._assigned = False
        self._expelled = False
        self._generation = 0
        self._unplaced: set[Any] = set()
        self._placing = asyncio.Lock()
        self._fetching = Fetching(self._fetch_by)

    async def start(self) -> None:
        """Connect and join the group.

        Raises:
            UnreachableError: no broker answers.
            RefusedError: we may not read, or the certificate, the user, the password or a file of ours is wrong.
        """
        timeout = int(self._settings.timeout * 1000)
        try:
            options = connect_options(self._settings)
        except SettingsError as error:
            raise await connection_error(self._settings, error) from error
        self._consumer = AIOKafkaConsumer(
            **options,
            client_id=self._settings.client_id,
            group_id=self._settings.group,
            enable_auto_commit=False,
            # Also for an offset that Kafka has deleted meanwhile; where `beginning` is false, see `_place`.
            auto_offset_reset="earliest",
            session_timeout_ms=int(self._settings.session_timeout * 1000),
            heartbeat_interval_ms=int(self._settings.session_timeout * 300),
            # Waiting for Strapi is no reason to leave the group: the heartbeat says that we live.
            max_poll_interval_ms=_DAY,
            request_timeout_ms=timeout,
            fetch_max_wait_ms=QUIET_WAIT,
            # It is told of records, rebalances and metadata; this is how often it looks without being told.
            consumer_timeout_ms=1_000,
            fetch_max_bytes=8 * 1024 * 1024,
            # Of a backlog some thousand records a partition, in time while the ones before are applied.
            max_partition_fetch_bytes=256 * 1024,
            metadata_max_age_ms=30_000,
            # aiokafka logs each try, and makes ten a second while Kafka is away unless told otherwise.
            retry_backoff_ms=250,
        )
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._consumer.start()
                await self.look_for_topics()
        except KafkaConnectionError as error:
            raise await connection_error(self._settings, error) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise self._error(error) from error

    async def stop(self, deadline: float) -> None:
        """Leave the group within `deadline` seconds; an absent Kafka finds out by itself."""
        self._fetching.end_gathering()
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer, deadline)

    async def look_for_topics(self) -> None:
        """Subscribe to those of the topics that the cluster has.

        Raises:
            ServerError: the cluster does not say.
        """
        try:
            there = frozenset(await self._consumer.topics()) & self._topics
        except (KafkaError, OSError) as error:
            raise self._error(error) from error
        self.missing = set(self._topics - there)
        if there and there != self._subscribed:
            self._subscribed = there
            self._consumer.subscribe(topics=sorted(there), listener=self)

    async def poll(self, share: Share, most: int) -> Fetched:
        """Take records of a share of our partitions, waiting a moment where there are none.

        Several shares may be polled at once. After the group refused a commit there are no records until it gives us
        partitions anew, as what was dropped with that commit comes again only then.

        Args:
            share: of which partitions.
            most: how many at most.

        Raises:
            ServerError: this consumer can't go on; make another one.
        """
        if not self._subscribed or self._expelled:
            await asyncio.sleep(self._fetching.look / 1000)
            return self._nothing()
        try:
            async with self._placing:
                await self._place()
            assigned = self._consumer.assignment()
            places = share.among(assigned)
            # Without any partition too, as a group that refuses us is told of there.
            if places or not assigned:
                return await self._take(places, most)
            await asyncio.sleep(self._fetching.look / 1000)
        except (KafkaError, OSError) as error:
            raise self._error(error) from error
        return self._nothing()

    async def _take(self, places: Sequence[Any], most: int) -> Fetched:
        generation = self._generation
        self._fetching.look_begins()
        try:
            taken = await self._consumer.getmany(*places, timeout_ms=self._fetching.look, max_records=most)
        except ValueError as error:
            # Its bytes can't be had, so no dead letter could keep it, and to go on behind it would lose it unsaid.
            raise ServerError(
                "kafka",
                Phrase("Kafka has a record that can't be decoded: {error}", error=str(error)),
                Phrase("applying waits before it; delete it from its partition (kafka-delete-records)"),
            ) from error
        if self._unplaced or generation != self._generation:
            # Partitions came while we waited: where to start with them is not decided, and they may be of other shares.
            for place, records in taken.items():
                with contextlib.suppress(IllegalStateError):
                    self._consumer.seek(place, records[0].offset)
            return self._nothing()
        found = [record for records in taken.values() for record in records]
        if not found:
            return self._nothing()
        self._fetching.taken(full=len(found) == most)
        return Fetched(found, generation, time.monotonic())

    def put_down(self, fetched: Fetched) -> None:
        """Records that were taken are settled or dropped; called once for each `Fetched` that has some."""
        self._fetching.put_down(time.monotonic() - fetched.taken_at)

    @property
    def backlog(self) -> bool:
        """Whether more records were there than were taken, just now."""
        return self._fetching.backlog

    def _nothing(self) -> Fetched:
        return Fetched([], self._generation, time.monotonic())

    def _fetch_by(self, wait: int, least: int) -> None:
        if self._consumer is not None:
            fetch_by(self._consumer, wait, least)

    def holds(self, generation: int) -> bool:
        """Whether the partitions are still ours as they were when records of that generation came."""
        return generation == self._generation

    def takes(self, generation: int) -> bool:
        """Whether records that came under a generation may be committed: until partitions are given anew after it.

        Before they are taken away there is time to finish what is in hand.
        """
        return self._generation - generation in {0, 1}

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> bool:
        """Commit, for each topic and partition, the offset of the first record that is not settled.

        Returns:
            Whether Kafka has it; False where the partitions are no longer ours.

        Raises:
            ServerError: this consumer can't go on.
        """
        if self._expelled:
            return False
        generation = self._generation
        try:
            await self._consumer.commit({TopicPartition(*place): offset for place, offset in positions.items()})
        except IllegalStateError:
            return False
        except CommitFailedError:
            # Until it has joined again aiokafka commits as a client outside of the group, which Kafka lets pass while
            # the group is empty: what was taken and not settled would count as settled.
            self._expelled = generation == self._generation
            return False
        except KafkaError as error:
            raise self._error(error) from error
        return True

    async def lag(self) -> int:
        """How many records of our partitions are not read yet; -1 while that can't be said."""
        if not self._subscribed:
            return 0
        try:
            assigned = self._consumer.assignment()
            if not self._assigned or self._unplaced:
                return -1
            if not assigned:
                return 0
            ends = await self._consumer.end_offsets(assigned)
            return sum([max(0, end - await self._consumer.position(place)) for place, end in ends.items()])
        except (KafkaError, OSError, TimeoutError):
            return -1

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Called by aiokafka before a rebalance."""
        self._generation += 1
        self._assigned = False
        if revoked:
            await self._release()

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        """Called by aiokafka after a rebalance."""
        self._generation += 1
        self._assigned = True
        self._expelled = False
        self._unplaced = set() if self._settings.beginning else set(assigned)

    async def _place(self) -> None:
        """Where the group starts with the next record, commit the end at once: a restart then skips nothing."""
        while self._unplaced:
            generation, places = self._generation, sorted(self._unplaced)
            new = [place for place in places if await self._consumer.committed(place) is None]
            ends = await self._consumer.end_offsets(new) if new else {}
            if generation != self._generation:
                continue
            for place, end in ends.items():
                self._consumer.seek(place, end)
            if ends and not await self.commit({(place.topic, place.partition): end for place, end in ends.items()}):
                return
            self._unplaced -= set(places)

    def _error(self, error: BaseException) -> ServerError:
        brokers = ", ".join(dict.fromkeys(self._settings.brokers))
        if isinstance(error, TopicAuthorizationFailedError | GroupAuthorizationFailedError):
            return RefusedError(
                "kafka",
                Phrase(
                    "Kafka at {brokers} refuses to let group {group!r} read: {error}",
                    brokers=brokers,
                    group=self._settings.group,
                    error=str(error),
                ),
                Phrase("give the engine's user the right to read the topics and the group"),
            )
        if isinstance(error, OSError | TimeoutError) or getattr(error, "retriable", False):
            why = f": {error}" if str(error) else ""
            return UnreachableError(
                "kafka",
                Phrase("no Kafka broker answers at {brokers}{why}", brokers=brokers, why=why),
                Phrase("is Kafka running there?"),
            )
        return ServerError(
            "kafka",
            Phrase("the consumer can't go on: {error}", error=repr(error)),
            Phrase("see the log; it starts again by itself"),
        )
