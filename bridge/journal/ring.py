"""Ring buffers with growing sequence numbers, and a signal that notifies a reader of changes.

The engine's thread writes, the screen's thread reads.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["ChangeSignal", "Ring"]

Item = TypeVar("Item")


class ChangeSignal:
    """Notifies a reader of changes, so that it need not poll.

    The reader must call `heard` before it reads, not after: a change while it reads then rings again.
    """

    __slots__ = ("_listener", "_rung")

    def __init__(self) -> None:
        self._listener: Callable[[], None] | None = None
        self._rung = False

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Set the function to call on the writing thread; None removes it.

        Args:
            listener: must be quick and must not raise.
        """
        self._listener = listener
        self._rung = False

    def ring(self) -> None:
        """Signal a change; further calls before the reader's `heard` cost nothing."""
        if not self._rung and (listener := self._listener) is not None:
            self._rung = True
            listener()

    def heard(self) -> None:
        """Note that the reader is about to read."""
        self._rung = False


class Ring(Generic[Item]):
    """The latest items, each with a sequence number: 0, 1, 2 and so on while the process lives.

    One thread writes, any thread reads, without a lock: a reader reads `next` once and requests items below it; an item
    that was overwritten meanwhile is missing from the result. So the writer claims the slots before it writes them, and
    a reader checks the claim after it has read.

    Args:
        capacity: how many items are kept, at least 1.
        weigh: returns the total weight of some items, which must not change later; None for no weights.
        most: the most total weight that is kept. Items added together are dropped together, and the last ones added are
            kept whatever their weight.
        reserved: how many sequence numbers are reserved for earlier items, see `precede`; the first item then has this
            number, not 0.
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
        # Slots below the floor hold None, and are never returned.
        self._items: list[Any] = [None] * min(reserved, capacity)
        self._before = reserved
        """The sequence numbers below are reserved for earlier items."""
        self._next = reserved
        self._claimed = reserved
        self._weigh = weigh
        self._most = most
        self._weight = 0
        self._chunks: deque[tuple[int, int]] = deque()
        """For items added together and still kept, their end and their weight."""
        self._floor = reserved
        """Items below were dropped for their weight, or never existed."""

    @property
    def next(self) -> int:
        """The sequence number of the next item: the number of items so far, plus those reserved."""
        return self._next

    @property
    def first(self) -> int:
        """The lowest sequence number that is still kept; equal to `next` while the ring is empty."""
        return max(self._floor, self._next - self.capacity)

    def __len__(self) -> int:
        return self._next - self.first

    def resize(self, capacity: int, most: int = 0) -> None:
        """Change the capacity and the weight limit; only while nobody writes.

        Args:
            capacity: how many items are kept, at least 1; the oldest are dropped where there are more.
            most: the most total weight.
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
            # Before the slots are emptied, as readers check it after they have read.
            self._floor = floor
            for sequence in range(first, floor):
                self._items[sequence % self.capacity] = None

    def append(self, item: Item) -> None:
        """Append one item; only the writing thread may."""
        self.extend((item,))

    def precede(self, items: Sequence[Item]) -> None:
        """Put earlier items under the reserved sequence numbers; only the writing thread may.

        The latest that fit are stored; none where the following items were dropped already.
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
        # From here on readers see them.
        self._before = self._floor = start

    def get(self, sequence: int) -> Item | None:
        """The item with a sequence number, None if it is not kept (yet or any more)."""
        if not self.first <= sequence < self._next:
            return None
        item: Item = self._items[sequence % self.capacity]
        return item if sequence >= max(self._claimed - self.capacity, self._floor) else None

    def slice(self, start: int, stop: int) -> list[Item]:
        """The items with sequence numbers from `start` to before `stop` that are still kept, in order."""
        start = max(start, self.first)
        stop = min(stop, self._next)
        if start >= stop:
            return []
        low, high = start % self.capacity, (stop - 1) % self.capacity + 1
        found = self._items[low:high] if low < high else self._items[low:] + self._items[:high]
        overwritten = max(self._claimed - self.capacity, self._floor) - start
        return found[overwritten:] if overwritten > 0 else found
