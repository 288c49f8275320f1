"""A live log of one ring of the journal: it follows the latest record until the user scrolls back."""

from __future__ import annotations

import time
from dataclasses import replace
from operator import itemgetter
from typing import TYPE_CHECKING

from bridge.journal import Journey
from tui.actions import bindings
from tui.format import age
from tui.language import say
from tui.scheduler import TimeSlices
from tui.widgets.columns import JOURNEY_ORDERS, number, what
from tui.widgets.filter import TooLongError, journey_words, limited, read_filter
from tui.widgets.sorted_view import Order, SortedView
from tui.widgets.view_model import ViewModel

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from textual import events
    from textual.strip import Strip

    from bridge.journal import Product, Ring, StockTable
    from tui.widgets.column_layout import Cell, Column

__all__ = ["LogView"]


class LogView(SortedView[Journey]):
    """The journeys of one ring, the latest at the bottom.

    Args:
        ring: what is shown.
        board: the products, whose names the filter uses.
        columns: all columns.
        identity: the widget's id.
        empty: the text where there is no record.
    """

    BINDINGS = bindings("log")

    def __init__(
        self,
        ring: Ring[Journey],
        board: StockTable,
        columns: Sequence[Column[Journey]],
        identity: str,
        empty: str,
    ) -> None:
        super().__init__(self._own(columns), identity, empty)
        self.shown: ViewModel[Journey] = ViewModel(
            ring, lambda journey: journey.stage if journey.verdict is None else None
        )
        self.hints: Sequence[tuple[str, str]] = ()
        """The keys shown while there are no records, each with its description."""
        self.following = True
        self.waiting = 0
        """How many records arrived since the user scrolled back."""
        self.mark: tuple[float, int] | None = None
        """When the last mark was set, in seconds since the epoch, and after how many records."""
        self._board = board
        self._sorted: list[int] | None = None
        """The sequence numbers by row while the records are sorted by a column, else None."""
        self._places: dict[int, int] = {}
        """The row of each of these numbers."""
        self._ring = ring
        self._slices = TimeSlices(self, self._look_back)

    @property
    def rows(self) -> int:
        """How many records are shown."""
        return len(self.shown) if self._sorted is None else len(self._sorted)

    def key_at(self, row: int) -> int | None:
        """The sequence number in a row."""
        if self._sorted is None:
            return self.shown.sequence(row)
        return self._sorted[row] if 0 <= row < len(self._sorted) else None

    def row_of(self, key: Hashable) -> int | None:
        """The row of a sequence number."""
        if not isinstance(key, int):
            return None
        return self.shown.row(key) if self._sorted is None else self._places.get(key)

    def place(self, key: int) -> int:
        """The row of a sequence number, or where it would be; 0 if the rows are sorted and it is not among them."""
        return self.shown.place(key) if self._sorted is None else self._places.get(key, 0)

    def take_order(self) -> None:
        """Sort the shown records and hold the display; without a column, show the latest again."""
        compared = next((one.sorts_by for one in self.columns if one.id == self.order.column), None)
        if compared is None:
            self.action_last()
            return
        self.shown.pause()
        self.following = False
        self._sort(compared)
        self.scroll_to(y=0, animate=False, force=True)

    def _sort(self, compared: Callable[[Journey], int | float | str]) -> None:
        keys = [key for row in range(len(self.shown)) if (key := self.shown.sequence(row)) is not None]
        found = [(compared(item), key) for key in keys if (item := self.shown.get(key)) is not None]
        # By the compared value only, so that equal ones stay in order of arrival.
        found.sort(key=itemgetter(0), reverse=self.order.reverse)
        self._sorted = [key for _, key in found]
        self._places = {key: row for row, key in enumerate(self._sorted)}
        self.resize_rows()
        self.refresh()

    def _unsort(self) -> None:
        if self._sorted is not None:
            self._sorted = None
            self._places.clear()
            self.order = Order()
            self.shown.resume()
            self.relayout()

    def item_of(self, key: Hashable) -> Journey | None:
        return self.shown.get(key) if isinstance(key, int) else None

    def state_of(self, item: Journey, now: float) -> tuple[Hashable, str]:
        """The look of a journey changes with every stage, and once the product's name is known."""
        ago = age(item.acknowledged_at or item.consumed_at or item.received_at or 0, now) if self.relative else ""
        return (item.stage, item.verdict, item.offset, item.product_name, len(self._board) > 0, ago), ""

    def _own(self, columns: Sequence[Column[Journey]]) -> list[Column[Journey]]:
        own = {"product": self._product_cell, "number": self._number_cell}
        return [
            replace(column, cell=own.get(column.id, column.cell), sorts_by=orders[0], largest_first=orders[1])
            for column in columns
            for orders in (JOURNEY_ORDERS.get(column.id, (None, False)),)
        ]

    def show_columns(self, columns: Sequence[Column[Journey]]) -> None:
        """Show the same records with other columns."""
        self.put_columns(self._own(columns))

    def empty_line(self, row: int, width: int) -> Strip:
        """Show the available keys while there are no records."""
        first, at = (1, row - 3) if self.page_rows > len(self.hints) + 3 else (0, row - 1)
        if not self.hints or self.filter_text or (row != first and not 0 <= at < len(self.hints)):
            return super().empty_line(row if not self.hints or self.filter_text else 1, width)
        if row == first:
            return self.text_line([("  " + self.empty, "line--strong")], width)
        key, does = self.hints[at]
        return self.text_line([("  ", "line--blank"), (f" {key} ", "line--key"), (f" {does}", "line--plain")], width)

    def _known(self, journey: Journey) -> Product | None:
        return self._board.find(journey.product) if journey.product else None

    def _product_cell(self, journey: Journey, now: float) -> Cell:
        known = None if journey.product_name else self._known(journey)
        return what(journey, "" if known is None else known.name)

    def _number_cell(self, journey: Journey, now: float) -> Cell:
        known = None if journey.product_id is not None else self._known(journey)
        return number(journey, None if known is None else known.id)

    def pull(self, now: float) -> None:
        """Show new records; while the user has scrolled back, the visible rows stay in place."""
        above = self.shown.sequence(self.top)
        try:
            with limited():
                pulled = self.shown.pull()
        except TooLongError:
            self._give_up()
            pulled = self.shown.pull()
        if self.shown.left:
            # Records from before the start were added since the filter was set.
            self._slices.go()
        if self._sorted is not None:
            if any(pulled):
                # The filter changed, or has reached more of the held records.
                self.take_order()
            self.repaint_changed(now)
        elif any(pulled):
            self.resize_rows()
            if self.following:
                self._scroll_to_end()
            else:
                self.waiting += pulled.added
                if above is not None and self.shown.place(above) != self.top:
                    self.scroll_to(y=self.shown.place(above), animate=False, force=True)
            self.repaint_all(now)
        else:
            self.repaint_changed(now)

    def set_filter(self, typed: str) -> None:
        """Show only records that match a filter.

        Raises:
            FilterError: the text is not a valid filter; nothing changed.
        """
        passes = read_filter(typed, journey_words(self._board))
        self.forget_widths()
        self.filter_text, self.filter_trouble = typed.strip(), ""
        self.sought = passes or self.sought
        try:
            with limited():
                self.shown.only(passes)
        except TooLongError:
            self._give_up()
        self._slices.go()
        if self._sorted is None:
            self.action_last()
        else:
            self.take_order()

    def _look_back(self, seconds: float) -> bool:
        try:
            with limited():
                return self.shown.look_back(seconds)
        except TooLongError:
            self._give_up()
            return False

    def _give_up(self) -> None:
        """Disable the filter, as its regular expression takes too long on a record."""
        self.filter_trouble = say("takes too long on one record: write a simpler regular expression")
        self.sought = None
        self.shown.only(None)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Stop following when the user scrolls away from the end, by any means."""
        super().watch_scroll_y(old_value, new_value)
        if self.following and new_value < old_value and round(new_value) < self.max_scroll_y:
            self.following = False

    def on_resize(self, event: events.Resize) -> None:
        """Keep the latest record in view after a resize."""
        if self.following:
            self._scroll_to_end()

    def move_cursor(self, row: int) -> None:
        """Move the cursor to a row, which stops following."""
        if self.rows:
            self.following = False
        super().move_cursor(row)

    def action_last(self) -> None:
        """Follow the latest record, in order of arrival."""
        self._unsort()
        self.following = True
        self.waiting = 0
        self.resize_rows()
        self._scroll_to_end()
        self.refresh()

    def action_pause(self) -> None:
        """Hold the display, or go on."""
        if self._sorted is not None:
            self.action_last()
        elif self.shown.paused:
            self.shown.resume()
        else:
            self.shown.pause()

    @property
    def since_mark(self) -> int:
        """How many records arrived since the last mark."""
        return 0 if self.mark is None else self._ring.next - self.mark[1]

    def action_mark(self) -> None:
        """Mark the record under the cursor, or the latest one where there is none, or remove its mark."""
        key = self.cursor if self.cursor is not None else self.key_at(self.rows - 1)
        if key in self.marks:
            self.marks.discard(key)
            self.mark = None
        elif isinstance(key, int):
            # Remove marks of records that the ring has dropped.
            self.marks = {kept for kept in self.marks if self.item_of(kept) is not None} | {key}
            self.mark = time.time(), key + 1
        self.refresh()

    def action_clear(self) -> None:
        """Show only records that arrive from now on."""
        self.shown.clear()
        self.forget_widths()
        self.cursor = None
        self.action_last()

    def _scroll_to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
