"""What has a screen look when the journal has news, and now and then for what only time changes."""

from __future__ import annotations

import asyncio
import contextlib
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
        pull: takes over what is new.
        views: what of the screen takes long to paint.
        frames: how often a second at most.
    """

    def __init__(
        self, screen: Screen[Any], news: News, pull: Callable[[], None], views: Sequence[Painted], frames: int
    ) -> None:
        self._screen = screen
        self._views = views
        self._pulled = 0.0
        self._news = news
        self._pull = pull
        self._pace = Pace(frames)
        self._waits = False

    def start(self) -> None:
        """Look from now on; called by the screen when it is mounted."""
        loop = asyncio.get_running_loop()

        def ring() -> None:
            # The engine's thread may outlive this loop by a moment.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._rung)

        self._news.listen(ring)
        self._screen.set_interval(_TICK, self._look)

    def stop(self) -> None:
        """Look no more."""
        self._news.listen(None)

    def touched(self) -> None:
        """Leave time to the answer of a key or the mouse."""
        self._pace.touched(time.monotonic())

    def _rung(self) -> None:
        self._screen.call_later(self._look_in_time)

    def _look_in_time(self, early: float = 0.0) -> None:
        if self._waits or not self._screen.is_active:
            return
        wait = self._pace.wait(time.monotonic())
        if wait > early:
            self._waits = True
            self._screen.set_timer(wait, self._due)
        else:
            self._look()

    def _due(self) -> None:
        # A wait that is over is not asked for again: what rounding left of it may be too short for a clock to pass.
        self._waits = False
        self._look_in_time(_ROUNDING)

    def _look(self) -> None:
        began = time.monotonic()
        self._pace.began(began)
        self._news.heard()
        for view in self._views:
            view.painted_at = 0.0
        self._pull()
        self._pulled = time.monotonic() - began
        if self._screen.is_active:
            self._screen.set_timer(_ASKED, self._after_painting)

    def _after_painting(self) -> None:
        self._screen.call_after_refresh(self._painted)

    def _painted(self) -> None:
        now = time.monotonic()
        painted = min((view.painted_at for view in self._views if view.painted_at), default=now)
        self._pace.took(self._pulled + now - painted)
