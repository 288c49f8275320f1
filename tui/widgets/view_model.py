"""Which records of a ring a pane shows: all that are kept, those a filter lets through, those since a clear."""

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
"""How many records that may still change are looked at again in one pull, which takes a few milliseconds."""

CHUNK: Final = 16
"""After how many records the clock is asked."""

REACH: Final = 10_000
"""How many records are searched for one by identity at a time."""


class Rows(Sequence[int]):
    """Sequence numbers in growing order, each once."""

    def __init__(self) -> None:
        self._low: list[int] = []
        """The lower ones, falling."""
        self._high: list[int] = []
        """The higher ones, growing."""

    def __len__(self) -> int:
        return len(self._low) + len(self._high)

    @overload
    def __getitem__(self, row: int) -> int: ...

    @overload
    def __getitem__(self, row: slice) -> Sequence[int]: ...

    def __getitem__(self, row: int | slice) -> int | Sequence[int]:
        """The number in a row from 0; a slice is a list."""
        if isinstance(row, slice):
            return [self[place] for place in range(*row.indices(len(self)))]
        if row < 0:
            row += len(self)
        low = len(self._low)
        if row < 0:
            raise IndexError(row)
        return self._low[low - 1 - row] if row < low else self._high[row - low]

    def before(self, falling: Iterable[int]) -> None:
        """Put numbers before all others, given from the highest to the lowest."""
        self._low += falling

    def after(self, growing: Iterable[int]) -> None:
        """Put numbers behind all others."""
        self._high += growing

    def drop_below(self, first: int) -> int:
        """Drop the numbers below one, and say how many those were."""
        kept = bisect_right(self._low, -first, key=neg)
        dropped = len(self._low) - kept
        del self._low[kept:]
        if not kept:
            more = bisect_left(self._high, first)
            del self._high[:more]
            dropped += more
        return dropped

    def put(self, number: int) -> bool:
        """Put one in where it belongs; whether it was not there."""
        if self._has(number):
            return False
        if self._low and number < self._low[0]:
            insort(self._low, number, key=neg)
        else:
            insort(self._high, number)
        return True

    def take(self, number: int) -> bool:
        """Take one out; whether it was there."""
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


class Pulled(NamedTuple):
    """What a pull changed.

    Attributes:
        dropped: how many rows fell off the top or match no more.
        added: how many came, or came to match.
        older: how many came before all others: those of before the start, and what was found among what was there
            before the filter.
    """

    dropped: int
    added: int
    older: int = 0


class ViewModel(Generic[Item]):
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
        self._back = source.first
        """Below which the filter has not been asked yet."""
        self._found: list[int] = []
        """What was found of it and is not shown yet, the latest first."""
        self._sequences: range | Rows = range(source.first, source.first)

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

    @property
    def left(self) -> int:
        """How many records of before the filter has not been asked about yet."""
        return 0 if self._matches is None else max(0, self._back - self._first)

    def pull(self, seconds: float = SLICE) -> Pulled:
        """Take over what the source got and lost since the last pull, and what `look_back` found.

        Args:
            seconds: how long a filter may be asked about what came; the rest is left to the next pull.
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
            # The ring may have gone over the first of them meanwhile.
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
        """Ask the filter about what was there before it, from the latest to the oldest; `pull` shows what was found.

        Args:
            seconds: how long at most.

        Returns:
            Whether something is left to ask about.
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
        """Show only what comes from here on; the ring keeps the rest."""
        self._floor = self._source.next

    def only(self, matches: Callable[[Item], bool] | None) -> None:
        """Show what a predicate lets through, of what is kept and of what will come; None shows all."""
        self._matches = matches
        self._next = self._back = self._source.next
        self._found = []
        self._sequences = range(self._first, self._first) if matches is None else Rows()
        self._open.clear()
        self.look_back()
        self.pull()

    def pause(self) -> None:
        """Keep the rows as they are."""
        if not self.paused:
            self.pull()
            self._source = Frozen(self._ring)

    def resume(self) -> None:
        """Go on with what the ring got meanwhile."""
        self._source = self._ring

    @property
    def _first(self) -> int:
        return max(self._source.first, self._floor)

    def _asked(self, sequence: int, item: Item, matches: Callable[[Item], bool]) -> bool:
        # Asked before the filter: what changes between the two is looked at again.
        state = self._changing(item)
        if state is not None:
            self._open.append((sequence, state))
        return matches(item)

    def _look_again(self, rows: Rows, first: int, matches: Callable[[Item], bool], until: float) -> tuple[int, int]:
        """Ask the filter again about what changed; gives how many rows went and how many came."""
        lost = came = 0
        for looked in range(min(LOOKS, len(self._open))):
            if looked % CHUNK == CHUNK - 1 and time.perf_counter() > until:
                break
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
            if matches(item):
                came += rows.put(sequence)
            else:
                lost += rows.take(sequence)
        return lost, came
