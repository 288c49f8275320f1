"""Rates by the second, latencies, and what waited: of the last minute, and of the last ten for charts."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BOUNDS", "KEPT", "SLICE", "WINDOW", "Gauge", "Latency", "LatencyHistogram", "Rate"]


BOUNDS: Final = tuple(0.000_1 * 10 ** (step / 20) for step in range(141))
"""The upper bounds of the buckets in seconds: 0.1 ms to 1,000 s, each 12 % above the one before."""

WINDOW: Final = 60
"""How many whole seconds the figures of the main screen are of."""

KEPT: Final = 600
"""How many whole seconds are kept."""

SLICE: Final = 10
"""Seconds of a slice of latencies."""

_SLICES: Final = KEPT // SLICE + 1


class Latency(NamedTuple):
    """A summary, in seconds; all 0 where nothing was measured."""

    measured: int
    p50: float
    p95: float
    p99: float
    maximum: float


class LatencyHistogram:
    """The durations of the last KEPT seconds, in slices of SLICE. One thread records, any thread reads."""

    __slots__ = ("_maxima", "_periods", "_slices", "sum", "total")

    def __init__(self) -> None:
        self.total = 0
        self.sum = 0.0
        self._slices = [_counts() for _ in range(_SLICES)]
        self._maxima = [0.0] * _SLICES
        self._periods = [-1] * _SLICES

    def record(self, seconds: float, count: int = 1, now: float | None = None) -> None:
        """Record a duration.

        Args:
            seconds: the duration; a negative one, after a clock change, counts as 0.
            count: how many things took it, 1 or more.
            now: seconds on the monotonic clock; None reads it.
        """
        seconds = max(0.0, seconds)
        period = int((time.monotonic() if now is None else now) // SLICE)
        place = period % _SLICES
        if self._periods[place] != period:
            self._slices[place] = _counts()
            self._maxima[place] = 0.0
            self._periods[place] = period
        self._slices[place][bisect_left(BOUNDS, seconds)] += count
        self._maxima[place] = max(self._maxima[place], seconds)
        self.total += count
        self.sum += seconds * count

    def summary(self, now: float | None = None, over: int = WINDOW) -> Latency:
        """Summarise the last seconds.

        Args:
            now: seconds on the monotonic clock; None reads it.
            over: how many, a multiple of SLICE up to KEPT; of the current slice what has passed is added.
        """
        period = int((time.monotonic() if now is None else now) // SLICE)
        alive = [place for place in range(_SLICES) if 0 <= period - self._periods[place] <= over // SLICE]
        counts = [sum(column) for column in zip(*(self._slices[place] for place in alive), strict=True)]
        count = sum(counts)
        if not count:
            return Latency(0, 0.0, 0.0, 0.0, 0.0)
        maximum = max(self._maxima[place] for place in alive)
        p50, p95, p99 = (_quantile(counts, count, share, maximum) for share in (0.5, 0.95, 0.99))
        return Latency(count, p50, p95, p99, maximum)

    def medians(self, now: float | None = None) -> list[float | None]:
        """The medians of the last KEPT seconds by the slice, oldest first; None where nothing was measured.

        The last one is of the current slice.
        """
        period = int((time.monotonic() if now is None else now) // SLICE)
        found: list[float | None] = []
        for past in range(period - _SLICES + 1, period + 1):
            place = past % _SLICES
            counts, maximum = self._slices[place], self._maxima[place]
            count = sum(counts) if self._periods[place] == past else 0
            found.append(_quantile(counts, count, 0.5, maximum) if count else None)
        return found


def _counts() -> array[int]:
    return array("I", bytes(4 * (len(BOUNDS) + 1)))


def _quantile(counts: Sequence[int], count: int, share: float, maximum: float) -> float:
    wanted, seen = share * count, 0
    for bucket, bound in zip(counts, BOUNDS, strict=False):
        seen += bucket
        if seen >= wanted:
            return min(bound, maximum)
    return maximum


class Rate:
    """A counter with a total and the counts of each of the last KEPT seconds.

    One thread adds, any thread reads.
    """

    __slots__ = ("_began", "_buckets", "_second", "total")

    def __init__(self) -> None:
        self.total = 0
        self._buckets = [0] * (KEPT + 1)
        self._began = self._second = int(time.monotonic())

    def counts_for(self, now: float | None = None) -> int:
        """For how many whole seconds it has counted."""
        return int(time.monotonic() if now is None else now) - self._began

    def add(self, count: int, now: float | None = None) -> None:
        """Add to the count.

        Args:
            count: how many, 0 or more.
            now: seconds on the monotonic clock; None reads it.
        """
        second = int(time.monotonic() if now is None else now)
        for passed in range(self._second + 1, min(second, self._second + KEPT + 1) + 1):
            self._buckets[passed % (KEPT + 1)] = 0
        if second - self._second > KEPT:
            self._buckets = [0] * (KEPT + 1)
        self._second = max(second, self._second)
        self._buckets[self._second % (KEPT + 1)] += count
        self.total += count

    def history(self, now: float | None = None, over: int = WINDOW) -> list[int]:
        """The counts of the last `over` whole seconds, 1 to KEPT, oldest first, without the current second."""
        second = int(time.monotonic() if now is None else now)
        return [
            self._buckets[past % (KEPT + 1)] if self._second - KEPT <= past <= self._second and past >= 0 else 0
            for past in range(second - over, second)
        ]

    def per_second(self, now: float | None = None, over: int = 3) -> float:
        """The mean of the last `over` whole seconds, 1 to KEPT."""
        return sum(self.history(now, over)) / over


class Gauge:
    """A figure that goes up and down, as it stood in each of the last KEPT seconds.

    One thread notes, any thread reads.
    """

    __slots__ = ("_noted", "_seconds")

    def __init__(self) -> None:
        self._noted = array("q", bytes(8 * (KEPT + 1)))
        self._seconds = array("q", [-1] * (KEPT + 1))

    def note(self, figure: int, now: float | None = None) -> None:
        """Note how it stands.

        Args:
            figure: its value; where it is noted again within a second, the last one counts.
            now: seconds on the monotonic clock; None reads it.
        """
        second = int(time.monotonic() if now is None else now)
        place = second % (KEPT + 1)
        self._noted[place] = figure
        self._seconds[place] = second

    def history(self, now: float | None = None) -> list[int | None]:
        """How it stood in the last KEPT seconds, oldest first and the current one last; None if it was not noted."""
        second = int(time.monotonic() if now is None else now)
        places = [(past, past % (KEPT + 1)) for past in range(second - KEPT + 1, second + 1)]
        return [self._noted[place] if self._seconds[place] == past else None for past, place in places]
