"""Where a pane's records are read from: a ring that goes on, or what it was at one moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Frozen", "Source"]

Item = TypeVar("Item")
Kept_co = TypeVar("Kept_co", covariant=True)


class Source(Protocol[Kept_co]):
    """What is read of a ring."""

    @property
    def first(self) -> int:
        """The lowest sequence number that is kept."""
        ...

    @property
    def next(self) -> int:
        """The sequence number that the next item will get."""
        ...

    def get(self, sequence: int) -> Kept_co | None:
        """The item under a sequence number, or None."""
        ...

    def slice(self, start: int, stop: int) -> Sequence[Kept_co]:
        """The items from `start` up to but not with `stop` that are kept."""
        ...


class Frozen(Generic[Item]):
    """The items of a ring as they stood at one moment, however much is written after it.

    Args:
        source: the ring.
    """

    def __init__(self, source: Source[Item]) -> None:
        self.next = source.next
        self._items = source.slice(source.first, self.next)
        self.first = self.next - len(self._items)

    def get(self, sequence: int) -> Item | None:
        """The item under a sequence number, or None."""
        return self._items[sequence - self.first] if self.first <= sequence < self.next else None

    def slice(self, start: int, stop: int) -> Sequence[Item]:
        """The items from `start` up to but not with `stop`."""
        return self._items[max(0, start - self.first) : max(0, stop - self.first)]
