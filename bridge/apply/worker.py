"""Workers: the assignment of partitions to them, their records in flight, and the processing of a batch."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from bridge.apply.retry import DroppedError
from bridge.apply.settle import journey_of
from bridge.kafka.fetching import PartitionShare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from bridge.apply.retry import Retry
    from bridge.apply.settle import Settled, Settler
    from bridge.journal import Journal, Journey
    from bridge.kafka.commits import Commits
    from bridge.kafka.consumer import Consumer
    from bridge.kafka.kept_positions import KeptPositions
    from bridge.kafka.record import ConsumedRecord, Fetched
    from bridge.route import RouteKind

__all__ = ["Assignment", "InFlightRecords", "Workers"]


class _Held(NamedTuple):
    records: Mapping[str, int]
    generation: int


class InFlightRecords:
    """Counts the records in flight, by worker and generation of the group's assignment."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._coming: dict[int, Mapping[str, int]] = {}
        """Records that a worker has taken from Kafka but that wait until those of an older generation are settled."""
        self._quiet_since = time.monotonic()
        self._less = asyncio.Event()

    @property
    def records(self) -> Counter[str]:
        """How many records of each topic all workers have taken from Kafka and not settled."""
        taken: Counter[str] = Counter()
        for records in (*(held.records for held in self._held.values()), *self._coming.values()):
            taken.update(records)
        return taken

    @property
    def quiet_since(self) -> float:
        """Since when, by `time.monotonic`, no records are in flight; infinite while there are some."""
        return float("inf") if self._held else self._quiet_since

    async def take(self, worker: int, records: Mapping[str, int], generation: int) -> None:
        """Register records as in flight, once no worker has any of an older generation.

        After a rebalance a partition may belong to another worker, whose records would otherwise overtake those of the
        same partition that are not settled, and be committed before them.

        Args:
            worker: its number.
            records: how many of each topic.
            generation: of the assignment under which they were fetched.
        """
        self._coming[worker] = records
        try:
            while any(held.generation < generation for held in self._held.values()):
                await self._less.wait()
            self._held[worker] = _Held(records, generation)
        finally:
            del self._coming[worker]

    def put_down(self, worker: int) -> None:
        """Note that a worker has settled or dropped its records."""
        self._held.pop(worker, None)
        self._quiet_since = time.monotonic()
        self._less.set()
        self._less = asyncio.Event()

    async def all_settled(self) -> None:
        """Wait until nothing is in flight."""
        while self._held:
            await self._less.wait()


class Assignment:
    """Assigns partitions to workers, each time until the worker has settled its batch.

    As long as batches are not full, parallel workers would only split the same movements into more and smaller
    requests. Then one worker gets all partitions, and the others wait until it has settled its batch.

    Args:
        topics: the topics of all workers.
        workers: how many there are, 1 or more.
        backlog: returns whether more records wait than one batch takes.
    """

    def __init__(self, topics: frozenset[str], workers: int, backlog: Callable[[], bool]) -> None:
        self._whole = PartitionShare(topics)
        self._shares = [PartitionShare(topics, number, workers) for number in range(workers)]
        self._backlog = backlog
        self._given: list[PartitionShare] = []
        self._freed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def share(self, worker: int) -> AsyncIterator[PartitionShare]:
        """Wait until this worker may take records, and yield from which partitions.

        Until the block ends no other worker gets any of those, so records in flight of a partition belong to one
        worker.

        Args:
            worker: its number, from 0.
        """
        async with self._freed:
            while (share := self._next(worker)) is None:
                await self._freed.wait()
            self._given.append(share)
        try:
            yield share
        finally:
            async with self._freed:
                self._given.remove(share)
                self._freed.notify_all()

    def _next(self, worker: int) -> PartitionShare | None:
        if self._backlog() and self._whole not in self._given:
            return self._shares[worker]
        return None if self._given else self._whole


class Workers:
    """The workers of one membership in the group, in parallel, each on one batch after the other.

    Args:
        does: what is done with the records of each topic.
        consumer: delivers records.
        settler: settles them.
        commits: commits the settled offsets.
        settled: the offsets up to which partitions are settled.
        kept: the same, in a file of this engine.
        retry: holds the workers back while paused.
        journal: where it is noted that records were received.

    Attributes:
        in_flight: the records taken and not settled.
        ending: set when no more records are to be taken.
    """

    def __init__(
        self,
        *,
        does: Mapping[str, RouteKind],
        consumer: Consumer,
        settler: Settler,
        commits: Commits,
        settled: Settled,
        kept: KeptPositions,
        retry: Retry,
        journal: Journal,
    ) -> None:
        self.in_flight = InFlightRecords()
        self.ending = asyncio.Event()
        self._does = does
        self._consumer = consumer
        self._settler = settler
        self._commits = commits
        self._settled = settled
        self._kept = kept
        self._retry = retry
        self._journal = journal

    async def run(
        self, worker: int, share: Callable[[], AbstractAsyncContextManager[PartitionShare]], most: Callable[[], int]
    ) -> None:
        """Run one worker until the membership ends.

        Args:
            worker: its number, from 0.
            share: yields the partitions it may take from, until its batch is settled.
            most: returns the most records of a batch; called before each.

        Raises:
            ServerError: the consumer can't continue.
        """
        while not self.ending.is_set():
            try:
                await self._retry.running(self.ending.is_set)
                async with share() as partitions:
                    await self._work(worker, await self._consumer.poll(partitions, most()))
            except DroppedError:
                continue

    async def _work(self, worker: int, fetched: Fetched) -> None:
        if not fetched.records:
            await self._pass(worker, fetched)
            return
        batch: list[Journey] = []
        try:
            taken = Counter([record.topic for record in fetched.records])
            await self.in_flight.take(worker, taken, fetched.generation)
            await self._settle(fetched, batch)
        finally:
            for journey in batch:
                journey.shorten()
                journey.timestamp = 0
            self.in_flight.put_down(worker)
            self._consumer.put_down(fetched)

    async def _settle(self, fetched: Fetched, batch: list[Journey]) -> None:
        gone = self._gone(fetched)
        if gone():
            return
        batch += self._journeys(fetched.records)
        ranges = self._settled.of(fetched.records)
        await self._settler.settle(batch, gone, ranges)
        self._settled.note(ranges)
        self._kept.settled(fetched.records)
        self._kept.save()
        positions = {(record.topic, record.partition): record.offset + 1 for record in fetched.records}
        await self._commits.note(positions, fetched.generation)

    async def _pass(self, worker: int, fetched: Fetched) -> None:
        """Settle offsets that hold no record: transaction markers, and records of aborted transactions.

        Otherwise the group would stop before them, and count them as lag, until the next record arrives.
        """
        if not fetched.passed:
            await self._commits.look()
            return
        # Everything taken before from these partitions is settled, or was dropped with its generation.
        ranges = self._settled.passed(fetched.passed)
        if ranges:
            await self.in_flight.take(worker, {}, fetched.generation)
            try:
                await self._settler.settle([], self._gone(fetched), ranges)
                self._settled.note(ranges)
            finally:
                self.in_flight.put_down(worker)
        if not self._gone(fetched)():
            await self._commits.note(fetched.passed, fetched.generation)

    def _gone(self, fetched: Fetched) -> Callable[[], bool]:
        """Return a check of whether these records must be dropped."""
        return lambda: self.ending.is_set() or not self._consumer.holds(fetched.generation)

    def _journeys(self, records: Sequence[ConsumedRecord]) -> list[Journey]:
        journeys = [journey_of(record, self._does[record.topic], self._journal.known) for record in records]
        fresh = [journey for journey in journeys if journey.consumed_at is None]
        now = time.time()
        for journey in fresh:
            journey.consumed_at = now
        self._journal.consumed(fresh)
        return journeys
