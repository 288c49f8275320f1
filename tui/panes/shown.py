"""Which records of a ring a pane shows: all that are kept, those a filter lets through, those since a clear."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

__all__ = ["Pulled", "Shown"]

Item = TypeVar("Item")
Kept_co = TypeVar("Kept_co", covariant=True)

LOOKS: Final = 5_000
"""How many records that may still change are looked at again in one pull, which takes a few milliseconds."""


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


class Pulled(NamedTuple):
    """What a pull changed: so many rows fell off the top or match no more, so many came or came to match."""

    dropped: int
    added: int


class _Frozen(Generic[Item]):
    """The items of a ring as they stood at one moment, however much is written after it."""

    def __init__(self, source: Source[Item]) -> None:
        self.next = source.next
        self._items = source.slice(source.first, self.next)
        self.first = self.next - len(self._items)

    def get(self, sequence: int) -> Item | None:
        return self._items[sequence - self.first] if self.first <= sequence < self.next else None

    def slice(self, start: int, stop: int) -> Sequence[Item]:
        return self._items[max(0, start - self.first) : max(0, stop - self.first)]


class Shown(Generic[Item]):
    """The rows of a pane, from the oldest to the latest, by the ring's sequence numbers.

    Args:
        source: the ring.
        changing: how far an item has come, None once nothing of it will change; by default none ever changes. What
            a filter says of an item is asked again when that changes: a movement is rejected long after it came.
    """

    def __init__(self, source: Source[Item], changing: Callable[[Item], Hashable | None] = lambda _: None) -> None:
        self._ring = source
        self._changing = changing
        self._open: deque[tuple[int, Hashable | None]] = deque()
        self._source = source
        self._floor = 0
        self._matches: Callable[[Item], bool] | None = None
        self._next = source.first
        self._sequences: range | list[int] = range(source.first, source.first)

    def __len__(self) -> int:
        return len(self._sequences)

    @property
    def paused(self) -> bool:
        """Whether the rows stand still while the ring goes on."""
        return self._source is not self._ring

    @property
    def held_back(self) -> int:
        """How many records the ring got since the pause."""
        return self._ring.next - self._next if self.paused else 0

    def pull(self) -> Pulled:
        """Take over what the source got and lost since the last pull."""
        source, sequences = self._source, self._sequences
        upto = source.next
        first = max(source.first, self._floor)
        dropped = bisect_left(sequences, first)
        if self._matches is None:
            before = len(sequences) - dropped
            self._sequences = range(first, upto)
            added = upto - first - before
        else:
            start = max(self._next, first)
            items = source.slice(start, upto)
            start = upto - len(items)
            matches, changing = self._matches, self._changing
            kept = list(sequences[dropped:])
            lost, came = self._look_again(kept, first, matches)
            for sequence, item in enumerate(items, start):
                # Asked before the filter: what changes between the two is looked at again.
                state = changing(item)
                if state is not None:
                    self._open.append((sequence, state))
                if matches(item):
                    kept.append(sequence)
                    came += 1
            if dropped or lost or came:
                self._sequences = kept
            dropped, added = dropped + lost, came
        self._next = upto
        return Pulled(dropped, added)

    def sequence(self, row: int) -> int | None:
        """The sequence number in a row counted from 0 at the top, or None where there is none."""
        return self._sequences[row] if 0 <= row < len(self._sequences) else None

    def row(self, sequence: int) -> int | None:
        """The row of a sequence number, or None where it is not shown."""
        row = bisect_left(self._sequences, sequence)
        return row if self.sequence(row) == sequence else None

    def place(self, sequence: int) -> int:
        """The row of a sequence number, or where it would stand."""
        return bisect_left(self._sequences, sequence)

    def get(self, sequence: int) -> Item | None:
        """The item under a sequence number, or None where it is no longer kept."""
        return self._source.get(sequence)

    def find(self, item: Item) -> int | None:
        """The sequence number of an item that is shown, the latest where it stands twice, or None."""
        for sequence in reversed(self._sequences):
            if self._source.get(sequence) is item:
                return sequence
        return None

    def clear(self) -> None:
        """Show only what comes from here on; the ring keeps the rest."""
        self._floor = self._source.next

    def only(self, matches: Callable[[Item], bool] | None) -> None:
        """Show what a predicate lets through, of what is kept and of what will come; None shows all."""
        self._matches = matches
        first = max(self._source.first, self._floor)
        self._next = first
        self._sequences = range(first, first) if matches is None else []
        self._open.clear()
        self.pull()

    def pause(self) -> None:
        """Keep the rows as they are."""
        if not self.paused:
            self.pull()
            self._source = _Frozen(self._ring)

    def resume(self) -> None:
        """Go on with what the ring got meanwhile."""
        self._source = self._ring

    def _look_again(self, kept: list[int], first: int, matches: Callable[[Item], bool]) -> tuple[int, int]:
        """Ask the filter again about what changed; gives how many rows went and how many came."""
        lost = came = 0
        for _ in range(min(LOOKS, len(self._open))):
            sequence, before = self._open.popleft()
            item = self._source.get(sequence) if sequence >= first else None
            if item is None:
                continue
            state = self._changing(item)
            # Once more after the last change: the engine's thread may have been in the middle of it.
            if before is not None:
                self._open.append((sequence, state))
            if state == before and state is not None:
                continue
            row = bisect_left(kept, sequence)
            shown = row < len(kept) and kept[row] == sequence
            if matches(item) and not shown:
                kept.insert(row, sequence)
                came += 1
            elif shown and not matches(item):
                del kept[row]
                lost += 1
        return lost, came
