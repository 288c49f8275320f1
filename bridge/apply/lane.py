"""A lane: takes the records of a share of the partitions, has them settled in order, and notes them as settled."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from bridge.apply.patience import DroppedError
from bridge.apply.records import journey_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from bridge.apply.batch import Batch, Settler
    from bridge.apply.in_hand import InHand
    from bridge.apply.patience import Patience
    from bridge.journal import Journal
    from bridge.kafka.commits import Commits
    from bridge.kafka.consumed import ConsumedRecord, Fetched
    from bridge.kafka.consumer import Consumer
    from bridge.kafka.share import Share
    from bridge.route import Does

__all__ = ["Floor", "Lane"]


class Floor(NamedTuple):
    """What all lanes of one membership of the group work with.

    Attributes:
        does: what is done with the records of each topic.
        consumer: where records come from.
        settler: what settles them.
        commits: where settled ones are noted.
        in_hand: what the lanes have in hand.
        patience: whether they may work at all.
        journal: where it is noted that records came.
        ending: set where no more records are to be taken.
    """

    does: Mapping[str, Does]
    consumer: Consumer
    settler: Settler
    commits: Commits
    in_hand: InHand
    patience: Patience
    journal: Journal
    ending: asyncio.Event


class Lane:
    """Works on what it is given of the partitions, one batch after the other.

    Args:
        number: which lane, 0 or more.
        share: gives what it may take from, until what it took is settled.
        most: how many records it takes at most; asked before each batch.
        floor: what it works with.
    """

    def __init__(
        self,
        number: int,
        share: Callable[[], AbstractAsyncContextManager[Share]],
        most: Callable[[], int],
        floor: Floor,
    ) -> None:
        self._number = number
        self._share = share
        self._most = most
        self._floor = floor

    async def run(self) -> None:
        """Work until the membership ends.

        Raises:
            ServerError: the consumer can't go on.
        """
        floor = self._floor
        while not floor.ending.is_set():
            try:
                await floor.patience.running(floor.ending.is_set)
                async with self._share() as share:
                    await self._work(share)
            except DroppedError:
                continue

    async def _work(self, share: Share) -> None:
        floor = self._floor
        fetched = await floor.consumer.poll(share, self._most())
        if not fetched.records:
            await floor.commits.look()
            return
        try:
            await floor.in_hand.take(self._number, len(fetched.records), fetched.generation)
            await self._settle(fetched)
        finally:
            floor.in_hand.put_down(self._number)
            floor.consumer.put_down(fetched)

    async def _settle(self, fetched: Fetched) -> None:
        floor = self._floor

        def gone() -> bool:
            return floor.ending.is_set() or not floor.consumer.holds(fetched.generation)

        if gone():
            return
        await floor.settler.settle(self._batch(fetched.records), gone)
        positions = {(record.topic, record.partition): record.offset + 1 for record in fetched.records}
        await floor.commits.note(positions, fetched.generation)

    def _batch(self, records: Sequence[ConsumedRecord]) -> Batch:
        floor = self._floor
        batch = [
            (journey_of(record, floor.does[record.topic], floor.journal.journeys), floor.does[record.topic], record)
            for record in records
        ]
        fresh = [journey for journey, _, _ in batch if journey.consumed_at is None]
        now = time.time()
        for journey in fresh:
            journey.consumed_at = now
        floor.journal.consumed(fresh)
        return [(journey, does, record.timestamp) for journey, does, record in batch]
