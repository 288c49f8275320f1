"""Stepping to the next record that matches, among however many: a slice of the way at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from tui.language import say
from tui.panes.limit import TooLongError, limited
from tui.slices import Slices

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from bridge.journal import Journey, Product
    from tui.panes.line_view import LineView

__all__ = ["Seeking"]

Item = TypeVar("Item", bound="Journey | Product")

CHUNK: Final = 16
"""After how many rows the clock is asked."""


class Seeking(Generic[Item]):
    """Looks for a record in one view.

    Args:
        view: whose cursor is put on what is found.
    """

    def __init__(self, view: LineView[Item]) -> None:
        self.left = 0
        """How many rows are still to be looked at; 0 while nothing is looked for."""
        self._view = view
        self._slices = Slices(view, self._go_on)
        self._sought: Callable[[Item], bool] | None = None
        self._step = 1
        self._at: Hashable | None = None

    def seek(self, sought: Callable[[Item], bool], step: int) -> None:
        """Look for the next record that matches.

        Args:
            sought: whether a record does.
            step: 1 for one below the cursor, -1 for one above it.
        """
        view = self._view
        start = None if view.cursor is None else view.row_of(view.cursor)
        if start is None:
            start = view.top - 1 if step > 0 else min(view.rows, view.top + view.page_rows)
        self._sought, self._step = sought, step
        self._at = view.key_at(start) if 0 <= start < view.rows else None
        self._slices.go()

    def stop(self) -> None:
        """Look no more."""
        self._sought = None
        self.left = 0

    def _go_on(self, seconds: float) -> bool:
        sought, view, step = self._sought, self._view, self._step
        if sought is None:
            return False
        # By key: rows fall off the top meanwhile.
        here = None if self._at is None else view.row_of(self._at)
        if here is None:
            here = -1 if step > 0 else (view.rows if self._at is None else 0)
        rows = range(here + step, view.rows if step > 0 else -1, step)
        until = time.perf_counter() + seconds
        try:
            with limited():
                for looked, row in enumerate(rows):
                    key = view.key_at(row)
                    item = None if key is None else view.item_of(key)
                    if item is not None and sought(item):
                        self.stop()
                        view.move_cursor(row)
                        return False
                    if looked % CHUNK == CHUNK - 1 and time.perf_counter() > until:
                        self._at, self.left = key, len(rows) - looked - 1
                        return True
        except TooLongError:
            self.stop()
            view.notify(say("the regular expression takes too long on one record: n and N gave up"))
            return False
        self.stop()
        view.notify(say("no later record matches") if step > 0 else say("no earlier record matches"))
        return False
