"""Scheduling of the screen: refreshes at once on news, limited by drawing time, and long work in time slices.

The screen's event loop gets Python's lock first, as the user waits for it and the chain does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import selectors
import sys
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.message_pump import MessagePump
    from textual.screen import Screen

    from bridge.journal import ChangeSignal

__all__ = ["SLICE", "Eager", "Painted", "RefreshScheduler", "RefreshThrottle", "TimeSlices", "screen_loop"]


_ASKS: Final = 0.0005
"""Seconds that the screen waits for the lock before it asks the holder to release it."""

_KEEPS: Final = 0.02
"""Seconds that other threads wait for the lock while the screen works: about one frame."""

EASY: Final = 0.02
"""Seconds of refresh and painting that are no burden: then half of the time may go into refreshing, for twice as long
ones a third, and so on, as keys have to wait meanwhile.
"""

LONGEST: Final = 0.2
"""Seconds between two refreshes at most; a longer gap looks like a stop."""

ANSWER: Final = 0.06
"""Seconds reserved after a key for its response while drawing is slow: a frame in between doubles the delay."""

_TICK: Final = 1.0
"""Seconds between two refreshes of what changes without news: ages, rates, and the notes of the status line."""

_ASKED: Final = 0.01
"""Seconds after a refresh by which every widget has reported what to repaint."""

_COUNTS: Final = 0.2
"""Seconds between two refreshes of counts: nobody reads faster, and each one redraws its line, a quarter of the cost of
a frame.
"""

_ROUNDING: Final = 0.002
"""Seconds that a timer may fire too early."""

SLICE: Final = 0.01
"""Seconds that work may block the screen at once."""

PAUSE: Final = 0.02
"""Seconds left to everything else after each slice."""


class Eager(selectors.DefaultSelector):
    """A selector that sets how long threads wait for Python's lock before they ask for it.

    Python has one such interval for all threads (`sys.setswitchinterval`), 5 ms by default. With it, a key whose
    response takes a dozen turns of the loop waits in each turn while the chain works, and a frame is painted in pieces.

    Args:
        set_interval: sets the interval, in seconds.
    """

    def __init__(self, set_interval: Callable[[float], None] = sys.setswitchinterval) -> None:
        super().__init__()
        self._set_interval = set_interval

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for something to do; see `selectors.BaseSelector.select`."""
        self._set_interval(_ASKS)
        try:
            return super().select(timeout)
        finally:
            self._set_interval(_KEEPS)


def screen_loop() -> asyncio.AbstractEventLoop:
    """Create the event loop for `App.run`."""
    return asyncio.SelectorEventLoop(Eager())


class RefreshThrottle:
    """Keeps the interval between refreshes as short as the settings allow and as long as the last refresh requires.

    Drawing takes longer while the machine is busy. The fewer frames there are then, the sooner a key gets its response.

    Args:
        frames: refreshes per second at most, more than 0.
    """

    def __init__(self, frames: float) -> None:
        self._shortest = 1 / frames
        self._pause = self._shortest
        self._began = float("-inf")
        self._touched = float("-inf")

    def set_frames(self, frames: float) -> None:
        """Change how many refreshes a second there are at most."""
        self._shortest = 1 / frames
        self._pause = max(self._pause, self._shortest)

    def wait(self, now: float) -> float:
        """Return the seconds until the next refresh may begin, 0 or less if it may now.

        Args:
            now: seconds on the clock that the other methods use as well.
        """
        due = self._began + self._pause
        if self._pause > self._shortest:
            due = max(due, min(self._touched + ANSWER, self._began + LONGEST))
        return due - now

    def touched(self, now: float) -> None:
        """Note a key or mouse event that needs a response."""
        self._touched = now

    def began(self, now: float) -> None:
        """Note the beginning of a refresh."""
        self._began = now

    def took(self, took: float) -> None:
        """Note the seconds that the last refresh, including painting, kept the screen busy."""
        self._pause = min(LONGEST, max(self._shortest, took + took * took / EASY))


class Painted(Protocol):
    """Records when its lines were first drawn since `painted_at` was set to 0, on the monotonic clock."""

    painted_at: float


class RefreshScheduler:
    """Calls a screen's `pull` as soon as the engine changed its journal, limited by drawing time.

    Args:
        screen: the screen, whose message queue is used; while another screen is in front, only the tick refreshes it.
        news: the journal's change signal.
        pull: takes over new rows.
        count: takes over counts.
        views: the parts of the screen that take long to paint.
        frames: refreshes per second at most.
    """

    def __init__(
        self,
        screen: Screen[Any],
        news: ChangeSignal,
        pull: Callable[[], None],
        count: Callable[[], None],
        *,
        views: Sequence[Painted],
        frames: int,
    ) -> None:
        self._screen = screen
        self._views = views
        self._pulled = 0.0
        self._news = news
        self._pull = pull
        self._count = count
        self._counted = float("-inf")
        self._pace = RefreshThrottle(frames)
        self._waits = False
        """Whether a refresh is scheduled."""
        self._owes = False
        """Whether a refresh of counts is scheduled, so that the last change need not wait for the tick."""

    def start(self) -> None:
        """Start refreshing; called by the screen when it is mounted."""
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()

        def ring() -> None:
            # The engine's thread may outlive this loop for a moment.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._rung, context=context)

        self._news.listen(ring)
        self._screen.set_interval(_TICK, self._look)

    def stop(self) -> None:
        self._news.listen(None)

    def set_frames(self, frames: int) -> None:
        """Change how many refreshes a second there are at most."""
        self._pace.set_frames(frames)

    def touched(self) -> None:
        """Reserve time for the response to a key or the mouse."""
        self._pace.touched(time.monotonic())

    def answered(self) -> None:
        """Refresh at once, including counts, as an earlier refresh has not seen what the key changed."""
        self._counted = float("-inf")
        self._news.ring()

    @property
    def _in_front(self) -> bool:
        return self._screen.is_active and self._screen.app.is_running

    def _rung(self, early: float = 0.0) -> None:
        if self._waits or not self._in_front:
            return
        wait = self._pace.wait(time.monotonic())
        self._waits = True
        if wait > early:
            _later(wait, self._due)
        else:
            self._screen.call_next(self._look)

    def _due(self) -> None:
        # A wait that is over is not started again: the rounding remainder may be too short for a clock tick.
        self._waits = False
        self._rung(_ROUNDING)

    def _pay(self) -> None:
        self._owes = False
        self._rung()

    def _look(self) -> None:
        if not self._screen.app.is_running:
            # The application is ending, and its widgets are removed one by one.
            return
        began = time.monotonic()
        self._waits = False
        self._pace.began(began)
        self._news.heard()
        for view in self._views:
            view.painted_at = 0.0
        self._pull()
        if began >= self._counted + _COUNTS:
            self._counted = began
            self._count()
        elif not self._owes:
            self._owes = True
            _later(self._counted + _COUNTS - began, self._pay)
        self._pulled = time.monotonic() - began
        if self._in_front:
            _later(_ASKED, self._after_painting)

    def _after_painting(self) -> None:
        if self._in_front:
            self._screen.call_after_refresh(self._painted)

    def _painted(self) -> None:
        now = time.monotonic()
        painted = min((view.painted_at for view in self._views if view.painted_at), default=now)
        self._pace.took(self._pulled + now - painted)


def _later(seconds: float, callback: Callable[[], None]) -> None:
    # Not a Textual timer, which is a task that measures its callback each time: dearer than all pane titles.
    asyncio.get_running_loop().call_later(seconds, callback)


class TimeSlices:
    """Runs a piece of work in slices until it is done.

    Args:
        owner: the widget that the work belongs to; the work ends with it.
        step: works for so many seconds, and returns whether work is left.
    """

    def __init__(self, owner: MessagePump, step: Callable[[float], bool]) -> None:
        self._owner = owner
        self._step = step
        self._waiting = False

    def go(self) -> None:
        """Run one slice now, and later ones as needed."""
        if not self._waiting:
            self._go_on()

    def _go_on(self) -> None:
        self._waiting = self._step(SLICE)
        if self._waiting:
            self._owner.set_timer(PAUSE, self._go_on)
