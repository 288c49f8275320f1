"""What has a screen look when the journal has news, and now and then for what only time changes."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from tui.pace import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.screen import Screen

    from bridge.journal import News

__all__ = ["NewsWatch", "Painted"]

_TICK: Final = 1.0
"""Seconds between two looks for what no bell rings for: ages, rates, and the notes of the status line."""

_ASKED: Final = 0.01
"""Seconds after a look by which every widget has told the screen what it wants painted."""

_COUNTS: Final = 0.2
"""Seconds between two looks at what is counted: no one reads a figure faster, and each has the line that it stands in
drawn, a quarter of what a frame costs."""

_ROUNDING: Final = 0.002
"""Seconds that a timer may come too early by."""


class Painted(Protocol):
    """What says when its lines were drawn first since this was set to 0, on the monotonic clock."""

    painted_at: float


class NewsWatch:
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
        news: News,
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
        self._pace = Pace(frames)
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
        """Look no more."""
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
