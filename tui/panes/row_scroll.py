"""Rows that scroll under a line of titles, with no layout for a row that comes or goes."""

from __future__ import annotations

from abc import abstractmethod
from math import ceil
from typing import Final

from textual.geometry import Region, Size
from textual.scroll_view import ScrollView

__all__ = ["HEADER", "RowScroll", "thumb_of"]

HEADER: Final = 1
"""Lines that stand above the rows and do not scroll."""


def thumb_of(rows: int, window: int, top: float) -> tuple[int, int]:
    """Where the thumb of a scrollbar as high as its window begins and ends, in eighths of a cell (ScrollBarRender).

    Args:
        rows: how many there are.
        window: how many of them are visible.
        top: the first visible one.
    """
    if rows <= window:
        return 0, 8 * window
    size = max(1.0, window * window / rows)
    start = int((window - size) * top / (rows - window) * 8)
    return start, start + ceil(size * 8)


class RowScroll(ScrollView):
    """As many rows as a subclass says, of which some are in view.

    Args:
        identity: the widget's id.
    """

    def __init__(self, identity: str) -> None:
        super().__init__(id=identity)
        self._thumb = (0, 0)

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows there are."""

    @property
    def page_rows(self) -> int:
        """How many rows are visible at once."""
        return max(1, self.scrollable_content_region.height - HEADER)

    @property
    def top(self) -> int:
        """The first visible row."""
        return self.scroll_offset.y

    def resize_rows(self) -> None:
        """Say how many rows there are to scroll through.

        The scrollbar always has its place (opsci.tcss), so nothing around it moves: a virtual size that is set in the
        usual way has the whole screen laid out anew for each row, which costs as much as to draw all of them.
        """
        self.set_reactive(ScrollView.virtual_size, Size(0, self.rows + HEADER))
        if self.scroll_y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def refresh_rows(self) -> None:
        """Draw all lines anew, but for the scrollbar beside them, which draws itself where it moved."""
        self.refresh(Region(0, 0, self.scrollable_content_region.width, self.size.height))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what is in view now."""
        if round(old_value) != round(new_value):
            self._move_thumb()
            self.refresh_rows()

    def _move_thumb(self) -> None:
        """Move the scrollbar's thumb where that can be seen, by an eighth of a cell: at most frames it can't."""
        if not self.show_vertical_scrollbar:
            return
        bar, rows, window = self.vertical_scrollbar, self.virtual_size.height, self.container_size.height
        thumb = thumb_of(rows, window, self.scroll_y)
        if thumb != self._thumb:
            self._thumb = thumb
            bar.window_virtual_size, bar.position = rows, self.scroll_y
