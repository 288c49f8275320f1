"""Which records of a ring a pane shows: all that are kept, those that match a filter, or those since a clear."""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Sequence
from operator import neg
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar, overload

from tui.scheduler import SLICE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

__all__ = ["Frozen", "Pulled", "Rows", "Source", "ViewModel"]

Item = TypeVar("Item")

Kept_co = TypeVar("Kept_co", covariant=True)

LOOKS: Final = 5_000
"""How many records that may still change are checked again in one pull, which takes a few milliseconds."""

CHUNK: Final = 16
"""The number of records after which the clock is checked."""

REACH: Final = 10_000
"""How many records are searched for one by identity at a time."""


class Rows(Sequence[int]):
    """Sequence numbers in ascending order, each once."""

    def __init__(self) -> None:
        self._low: list[int] = []
        """The lower ones, descending."""
        self._high: list[int] = []
        """The higher ones, ascending."""

    def __len__(self) -> int:
        return len(self._low) + len(self._high)

    @overload
    def __getitem__(self, row: int) -> int: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[int]: ...

    def __getitem__(self, row: int | slice) -> int | Sequence[int]:
        """The number in a row from 0; a slice returns a list."""
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        if row < 0:
            row += len(self)
        low = len(self._low)
        if row < 0:
            raise IndexError(row)
        return self._low[low - 1 - row] if row < low else self._high[row - low]

    def before(self, falling: Iterable[int]) -> None:
        """Put numbers before all others, given in descending order."""
        self._low += falling

    def after(self, growing: Iterable[int]) -> None:
        """Put numbers after all others."""
        self._high += growing

    def drop_below(self, first: int) -> int:
        """Drop the numbers below this one, and return how many there were."""
        kept = bisect_right(self._low, -first, key=neg)
        dropped = len(self._low) - kept
        del self._low[kept:]
        if not kept:
            more = bisect_left(self._high, first)
            del self._high[:more]
            dropped += more
        return dropped

    def put(self, number: int) -> bool:
        """Insert a number in its place; return whether it is new."""
        if self._has(number):
            return False
        if self._low and number < self._low[0]:
            insort(self._low, number, key=neg)
        else:
            insort(self._high, number)
        return True

    def take(self, number: int) -> bool:
        """Remove a number; return whether it was there."""
        row = bisect_left(self, number)
        if not self._has(number):
            return False
        low = len(self._low)
        if row < low:
            del self._low[low - 1 - row]
        else:
            del self._high[row - low]
        return True

    def _has(self, number: int) -> bool:
        row = bisect_left(self, number)
        return row < len(self) and self[row] == number


class Source(Protocol[Kept_co]):
    """The methods of a ring for reading."""

    @property
    def first(self) -> int:
        """The lowest sequence number that is kept."""
        ...

    @property
    def next(self) -> int:
        """The sequence number of the next item."""
        ...

    def get(self, sequence: int) -> Kept_co | None:
        """The item with a sequence number, or None."""
        ...

    def slice(self, start: int, stop: int) -> Sequence[Kept_co]:
        """The kept items from `start` to before `stop`."""
        ...


class Frozen(Generic[Item]):
    """The items of a ring at one moment, unaffected by later writes.

    Args:
        source: the ring.
    """

    def __init__(self, source: Source[Item]) -> None:
        self.next = source.next
        self._items = source.slice(source.first, self.next)
        self.first = self.next - len(self._items)

    def get(self, sequence: int) -> Item | None:
        """The item with a sequence number, or None."""
        return self._items[sequence - self.first] if self.first <= sequence < self.next else None

    def slice(self, start: int, stop: int) -> Sequence[Item]:
        """The items from `start` to before `stop`."""
        return self._items[max(0, start - self.first) : max(0, stop - self.first)]


class Pulled(NamedTuple):
    """What a pull changed.

    Attributes:
        dropped: how many rows were dropped at the top or no longer match.
        added: how many arrived, or match now.
        older: how many were added before all others: from before the start, and matches from before the filter was set.
    """

    dropped: int
    added: int
    older: int = 0


class ViewModel(Generic[Item]):
    """The rows of a pane, from the oldest to the latest, as sequence numbers of the ring.

    Args:
        source: the ring.
        changing: returns an item's state, None once it will not change any more; by default none ever changes. The
            filter is evaluated again when the state changes, as a movement may be rejected long after it arrived.
    """

    def __init__(self, source: Source[Item], changing: Callable[[Item], Hashable | None] = lambda _: None) -> None:
        self._ring = source
        self._changing = changing
        self._open: deque[tuple[int, Hashable | None]] = deque()
        self._source = source
        self._floor = 0
        self._matches: Callable[[Item], bool] | None = None
        self._next = source.first
        self._back = source.first
        """The filter has not been evaluated below this."""
        self._found: list[int] = []
        """Matches below it that are not shown yet, the latest first."""
        self._sequences: range | Rows = range(source.first, source.first)

    def __len__(self) -> int:
        return len(self._sequences)

    @property
    def paused(self) -> bool:
        """Whether the rows are frozen while the ring continues."""
        return self._source is not self._ring

    @property
    def held_back(self) -> int:
        """How many records the ring got since the pause."""
        return self._ring.next - self._next if self.paused else 0

    @property
    def left(self) -> int:
        """How many records from before the filter have not been evaluated yet."""
        return 0 if self._matches is None else max(0, self._back - self._first)

    def pull(self, seconds: float = SLICE) -> Pulled:
        """Update the rows with what the source got and lost since the last pull, and what `look_back` found.

        Args:
            seconds: the time limit for evaluating the filter; the rest is left to the next pull.
        """
        source, first, matches = self._source, self._first, self._matches
        upto = source.next
        if matches is None or isinstance(self._sequences, range):
            before = len(self._sequences) - bisect_left(self._sequences, first)
            dropped = len(self._sequences) - before
            above = max(0, self._sequences[0] - first) if self._sequences else 0
            self._sequences = range(first, upto)
            self._next = upto
            return Pulled(dropped, upto - first - before - above, above)
        rows = self._sequences
        dropped = rows.drop_below(first)
        older = [sequence for sequence in self._found if sequence >= first]
        rows.before(older)
        self._found = []
        until = time.perf_counter() + seconds
        lost, came = self._look_again(rows, first, matches, until)
        start = max(self._next, first)
        while start < upto:
            items = source.slice(start, min(upto, start + CHUNK))
            # The ring may have overwritten the first of them meanwhile.
            start = min(upto, start + CHUNK) - len(items)
            found = [sequence for sequence, item in enumerate(items, start) if self._asked(sequence, item, matches)]
            rows.after(found)
            came += len(found)
            start += len(items)
            if time.perf_counter() > until:
                break
        self._next = start
        return Pulled(dropped + lost, came, len(older))

    def look_back(self, seconds: float = SLICE) -> bool:
        """Evaluate the filter on earlier records, from the latest to the oldest; `pull` shows the matches.

        Args:
            seconds: the time limit.

        Returns:
            Whether some are left.
        """
        matches = self._matches
        if matches is None:
            return False
        until = time.perf_counter() + seconds
        while self.left and time.perf_counter() < until:
            stop = self._back
            start = max(self._first, stop - CHUNK)
            items = self._source.slice(start, stop)
            for sequence in range(stop - 1, stop - 1 - len(items), -1):
                if self._asked(sequence, items[sequence - stop], matches):
                    self._found.append(sequence)
            self._back = start
        return self.left > 0

    def sequence(self, row: int) -> int | None:
        """The sequence number in a row counted from 0 at the top, or None if there is none."""
        return self._sequences[row] if 0 <= row < len(self._sequences) else None

    def row(self, sequence: int) -> int | None:
        """The row of a sequence number, or None if it is not shown."""
        row = bisect_left(self._sequences, sequence)
        return row if self.sequence(row) == sequence else None

    def place(self, sequence: int) -> int:
        """The row of a sequence number, or where it would be inserted."""
        return bisect_left(self._sequences, sequence)

    def get(self, sequence: int) -> Item | None:
        """The item with a sequence number, or None if it is no longer kept."""
        return self._source.get(sequence)

    def find(self, item: Item) -> int | None:
        """The sequence number of a shown item, the latest if it is there twice, or None."""
        first = max(self._first, self._sequences[0]) if self._sequences else 0
        stop = self._sequences[-1] + 1 if self._sequences else 0
        while stop > first:
            items = self._source.slice(max(first, stop - REACH), stop)
            items = items[::-1]
            if item in items:
                sequence = stop - 1 - items.index(item)
                return sequence if self.row(sequence) is not None else None
            stop -= REACH
        return None

    def clear(self) -> None:
        """Show only what arrives from now on; the ring keeps the rest."""
        self._floor = self._source.next

    def only(self, matches: Callable[[Item], bool] | None) -> None:
        """Show what matches a predicate, of what is kept and of what will arrive; None shows all."""
        self._matches = matches
        self._next = self._back = self._source.next
        self._found = []
        self._sequences = range(self._first, self._first) if matches is None else Rows()
        self._open.clear()
        self.look_back()
        self.pull()

    def pause(self) -> None:
        """Freeze the rows."""
        if not self.paused:
            self.pull()
            self._source = Frozen(self._ring)

    def resume(self) -> None:
        """Continue with what the ring got meanwhile."""
        self._source = self._ring

    @property
    def _first(self) -> int:
        return max(self._source.first, self._floor)

    def _asked(self, sequence: int, item: Item, matches: Callable[[Item], bool]) -> bool:
        # Read before the filter is evaluated, so that changes in between are checked again.
        state = self._changing(item)
        if state is not None:
            self._open.append((sequence, state))
        return matches(item)

    def _look_again(self, rows: Rows, first: int, matches: Callable[[Item], bool], until: float) -> tuple[int, int]:
        """Evaluate the filter again on changed records; return how many rows were removed and added."""
        lost = came = 0
        for looked in range(min(LOOKS, len(self._open))):
            if looked % CHUNK == CHUNK - 1 and time.perf_counter() > until:
                break
            sequence, before = self._open.popleft()
            item = self._source.get(sequence) if sequence >= first else None
            if item is None:
                continue
            state = self._changing(item)
            # Once more after the last change, as the engine's thread may have been in the middle of it.
            if before is not None:
                self._open.append((sequence, state))
            if state == before and state is not None:
                continue
            if matches(item):
                came += rows.put(sequence)
            else:
                lost += rows.take(sequence)
        return lost, came
