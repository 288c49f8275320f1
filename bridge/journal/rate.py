"""Counts by the second: the rate in a pane's title and its sparkline."""

from __future__ import annotations

import time
from typing import Final

__all__ = ["WINDOW", "Rate"]

WINDOW: Final = 60
"""How many whole seconds are kept."""


class Rate:
    """How many things happened, in all and in each of the last WINDOW seconds.

    One thread adds, any thread reads.
    """

    __slots__ = ("_buckets", "_second", "total")

    def __init__(self) -> None:
        self.total = 0
        self._buckets = [0] * (WINDOW + 1)
        self._second = int(time.monotonic())

    def add(self, count: int, now: float | None = None) -> None:
        """Count things.

        Args:
            count: how many, 0 or more.
            now: seconds on the monotonic clock; None asks it.
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
        """The counts of the last WINDOW whole seconds, oldest first; the running second is not among them."""
        second = int(time.monotonic() if now is None else now)
        return [
            self._buckets[past % (WINDOW + 1)] if self._second - WINDOW <= past <= self._second and past >= 0 else 0
            for past in range(second - WINDOW, second)
        ]

    def per_second(self, now: float | None = None, over: int = 3) -> float:
        """The mean of the last `over` whole seconds, 1 to WINDOW."""
        return sum(self.history(now)[-over:]) / over
