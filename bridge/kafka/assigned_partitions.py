"""The partitions that are assigned to the consumer: where reading each starts, and the group's offset in it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from bridge.kafka.kept_positions import OURS
from bridge.kafka.reread import group_commits, group_positions
from bridge.kafka.start_offset import Start, start_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence

    from bridge.kafka.kept_positions import KeptPosition, KeptPositions
    from bridge.kafka.lag import Watermarks
    from bridge.settings import KafkaSettings

__all__ = ["AssignedPartitions"]

_BEYOND_ANY_END: Final = (1 << 63) - 1
"""An offset that no record has."""


class AssignedPartitions:
    """Decides where reading starts after each assignment, and again where the records to be read next are gone.

    Args:
        settings: the cluster's.
        watermarks: where partitions end.
        commit: commits offsets by topic and partition; False if the partitions are no longer ours.
        started: as in `Consumer`.
        recall: as in `Consumer`.
        kept: as in `Consumer`.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        watermarks: Watermarks,
        commit: Callable[[Mapping[tuple[str, int], int]], Awaitable[bool]],
        *,
        started: Callable[[Sequence[Start]], None],
        recall: Callable[[], Awaitable[Mapping[tuple[str, int], int]]] | None,
        kept: KeptPositions | None,
    ) -> None:
        self.are_assigned = False
        """Whether an assignment holds; not during a rebalance."""
        self.generation = 0
        """A number that changes whenever partitions are assigned or revoked."""
        self.undecided: dict[Any, int | None] = {}
        """The partitions whose start is not decided yet, with the offset where it was tried to read, if any."""
        self.committed: dict[Any, int] = {}
        """By partition, the group's offset as far as it is known here."""
        self._settings = settings
        self._watermarks = watermarks
        self._commit = commit
        self._started = started
        self._recall = recall
        self._kept = kept
        self._read_before: set[str] = set()
        """Topics that the group has read, or that are read from their beginning."""
        self._deciding = asyncio.Lock()

    def revoke(self) -> None:
        """Note that partitions are about to be revoked."""
        self.generation += 1
        self.are_assigned = False

    def assign(self, partitions: Iterable[Any]) -> None:
        """Note a new assignment, in which no start is decided."""
        self.generation += 1
        self.are_assigned = True
        self.undecided = dict.fromkeys(partitions)
        self.committed = {}

    def begin_at_first_record(self, topics: Collection[str]) -> None:
        """Read topics that were created after this consumer started from their beginning: all in them is new."""
        self._read_before |= set(topics)

    async def note_earlier_topics(self) -> None:
        """Note the topics in which the group has an offset, before any engine that starts now commits one.

        Raises:
            KafkaError: the cluster does not answer; also OSError.
        """
        if not self._settings.beginning:
            self._read_before |= {topic for topic, _ in await group_positions(self._settings)}

    async def decide_starts(self, consumer: Any) -> None:
        """Decide where to start where that is undecided, and commit it at once where the group's offset differs.

        Args:
            consumer: aiokafka's.

        Raises:
            KafkaError: the cluster does not answer; also OSError and ServerError.
        """
        async with self._deciding:
            while self.undecided:
                generation, undecided = self.generation, dict(sorted(self.undecided.items()))
                starts = await self._starts(consumer, undecided)
                if generation != self.generation:
                    continue
                moved = {(start.topic, start.partition): start.offset for start in starts if start.moved}
                for partition, offset in moved.items():
                    consumer.seek(TopicPartition(*partition), offset)
                if moved and not await self._commit(moved):
                    return
                self._note(starts)

    async def _starts(self, consumer: Any, undecided: Mapping[Any, int | None]) -> list[Start]:
        committed = await group_commits(self._settings)
        positions = dict(undecided)
        foreign = set()
        for one, position in undecided.items():
            if position is None and (found := committed.get((one.topic, one.partition))) is not None:
                positions[one] = found.offset
                foreign |= {one} if found.metadata != OURS else set()
        first = await consumer.beginning_offsets(list(positions))
        # The group's offset may be beyond the stable one: a reader of uncommitted records commits them too.
        end = await self._watermarks.of(positions)
        stable = await consumer.end_offsets(list(positions))
        kept = self._own_offsets(positions)
        new = [one for one, position in positions.items() if position is None]
        again = await self._recreated(consumer, {one: kept[one] for one in new if one in kept}, first)
        otherwise = await self._starts_without_offset(new)
        return [
            start_of(
                one,
                position,
                first[one],
                end[one],
                otherwise.get(one),
                stable=stable[one],
                kept=kept[one].position if one in kept else None,
                again=one in again,
                ours=one not in foreign,
            )
            for one, position in positions.items()
        ]

    def _note(self, starts: Sequence[Start]) -> None:
        for start in starts:
            partition = TopicPartition(start.topic, start.partition)
            self.committed[partition] = start.offset
            self._read_before.add(start.topic)
            if self.undecided.get(partition, start.position) in {None, start.position}:
                self.undecided.pop(partition, None)
            if self._kept is not None:
                self._kept.put((start.topic, start.partition), start.offset)
        if self._kept is not None:
            self._kept.save(soon=False)
        self._started(starts)

    def _own_offsets(self, partitions: Iterable[Any]) -> dict[Any, KeptPosition]:
        if self._kept is None:
            return {}
        found = {one: self._kept.of_partition((one.topic, one.partition)) for one in partitions}
        return {one: kept for one, kept in found.items() if kept is not None}

    @staticmethod
    async def _recreated(consumer: Any, kept: Mapping[Any, KeptPosition], first: Mapping[Any, int]) -> set[Any]:
        """The partitions without an offset whose topic is not the one this engine knew.

        Kafka drops offsets with their topic. In a recreated topic, the first record is newer than everything settled,
        and its offset is before the one where that ended.
        """
        newest = {one: own.newest for one, own in kept.items() if own.newest and first[one] < own.position}
        oldest = await consumer.offsets_for_times(dict.fromkeys(newest, 0)) if newest else {}
        return {one for one, told in oldest.items() if told is not None and told.timestamp > newest[one]}

    async def _starts_without_offset(self, new: Sequence[Any]) -> Mapping[Any, int | None]:
        """Where to start in the partitions in which the group has no offset; None is the end."""
        if not new:
            return {}
        if self._settings.beginning:
            return dict.fromkeys(new, 0)
        known = await self._recall() if self._recall is not None else {}
        read = self._read_before | {topic for topic, _ in known} | (self._kept.topics if self._kept else set())
        # In a topic read before, a partition without an offset was added later, or its offset was lost.
        return {one: known.get((one.topic, one.partition), 0) if one.topic in read else None for one in new}

    async def passed(self, consumer: Any, partitions: Sequence[Any]) -> dict[tuple[str, int], int]:
        """By topic and partition, the next offset to read where it is beyond the group's committed offset.

        Args:
            consumer: aiokafka's.
            partitions: those to look at.
        """
        passed: dict[tuple[str, int], int] = {}
        with contextlib.suppress(IllegalStateError):
            for one in partitions:
                # Before the first answer there is no position yet, and asking for it would wait.
                if one in self.committed and consumer.highwater(one) is not None:
                    position = await consumer.position(one)
                    if position > self.committed[one]:
                        passed[one.topic, one.partition] = position
        return passed

    async def look_for_recreated(self, consumer: Any) -> None:
        """Check that the group still has its offsets: Kafka drops them with their topic.

        Nothing else shows that a topic was deleted and recreated between two requests, and to continue after the old
        offset would skip what the new topic has before it.

        Args:
            consumer: aiokafka's.
        """
        with contextlib.suppress(KafkaError, OSError, IllegalStateError):
            for one in self.committed.keys() & consumer.assignment():
                if await consumer.committed(one) is None and one not in self.undecided:
                    self.committed.pop(one, None)
                    # An offset of the earlier topic.
                    self.undecided[one] = _BEYOND_ANY_END
