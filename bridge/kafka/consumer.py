"""The consumer: a member of the group that reads committed records and commits explicitly, once they are settled.

Kafka delivers records up to the last stable offset, which is before the first record of any open transaction. It omits
records of aborted transactions and the markers at the end of each transaction, but these have offsets too (KIP-98).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    InconsistentGroupProtocolError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
)

from bridge.errors import RefusedError, ServerError, SettingsError, UnreachableError
from bridge.kafka._private import ask_again, fetch_by, missing_names, stop_consumer
from bridge.kafka.assigned_partitions import AssignedPartitions
from bridge.kafka.cluster import Cluster, admin_client
from bridge.kafka.connect import connection_error, new_consumer
from bridge.kafka.fetching import QUIET_WAIT, Fetching
from bridge.kafka.group import EngineAssignor, Group, read_group
from bridge.kafka.kept_positions import OURS
from bridge.kafka.lag import Watermarks, lag_of
from bridge.kafka.record import Fetched
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    from bridge.journal import Held
    from bridge.kafka.fetching import PartitionShare
    from bridge.kafka.kept_positions import KeptPositions
    from bridge.kafka.start_offset import Start
    from bridge.settings import KafkaSettings

__all__ = ["Consumer"]

_log = logging.getLogger(__name__)

_DAY: Final = 86_400_000
"""Milliseconds."""


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """One membership in the group.

    Args:
        settings: the cluster's.
        topics: those to read.
        release: called before partitions are revoked; it must settle or drop the records in flight within a few
            seconds.
        started: called with where reading partitions starts, once that is decided: after each assignment, and when the
            records to be read next no longer exist.
        recall: called if the settings let a new group start at the end; returns the first offset processed before, by
            topic and partition, so that an offset that Kafka lost is not taken for a first start.
        kept: this engine's own record of its offsets, which is updated with where reading starts.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Collection[str],
        release: Callable[[], Awaitable[None]],
        started: Callable[[Sequence[Start]], None] = lambda _: None,
        *,
        recall: Callable[[], Awaitable[Mapping[tuple[str, int], int]]] | None = None,
        kept: KeptPositions | None = None,
    ) -> None:
        self.missing: set[str] = set()
        """Topics that the cluster does not have; they are read once they exist."""
        self.held: dict[tuple[str, int], Held] = {}
        """By topic and partition, what waits behind an open transaction, as of the last call of `lag`."""
        self._kept = kept
        self._settings = settings
        self._topics = frozenset(topics)
        self._release = release
        self._cluster = Cluster(settings)
        self._consumer: Any = None
        self._subscribed: frozenset[str] = frozenset()
        self._expelled = False
        """Whether the group refused a commit since the last assignment."""
        self._watermarks = Watermarks(settings)
        self._partitions = AssignedPartitions(
            settings, self._watermarks, self.commit, started=started, recall=recall, kept=kept
        )
        self._fetching = Fetching(self._fetch_by)

    async def start(self) -> None:
        """Connect and join the group.

        Raises:
            UnreachableError: no broker answers.
            RefusedError: we may not read; the certificate, the user, the password or a file named in the settings is
                wrong; or another cluster answers.
            TakenError: the group is another program's; it was not disturbed.
        """
        try:
            self._consumer = new_consumer(
                self._settings,
                group_id=self._settings.group,
                partition_assignment_strategy=(EngineAssignor,),
                # Every reset of an offset is reported, with how many records it skips: see `AssignedPartitions`.
                auto_offset_reset="none",
                session_timeout_ms=int(self._settings.session_timeout * 1000),
                heartbeat_interval_ms=int(self._settings.session_timeout * 300),
                # Waiting for Strapi must not end the membership: the heartbeat shows that the engine runs.
                max_poll_interval_ms=_DAY,
                fetch_max_wait_ms=QUIET_WAIT,
                # Records, rebalances and metadata wake it; this is the interval at which it checks anyway.
                consumer_timeout_ms=1_000,
                fetch_max_bytes=8 * 1024 * 1024,
                # Of a backlog, some thousand records of each partition, fetched while the ones before are applied.
                max_partition_fetch_bytes=256 * 1024,
                metadata_max_age_ms=30_000,
                # aiokafka logs each attempt, and by default makes ten a second while Kafka is away.
                retry_backoff_ms=250,
            )
        except SettingsError as error:
            raise await connection_error(self._settings, error) from error
        try:
            async with asyncio.timeout(self._settings.timeout):
                await self._cluster.start(self._consumer)
                if missing := missing_names(self._consumer):
                    _log.warning("kafka: this aiokafka has no %s, and is used without", ", ".join(missing))
                if self._kept is not None:
                    self._kept.are_of(self._cluster.known)
                # A joining member delays all others that join at that moment, even if it is refused.
                if refusal := (await self.group()).refusal:
                    raise refusal
                await self._watermarks.start()
                await self._partitions.note_earlier_topics()
                await self.look_for_topics()
        except (TopicAuthorizationFailedError, GroupAuthorizationFailedError) as error:
            raise self._error(error) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise await connection_error(self._settings, error) from error

    async def stop(self, deadline: float) -> None:
        """Leave the group within `deadline` seconds; a Kafka that is away will notice by itself."""
        self._fetching.end_gathering()
        consumer, self._consumer = self._consumer, None
        await self._watermarks.stop()
        if consumer is not None:
            await stop_consumer(consumer, deadline)

    async def look_for_topics(self) -> None:
        """Subscribe to those of the topics that the cluster has.

        Raises:
            ServerError: the cluster does not answer.
        """
        try:
            there = frozenset(await self._consumer.topics()) & self._topics
        except (KafkaError, OSError) as error:
            raise self._error(error) from error
        self._partitions.begin_at_first_record(self.missing & there)
        self.missing = set(self._topics - there)
        if there and there != self._subscribed:
            self._subscribed = there
            self._consumer.subscribe(topics=sorted(there), listener=self)

    async def poll(self, share: PartitionShare, most: int) -> Fetched:
        """Take records from a share of our partitions, waiting a moment where there are none.

        Several shares may be polled concurrently. After the group refused a commit this returns no records until the
        next assignment, as the records dropped with that commit are only then delivered again.

        Args:
            share: from which partitions.
            most: the most records to take.

        Raises:
            ServerError: this consumer can't continue; create another one.
        """
        self._cluster.check()
        if not self._subscribed or self._expelled:
            await asyncio.sleep(self._fetching.look / 1000)
            return self._nothing()
        try:
            await self._partitions.decide_starts(self._consumer)
            assigned = self._consumer.assignment()
            partitions = share.among(assigned)
            # Also called without any partition, as this is where a refusal by the group is raised.
            if partitions or not assigned:
                return await self._take(partitions, most)
            await asyncio.sleep(self._fetching.look / 1000)
        except InconsistentGroupProtocolError as error:
            raise (await self.group()).taken() from error
        except (KafkaError, OSError) as error:
            raise self._error(error) from error
        return self._nothing()

    async def group(self) -> Group:
        """Request the members of the group.

        Raises:
            ServerError: the cluster does not answer.
        """
        try:
            async with asyncio.timeout(self._settings.timeout), admin_client(self._settings) as admin:
                return await read_group(admin, self._settings.group, self._topics)
        except GroupAuthorizationFailedError as error:
            raise self._error(error) from error
        except (KafkaError, OSError, TimeoutError) as error:
            raise await connection_error(self._settings, error) from error

    async def _take(self, partitions: Sequence[Any], most: int) -> Fetched:
        generation = self.generation
        self._fetching.look_begins()
        try:
            taken = await self._consumer.getmany(*partitions, timeout_ms=self._fetching.look, max_records=most)
        except (NoOffsetForPartitionError, OffsetOutOfRangeError) as error:
            if isinstance(error, OffsetOutOfRangeError):
                self._partitions.undecided |= error.args[0]
            return self._nothing()
        except ValueError as error:
            # The record's bytes are unavailable, so no dead letter could keep it, and to skip it would lose it
            # silently.
            raise ServerError(
                "kafka",
                Phrase("Kafka has a record that can't be decoded: {error}", error=str(error)),
                Phrase("applying waits before it; delete it from its partition (kafka-delete-records)"),
            ) from error
        if self._partitions.undecided or generation != self.generation:
            # PartitionShare were assigned meanwhile: their start is undecided, and they may belong to other shares.
            for partition, records in taken.items():
                with contextlib.suppress(IllegalStateError):
                    self._consumer.seek(partition, records[0].offset)
            return self._nothing()
        found = [record for records in taken.values() for record in records]
        if not found:
            return Fetched([], generation, time.monotonic(), await self._partitions.passed(self._consumer, partitions))
        self._fetching.taken(full=len(found) == most)
        return Fetched(found, generation, time.monotonic())

    @property
    def assigned(self) -> set[tuple[str, int]]:
        """The topics and partitions that are assigned to us and have a start."""
        if self._consumer is None or not self._partitions.are_assigned:
            return set()
        decided = self._consumer.assignment() - self._partitions.undecided.keys()
        return {(partition.topic, partition.partition) for partition in decided}

    @property
    def is_in(self) -> bool:
        """Whether we are a member of the group, or there is no topic to read."""
        return self._partitions.are_assigned or not self._subscribed

    @property
    def generation(self) -> int:
        """A number that changes with each assignment."""
        return self._partitions.generation

    def put_down(self, fetched: Fetched) -> None:
        """Note that records were settled or dropped; call this once for each `Fetched` with records."""
        self._fetching.put_down(time.monotonic() - fetched.taken_at)

    @property
    def backlog(self) -> bool:
        """Whether there were more records than were taken, within the last second."""
        return self._fetching.backlog

    def _nothing(self) -> Fetched:
        return Fetched([], self.generation, time.monotonic())

    def _fetch_by(self, wait: int, least: int) -> None:
        if self._consumer is not None:
            fetch_by(self._consumer, wait, least)

    def holds(self, generation: int) -> bool:
        """Whether the assignment is still the one of that generation."""
        return generation == self.generation

    def takes(self, generation: int) -> bool:
        """Whether records of a generation may be committed: until the next assignment.

        After partitions are revoked there is still time to settle what is in flight.
        """
        return self.generation - generation in {0, 1}

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> bool:
        """Commit, by topic and partition, the offset of the first record that is not settled.

        Returns:
            Whether Kafka has it; False if the partitions are no longer ours.

        Raises:
            ServerError: this consumer can't continue.
        """
        if self._expelled:
            return False
        generation = self.generation
        try:
            offsets = {TopicPartition(*partition): offset for partition, offset in positions.items()}
            await self._consumer.commit({partition: (offset, OURS) for partition, offset in offsets.items()})
            self._partitions.committed |= offsets
        except IllegalStateError:
            return False
        except CommitFailedError:
            # Until it has rejoined, aiokafka commits as a client outside of the group, which Kafka accepts while the
            # group is empty: records taken but not settled would count as settled.
            self._expelled = generation == self.generation
            return False
        except KafkaError as error:
            raise self._error(error) from error
        return True

    async def lag(self) -> dict[str, int] | None:
        """How many records of our partitions are readable and not taken yet, by topic; None while that is unknown.

        Those behind an open transaction are not readable: they are in `held`.
        """
        if not self._subscribed:
            self.held = {}
            return {}
        partitions = self._partitions
        try:
            if partitions.are_assigned and not self._expelled:
                # Also while nothing is taken.
                await partitions.decide_starts(self._consumer)
            assigned = self._consumer.assignment()
            if not partitions.are_assigned or partitions.undecided:
                return None
            if not assigned:
                self.held = {}
                return {}
            lag = await lag_of(self._consumer, self._watermarks, assigned)
        except (ServerError, KafkaError, OSError, TimeoutError):
            return None
        self.held = lag.held
        return lag.readable

    async def look_for_brokers(self) -> None:
        """Look up the brokers at the configured addresses, as known brokers may have new names."""
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(self._settings.timeout):
                await ask_again(self._consumer)
                await self._watermarks.look_for_brokers()

    async def bounds(self, partitions: Collection[tuple[str, int]]) -> dict[tuple[str, int], tuple[int, int]]:
        """By topic and partition, the offset of Kafka's first record, and the offset after the last.

        The last one may belong to an open transaction.

        Raises:
            ServerError: the cluster does not answer.
        """
        asked = [TopicPartition(*partition) for partition in partitions]
        try:
            first, end = await self._consumer.beginning_offsets(asked), await self._watermarks.of(asked)
        except (KafkaError, OSError) as error:
            raise self._error(error) from error
        return {(one.topic, one.partition): (first[one], end[one]) for one in asked}

    async def look_for_recreated_topics(self) -> None:
        """Check that the group still has its offsets, which Kafka drops with their topic; else start anew there."""
        await self._partitions.look_for_recreated(self._consumer)

    async def on_partitions_revoked(self, revoked: Collection[Any]) -> None:
        """Settle or drop what is in flight; aiokafka calls this before a rebalance."""
        self._partitions.revoke()
        if revoked:
            await self._release()

    async def on_partitions_assigned(self, assigned: Collection[Any]) -> None:
        """Note the new assignment; aiokafka calls this after a rebalance."""
        self._expelled = False
        self._partitions.assign(assigned)

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
                Phrase("allow the engine's user to read the topics and the group"),
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
