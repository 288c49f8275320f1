"""Growing numbers in a list that grows at both ends and loses its lowest, each without a copy of the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Sequence
from operator import neg
from typing import TYPE_CHECKING, overload

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Rows"]


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
