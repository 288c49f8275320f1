"""A bounded log under growing sequence numbers, written by the engine's thread and read by the screen's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Ring"]

Item = TypeVar("Item")


class Ring(Generic[Item]):
    """The latest items, each under its sequence number: 0, 1, 2 and so on for as long as the process lives.

    One thread writes, any thread reads. There is no lock: a reader takes `next` once and asks for what lies below
    it; an item that fell off meanwhile is simply not in what it gets. So the writer claims the places that it is
    about to write before it writes them, and a reader looks at the claim after it has read.

    Args:
        capacity: how many items are kept, at least 1.
    """

    __slots__ = ("_claimed", "_items", "_next", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._items: list[Item] = []
        self._next = 0
        self._claimed = 0

    @property
    def next(self) -> int:
        """The sequence number that the next item will get: how many items there ever were."""
        return self._next

    @property
    def first(self) -> int:
        """The lowest sequence number that is still kept; equal to `next` while the ring is empty."""
        return max(0, self._next - self.capacity)

    def __len__(self) -> int:
        return self._next - self.first

    def extend(self, items: Sequence[Item]) -> None:
        """Append items in order; only the writing thread may."""
        stop = self._next + len(items)
        self._claimed = stop
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

    def append(self, item: Item) -> None:
        """Append one item; only the writing thread may."""
        self.extend((item,))

    def get(self, sequence: int) -> Item | None:
        """The item under a sequence number, or None where it is not yet, or no longer, kept."""
        if not self.first <= sequence < self._next:
            return None
        item = self._items[sequence % self.capacity]
        return item if sequence >= self._claimed - self.capacity else None

    def slice(self, start: int, stop: int) -> list[Item]:
        """The items under the sequence numbers from `start` up to but not with `stop` that are still kept, in order."""
        start = max(start, self.first)
        stop = min(stop, self._next)
        if start >= stop:
            return []
        low, high = start % self.capacity, (stop - 1) % self.capacity + 1
        found = self._items[low:high] if low < high else self._items[low:] + self._items[:high]
        overwritten = self._claimed - self.capacity - start
        return found[overwritten:] if overwritten > 0 else found
