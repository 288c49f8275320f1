"""A given clock: an event loop that leaps over the time in which nothing happens, and a process that believes it.

What a program does on it depends on nothing but the program, so it does the same at every run, and as fast as it can.
It holds for what runs on the loop; a thread would be overtaken.
"""

from __future__ import annotations

import asyncio
import os
import selectors
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final
from unittest import mock

from tui.recording._textual import timers_on

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["GivenClock", "LeapingLoop", "given_time"]

EPOCH: Final = 1_768_471_200.0
"""When a stepped film begins: 15 January 2026, 10:00 UTC."""


class GivenClock:
    """A clock that stands still until it is moved on."""

    def __init__(self) -> None:
        self._passed = 0.0

    def leap(self, seconds: float) -> None:
        """Move on."""
        self._passed += seconds

    def now(self) -> float:
        """Seconds since the epoch, in place of `time.time`."""
        return EPOCH + self._passed

    def ticks(self) -> float:
        """Seconds since some beginning, in place of `time.monotonic`; a whole number at first."""
        return 1_000.0 + self._passed


class _LeapingSelector(selectors.DefaultSelector):
    def __init__(self, clock: GivenClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            return super().select(None)
        self._clock.leap(timeout)
        return ready


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop on a given clock.

    Args:
        clock: moved on by the loop to its next timer once nothing is left to do before that.
    """

    def __init__(self, clock: GivenClock) -> None:
        super().__init__(_LeapingSelector(clock))
        self._clock = clock

    def time(self) -> float:
        """Seconds on the given clock."""
        return self._clock.ticks()


@contextmanager
def given_time(clock: GivenClock) -> Iterator[None]:
    """Let this process take its time from a clock, in UTC, for as long as this lasts."""
    with ExitStack() as undo:
        for name, given in (("time", clock.now), ("monotonic", clock.ticks), ("perf_counter", clock.ticks)):
            undo.enter_context(mock.patch.object(time, name, given))
        undo.enter_context(timers_on(clock.ticks))
        undo.callback(time.tzset)
        undo.enter_context(mock.patch.dict(os.environ, {"TZ": "UTC"}))
        time.tzset()
        yield
