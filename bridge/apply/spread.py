"""How partitions are spread over the lanes: all to one at a time or, while there is a backlog, to each its share."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bridge.kafka.share import Share

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["Spread"]


class Spread:
    """Gives each lane what it may take from, for as long as it works on it.

    Where no batch is full, lanes side by side would only make more and smaller requests of the same movements. So one
    has all partitions then, and the others wait until it has settled what it took.

    Args:
        topics: what all of them take from.
        lanes: how many there are, 1 or more.
        backlog: whether there are more records than one batch takes.
    """

    def __init__(self, topics: frozenset[str], lanes: int, backlog: Callable[[], bool]) -> None:
        self._whole = Share(topics)
        self._shares = [Share(topics, number, lanes) for number in range(lanes)]
        self._backlog = backlog
        self._given: list[Share] = []
        self._freed = asyncio.Condition()

    @contextlib.asynccontextmanager
    async def share(self, lane: int) -> AsyncIterator[Share]:
        """Wait until this lane may take records, and say of which partitions.

        Until the block ends no other lane takes any of those: what is in hand of a partition stays in one lane.

        Args:
            lane: which one, 0 or more.
        """
        async with self._freed:
            while (share := self._next(lane)) is None:
                await self._freed.wait()
            self._given.append(share)
        try:
            yield share
        finally:
            async with self._freed:
                self._given.remove(share)
                self._freed.notify_all()

    def _next(self, lane: int) -> Share | None:
        if self._backlog() and self._whole not in self._given:
            return self._shares[lane]
        return None if self._given else self._whole
