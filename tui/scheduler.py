"""When the screen works: at once when the journal has news, as often as drawing allows, long work in slices.

Its event loop is first in the queue for Python's lock: a person waits for it, the chain does not.
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
"""Seconds that the screen waits for the lock before it asks whoever has it to let go."""

_KEEPS: Final = 0.02
"""Seconds that others wait for it while the screen works: about what a frame takes."""

EASY: Final = 0.02
"""Seconds within which taking news over and painting it is no burden: then half of the time may go into it, of twice as
long ones a third, and so on, as a key that comes meanwhile has to wait."""

LONGEST: Final = 0.2
"""Seconds between two looks at most: a reader who follows the panes takes more for a stop."""

ANSWER: Final = 0.06
"""Seconds after a key that are left to its answer where drawing is a burden: a frame in between doubles its time."""

_TICK: Final = 1.0
"""Seconds between two looks for what no bell rings for: ages, rates, and the notes of the status line."""

_ASKED: Final = 0.01
"""Seconds after a look by which every widget has told the screen what it wants painted."""

_COUNTS: Final = 0.2
"""Seconds between two looks at what is counted: no one reads a figure faster, and each has the line that it stands in
drawn, a quarter of what a frame costs."""

_ROUNDING: Final = 0.002
"""Seconds that a timer may come too early by."""

SLICE: Final = 0.01
"""Seconds that work may hold the screen at once."""

PAUSE: Final = 0.02
"""Seconds that the screen then has for everything else."""


class Eager(selectors.DefaultSelector):
    """A selector that tells Python how patient whoever wants the lock has to be.

    Python has one such figure for all threads (`sys.setswitchinterval`), 5 ms unless it is set. With it a key, whose
    answer takes a dozen turns of the loop, waits in each turn while the chain works, and a frame is painted by pieces.

    Args:
        patience: sets the figure, in seconds.
    """

    def __init__(self, patience: Callable[[float], None] = sys.setswitchinterval) -> None:
        super().__init__()
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for something to do; see `selectors.BaseSelector.select`."""
        self._patience(_ASKS)
        try:
            return super().select(timeout)
        finally:
            self._patience(_KEEPS)


def screen_loop() -> asyncio.AbstractEventLoop:
    """Make the loop for `App.run`."""
    return asyncio.SelectorEventLoop(Eager())


class RefreshThrottle:
    """Keeps the time between two looks as short as the settings have it, and as long as the last look asks for.

    Drawing takes longer where the machine is busy, by the clock and not only in work. So the fewer frames there are
    just then, the sooner a key gets its own.

    Args:
        frames: how often a second it may look at most, more than 0.
    """

    def __init__(self, frames: float) -> None:
        self._shortest = 1 / frames
        self._pause = self._shortest
        self._began = float("-inf")
        self._touched = float("-inf")

    def wait(self, now: float) -> float:
        """The seconds until the next look may begin, 0 or less where it may now.

        Args:
            now: seconds on the clock that the others of this object are told as well.
        """
        due = self._began + self._pause
        if self._pause > self._shortest:
            due = max(due, min(self._touched + ANSWER, self._began + LONGEST))
        return due - now

    def touched(self, now: float) -> None:
        """A key or the mouse wants to be answered."""
        self._touched = now

    def began(self, now: float) -> None:
        """A look begins."""
        self._began = now

    def took(self, took: float) -> None:
        """The last look, and painting what it found, kept the screen busy for so many seconds."""
        self._pause = min(LONGEST, max(self._shortest, took + took * took / EASY))


class Painted(Protocol):
    """What says when its lines were drawn first since this was set to 0, on the monotonic clock."""

    painted_at: float


class RefreshScheduler:
    """Calls a screen's `pull` as soon as the engine wrote something down, and no more often than drawing allows.

    Args:
        screen: whose message queue it works in; a screen behind another one looks by the tick alone.
        news: the journal's.
        pull: takes over what is new in the rows.
        count: takes over what is counted.
        views: what of the screen takes long to paint.
        frames: how often a second at most.
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
        """Whether a look is to come by itself."""
        self._owes = False
        """Whether one is to come for what is counted, so that the last of it is not left to the tick."""

    def start(self) -> None:
        """Look from now on; called by the screen when it is mounted."""
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()

        def ring() -> None:
            # The engine's thread may outlive this loop by a moment.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._rung, context=context)

        self._news.listen(ring)
        self._screen.set_interval(_TICK, self._look)

    def stop(self) -> None:
        self._news.listen(None)

    def touched(self) -> None:
        """Leave time to the answer of a key or the mouse."""
        self._pace.touched(time.monotonic())

    def answered(self) -> None:
        """Look at once, at what is counted too: a look before the answer was there has not seen what it changed."""
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
        # A wait that is over is not asked for again: what rounding left of it may be too short for a clock to pass.
        self._waits = False
        self._rung(_ROUNDING)

    def _pay(self) -> None:
        self._owes = False
        self._rung()

    def _look(self) -> None:
        if not self._screen.app.is_running:
            # It ends, and the screen's parts go one by one.
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
    # A timer of Textual's is a task, and counts what its callback takes each time: more than all panes' titles.
    asyncio.get_running_loop().call_later(seconds, callback)


class TimeSlices:
    """Goes on with a piece of work until it is done.

    Args:
        owner: the widget whose work it is; it ends with it.
        step: goes on with the work for so many seconds, and says whether some is left.
    """

    def __init__(self, owner: MessagePump, step: Callable[[float], bool]) -> None:
        self._owner = owner
        self._step = step
        self._waiting = False

    def go(self) -> None:
        """Work for one slice at once, and for as many later ones as it takes."""
        if not self._waiting:
            self._go_on()

    def _go_on(self) -> None:
        self._waiting = self._step(SLICE)
        if self._waiting:
            self._owner.set_timer(PAUSE, self._go_on)
