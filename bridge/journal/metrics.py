"""Rates by the second, and latencies over the last minute."""

from __future__ import annotations

import time
from bisect import bisect_left
from typing import Final, NamedTuple

__all__ = ["BOUNDS", "WINDOW", "Latency", "LatencyHistogram", "Rate"]


BOUNDS: Final = tuple(0.000_1 * 10 ** (step / 20) for step in range(141))
"""The upper bounds of the buckets in seconds: 0.1 ms to 1,000 s, each 12 % above the one before."""

_SLICE: Final = 10
_SLICES: Final = 7

WINDOW: Final = 60
"""How many whole seconds are kept."""


class Latency(NamedTuple):
    """A summary, in seconds; all 0 where nothing was measured."""

    measured: int
    p50: float
    p99: float
    maximum: float


class LatencyHistogram:
    """The durations of the last minute, in slices of ten seconds. One thread records, any thread reads."""

    __slots__ = ("_maxima", "_periods", "_slices", "sum", "total")

    def __init__(self) -> None:
        self.total = 0
        self.sum = 0.0
        self._slices = [[0] * (len(BOUNDS) + 1) for _ in range(_SLICES)]
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
        period = int((time.monotonic() if now is None else now) // _SLICE)
        place = period % _SLICES
        if self._periods[place] != period:
            self._slices[place] = [0] * (len(BOUNDS) + 1)
            self._maxima[place] = 0.0
            self._periods[place] = period
        self._slices[place][bisect_left(BOUNDS, seconds)] += count
        self._maxima[place] = max(self._maxima[place], seconds)
        self.total += count
        self.sum += seconds * count

    def summary(self, now: float | None = None) -> Latency:
        """Summarise the last 60 to 70 seconds."""
        period = int((time.monotonic() if now is None else now) // _SLICE)
        alive = [place for place in range(_SLICES) if 0 <= period - self._periods[place] < _SLICES]
        counts = [sum(column) for column in zip(*(self._slices[place] for place in alive), strict=True)]
        count = sum(counts)
        if not count:
            return Latency(0, 0.0, 0.0, 0.0)
        maximum = max(self._maxima[place] for place in alive)
        return Latency(count, _quantile(counts, count, 0.5, maximum), _quantile(counts, count, 0.99, maximum), maximum)


def _quantile(counts: list[int], count: int, share: float, maximum: float) -> float:
    wanted, seen = share * count, 0
    for bucket, bound in zip(counts, BOUNDS, strict=False):
        seen += bucket
        if seen >= wanted:
            return min(bound, maximum)
    return maximum


class Rate:
    """A counter with a total and the counts of each of the last WINDOW seconds.

    One thread adds, any thread reads.
    """

    __slots__ = ("_buckets", "_second", "total")

    def __init__(self) -> None:
        self.total = 0
        self._buckets = [0] * (WINDOW + 1)
        self._second = int(time.monotonic())

    def add(self, count: int, now: float | None = None) -> None:
        """Add to the count.

        Args:
            count: how many, 0 or more.
            now: seconds on the monotonic clock; None reads it.
        """
        second = int(time.monotonic() if now is None else now)
        for passed in range(self._second + 1, min(second, self._second + WINDOW + 1) + 1):
            self._buckets[passed % (WINDOW + 1)] = 0
        if second - self._second > WINDOW:
            self._buckets = [0] * (WINDOW + 1)
        self._second = max(second, self._second)
        self._buckets[self._second % (WINDOW + 1)] += count
        self.total += count

    def history(self, now: float | None = None) -> list[int]:
        """The counts of the last WINDOW whole seconds, oldest first, without the current second."""
        second = int(time.monotonic() if now is None else now)
        return [
            self._buckets[past % (WINDOW + 1)] if self._second - WINDOW <= past <= self._second and past >= 0 else 0
            for past in range(second - WINDOW, second)
        ]

    def per_second(self, now: float | None = None, over: int = 3) -> float:
        """The mean of the last `over` whole seconds, 1 to WINDOW."""
        return sum(self.history(now)[-over:]) / over
