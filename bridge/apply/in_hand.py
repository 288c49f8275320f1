"""What the lanes have taken from Kafka and not settled yet."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

__all__ = ["InHand"]


class _Held(NamedTuple):
    records: int
    generation: int


class InHand:
    """Counts what is in hand, and keeps the generations of the assignment apart."""

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._quiet_since = time.monotonic()
        self._less = asyncio.Event()

    @property
    def records(self) -> int:
        """How many records all lanes have in hand."""
        return sum(held.records for held in self._held.values())

    @property
    def quiet_since(self) -> float:
        """Since when, by `time.monotonic`, no lane has had a record in hand; infinite where one has."""
        return float("inf") if self._held else self._quiet_since

    async def take(self, lane: int, records: int, generation: int) -> None:
        """Take records in hand, once no lane has any of an older assignment.

        After a rebalance a partition may be another lane's, whose records would overtake, and be committed before,
        those of the same partition that are not settled.
        """
        while any(held.generation < generation for held in self._held.values()):
            await self._less.wait()
        self._held[lane] = _Held(records, generation)

    def put_down(self, lane: int) -> None:
        """A lane has settled or dropped what it had."""
        self._held.pop(lane, None)
        self._quiet_since = time.monotonic()
        self._less.set()
        self._less = asyncio.Event()

    async def all_settled(self) -> None:
        """Wait until nothing is in hand."""
        while self._held:
            await self._less.wait()
