"""Rings of records under growing sequence numbers, and the signal by which a reader hears of a change.

The engine's thread writes them, the screen's reads them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ChangeSignal", "Ring"]

Item = TypeVar("Item")


class ChangeSignal:
    """Tells a reader that there is something to read, so that it need not look for it again and again.

    The reader says `heard` before it looks and not after: what comes while it looks rings again.
    """

    __slots__ = ("_listener", "_rung")

    def __init__(self) -> None:
        self._listener: Callable[[], None] | None = None
        self._rung = False

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Have something called, on the thread that rings, or nothing any more.

        Args:
            listener: must be quick and raise nothing.
        """
        self._listener = listener
        self._rung = False

    def ring(self) -> None:
        """Something was written down; the second ring before it is heard costs nothing."""
        if not self._rung and (listener := self._listener) is not None:
            self._rung = True
            listener()

    def heard(self) -> None:
        """The reader is about to look."""
        self._rung = False


class Ring(Generic[Item]):
    """The latest items, each under its sequence number: 0, 1, 2 and so on for as long as the process lives.

    One thread writes, any thread reads. There is no lock: a reader takes `next` once and asks for what lies below
    it; an item that fell off meanwhile is simply not in what it gets. So the writer claims the places that it is
    about to write before it writes them, and a reader looks at the claim after it has read.

    Args:
        capacity: how many items are kept, at least 1.
        weigh: what some items weigh together, without a change from then on; None where all weigh nothing.
        most: what the items that are kept weigh at most. Those that came together go together, and those that came
            last are kept whatever they weigh.
        reserved: how many sequence numbers are left free for items of before the first, see `precede`; that one's
            number is then this and not 0.
    """

    __slots__ = (
        "_before",
        "_chunks",
        "_claimed",
        "_floor",
        "_items",
        "_most",
        "_next",
        "_weigh",
        "_weight",
        "capacity",
    )

    def __init__(
        self,
        capacity: int,
        weigh: Callable[[Sequence[Item]], int] | None = None,
        most: int = 0,
        reserved: int = 0,
    ) -> None:
        self.capacity = capacity
        # Places below the floor hold None, which nobody is given.
        self._items: list[Any] = [None] * min(reserved, capacity)
        self._before = reserved
        """The sequence numbers below are free for items of before the first."""
        self._next = reserved
        self._claimed = reserved
        self._weigh = weigh
        self._most = most
        self._weight = 0
        self._chunks: deque[tuple[int, int]] = deque()
        """Of the items that came together and are kept, where they end and what they weigh."""
        self._floor = reserved
        """The items below were dropped for their weight, or never were."""

    @property
    def next(self) -> int:
        """The sequence number that the next item will get: how many items there ever were, and those reserved."""
        return self._next

    @property
    def first(self) -> int:
        """The lowest sequence number that is still kept; equal to `next` while the ring is empty."""
        return max(self._floor, self._next - self.capacity)

    def __len__(self) -> int:
        return self._next - self.first

    def resize(self, capacity: int, most: int = 0) -> None:
        """Keep another number of items from now on, and another weight; only while nobody writes.

        Args:
            capacity: how many are kept, at least 1; the oldest go where there are more.
            most: what they weigh at most.
        """
        kept = self.slice(self.first, self._next)[-capacity:]
        first = self._next - len(kept)
        items: list[Any] = [None] * min(self._next, capacity)
        for sequence, item in enumerate(kept, first):
            items[sequence % capacity] = item
        self._floor, self.capacity, self._most, self._items = max(self._floor, first), capacity, most, items

    def extend(self, items: Sequence[Item]) -> None:
        """Append items in order; only the writing thread may."""
        stop = self._next + len(items)
        self._claimed = stop
        if self._weigh is not None and items:
            self._make_room(stop, self._weigh(items))
        if len(items) >= self.capacity:
            first = self.capacity - stop % self.capacity
            kept = items[-self.capacity :]
            self._items[:] = [*kept[first:], *kept[:first]]
        else:
            place = self._next % self.capacity
            room = self.capacity - place
            self._items[place : place + len(items)] = items[:room]
            self._items[: max(0, len(items) - room)] = items[room:]
        self._next = stop

    def _make_room(self, stop: int, weight: int) -> None:
        chunks = self._chunks
        self._weight += weight
        while chunks and chunks[0][0] <= stop - self.capacity:
            self._weight -= chunks.popleft()[1]
        first, floor = self.first, self._floor
        while chunks and self._weight > self._most:
            floor, lighter = chunks.popleft()
            self._weight -= lighter
        chunks.append((stop, weight))
        if floor > self._floor:
            # Before the places are emptied: a reader looks at it after it has read.
            self._floor = floor
            for sequence in range(first, floor):
                self._items[sequence % self.capacity] = None

    def append(self, item: Item) -> None:
        """Append one item; only the writing thread may."""
        self.extend((item,))

    def precede(self, items: Sequence[Item]) -> None:
        """Put items of before the first one under the numbers that are reserved for them; only the writing thread may.

        The latest are taken, as many as find room; none where the items behind them were dropped already.
        """
        behind = self._before
        if self._floor != behind:
            return
        weight, start, least = 0, behind, max(behind - len(items), self._next - self.capacity, 0)
        for item in reversed(items):
            weighs = self._weigh((item,)) if self._weigh is not None else 0
            if start <= least or (self._weigh is not None and self._weight + weight + weighs > self._most):
                break
            start, weight = start - 1, weight + weighs
            self._items[start % self.capacity] = item
        if self._weigh is not None and start < behind:
            self._chunks.appendleft((behind, weight))
            self._weight += weight
        # Only now does a reader look there.
        self._before = self._floor = start

    def get(self, sequence: int) -> Item | None:
        """The item under a sequence number, or None where it is not yet, or no longer, kept."""
        if not self.first <= sequence < self._next:
            return None
        item: Item = self._items[sequence % self.capacity]
        return item if sequence >= max(self._claimed - self.capacity, self._floor) else None

    def slice(self, start: int, stop: int) -> list[Item]:
        """The items under the sequence numbers from `start` up to but not with `stop` that are still kept, in order."""
        start = max(start, self.first)
        stop = min(stop, self._next)
        if start >= stop:
            return []
        low, high = start % self.capacity, (stop - 1) % self.capacity + 1
        found = self._items[low:high] if low < high else self._items[low:] + self._items[:high]
        overwritten = max(self._claimed - self.capacity, self._floor) - start
        return found[overwritten:] if overwritten > 0 else found
