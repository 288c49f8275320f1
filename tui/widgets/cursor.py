"""A table with a cursor that stays with its record, keys to move it, and the search for the next match."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeAlias, TypeVar, cast

from textual.message import Message

from tui.actions import bindings, key_of
from tui.language import say
from tui.scheduler import TimeSlices
from tui.widgets.filter import TooLongError, limited
from tui.widgets.table import HEADER, LineCanvas

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from textual import events

    from bridge.journal import Journey, Product
    from tui.actions import What
    from tui.widgets.column_layout import Column

__all__ = ["AnyView", "LineView", "Seeking"]


Item = TypeVar("Item", bound="Journey | Product")

CHUNK: Final = 16
"""The number of rows after which the clock is checked."""


class Seeking(Generic[Item]):
    """Searches for a record in one view.

    Args:
        view: whose cursor is moved to the match.
    """

    def __init__(self, view: LineView[Item]) -> None:
        self.left = 0
        """How many rows are still to be searched; 0 while there is no search."""
        self._view = view
        self._slices = TimeSlices(view, self._go_on)
        self._sought: Callable[[Item], bool] | None = None
        self._step = 1
        self._at: Hashable | None = None

    def seek(self, sought: Callable[[Item], bool], step: int) -> None:
        """Search for the next matching record.

        Args:
            sought: whether a record matches.
            step: 1 for below the cursor, -1 for above it.
        """
        view = self._view
        start = None if view.cursor is None else view.row_of(view.cursor)
        if start is None:
            start = view.top - 1 if step > 0 else min(view.rows, view.top + view.page_rows)
        self._sought, self._step = sought, step
        self._at = view.key_at(start) if 0 <= start < view.rows else None
        self._slices.go()

    def stop(self) -> None:
        """Stop searching."""
        self._sought = None
        self.left = 0

    def _go_on(self, seconds: float) -> bool:
        sought, view, step = self._sought, self._view, self._step
        if sought is None:
            return False
        # By key, as rows are dropped at the top meanwhile.
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
            text = say("the regular expression takes too long on one record: {next} and {previous} gave up")
            view.notify(text.format(next=key_of("pane.next_match"), previous=key_of("pane.previous_match")))
            return False
        self.stop()
        view.notify(say("no later record matches") if step > 0 else say("no earlier record matches"))
        return False


AnyView: TypeAlias = "LineView[Journey] | LineView[Product]"


class LineView(LineCanvas[Item], can_focus=True):
    """Rows with a cursor, which can be opened and filtered."""

    BINDINGS = bindings("table")

    @dataclass
    class Selected(Message):
        """The cursor was moved to a record."""

        pane: str
        item: Journey | Product

    @dataclass
    class Opened(Message):
        """A record is to be shown in full."""

        view: AnyView
        item: Journey | Product

    @dataclass
    class Wanted(Message):
        """An action is to be done with a record, or with all that the pane shows."""

        view: AnyView
        what: What
        item: Journey | Product

    def __init__(self, columns: Sequence[Column[Item]], identity: str, empty: str) -> None:
        super().__init__(columns, identity, empty)
        self.sought: Callable[[Item], bool] | None = None
        """The last filter's predicate, kept after the filter was closed: `n` and `N` step through its matches."""
        self.seeking: Seeking[Item] = Seeking(self)
        """The search for the next match."""
        self.filter_trouble = ""
        """Why the filter was disabled after it was set, for the user."""

    def move_cursor(self, row: int) -> None:
        """Move the cursor to a row, or the last one where there are fewer, and bring it into view."""
        self.seeking.stop()
        row = min(max(0, row), self.rows - 1)
        key = self.key_at(row)
        item = None if key is None else self.item_of(key)
        if item is None:
            return
        self.cursor = key
        if row < self.top:
            self.scroll_to(y=row, animate=False, force=True)
        elif row >= self.top + self.page_rows:
            self.scroll_to(y=row - self.page_rows + 1, animate=False, force=True)
        self.refresh()
        self.post_message(self.Selected(self.identity, item))

    def reveal(self, key: Hashable | None) -> None:
        """If a record is shown, bring it into view, to the middle if it was out of sight."""
        row = None if key is None else self.row_of(key)
        if row is not None and not self.top <= row < self.top + self.page_rows:
            self.scroll_to(y=max(0, row - self.page_rows // 2), animate=False, force=True)

    def forget_cursor(self) -> None:
        """Remove the cursor."""
        self.cursor = None
        self.refresh()

    def cursor_row(self) -> int | None:
        """The row of the cursor if it is visible, else None."""
        row = None if self.cursor is None else self.row_of(self.cursor)
        return row if row is not None and self.top <= row < self.top + self.page_rows else None

    def action_move(self, rows: int) -> None:
        """Move the cursor; from out of sight it starts at the nearest edge."""
        row = self.cursor_row()
        if row is not None:
            self.move_cursor(row + rows)
        elif rows < 0:
            self.move_cursor(min(self.rows, self.top + self.page_rows) - 1)
        else:
            self.move_cursor(self.top)

    def action_page(self, pages: int, part: int = 1) -> None:
        """Move the cursor by pages, or by fractions of pages."""
        row = self.cursor_row()
        start = row if row is not None else self.top + (self.page_rows - 1 if pages < 0 else 0)
        self.move_cursor(start + pages * max(1, (self.page_rows - 1) // part))

    def action_seek(self, step: int) -> None:
        """Move the cursor to the next record that matches the last filter, below or above it."""
        sought = self.sought
        if sought is None:
            keys = {"next": key_of("pane.next_match"), "previous": key_of("pane.previous_match")}
            text = say(
                "nothing was looked for yet: {filter} filters, and {next} and {previous} step through what matched"
            )
            self.notify(text.format(filter=key_of("pane.filter"), **keys))
            return
        self.seeking.seek(sought, step)

    def action_first(self) -> None:
        self.move_cursor(0)

    def action_last(self) -> None:
        self.move_cursor(self.rows - 1)

    def chosen(self) -> Item | None:
        """The record under the cursor, which first moves to the last visible record if it is not visible."""
        row = self.cursor_row()
        if row is None:
            self.action_move(-1)
            row = self.cursor_row()
        key = None if row is None else self.key_at(row)
        return None if key is None else self.item_of(key)

    def neighbour(self, step: int) -> Item | None:
        """Move the cursor by one record, even from out of sight, and return that record."""
        row = None if self.cursor is None else self.row_of(self.cursor)
        if row is None or not 0 <= row + step < self.rows:
            return None
        self.move_cursor(row + step)
        return self.chosen()

    def items(self) -> list[Item]:
        """All records that are shown, from the top."""
        found = (self.item_of(key) for row in range(self.rows) if (key := self.key_at(row)) is not None)
        return [item for item in found if item is not None]

    def action_open(self) -> None:
        item = self.chosen()
        if item is not None:
            self.post_message(self.Opened(self._as_view(), item))

    def action_want(self, what: What) -> None:
        """Request an action on the record under the cursor."""
        item = self.chosen()
        if item is not None:
            self.want(what, item)

    def want(self, what: What, item: Item) -> None:
        """Request an action on a record of this pane."""
        self.post_message(self.Wanted(self._as_view(), what, item))

    def _as_view(self) -> AnyView:
        # A view of one of the two kinds of items is one of the two kinds of views, which types can't express.
        return cast("AnyView", self)

    def on_click(self, event: events.Click) -> None:
        """Move the cursor to the mouse; a double click opens the record."""
        if event.y < HEADER:
            self.click_header(event.x)
            return
        row = event.y - HEADER + self.top
        if row < self.rows:
            self.move_cursor(row)
            if event.chain > 1:
                self.action_open()

    def click_header(self, x: int) -> None:
        """Handle a click on the titles, at that cell from the left: nothing where rows have a fixed order."""
