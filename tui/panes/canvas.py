"""Where a pane's rows are drawn: on the Line API, each when it is looked at, and only what looks different anew."""

from __future__ import annotations

import time
from abc import abstractmethod
from math import ceil
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.panes.cells import Cell, fit
from tui.panes.columns import Column, Layout, lay_out
from tui.panes.line import header_line, marked_line, record_line
from tui.verdicts import Tone

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["HEADER", "LineCanvas", "thumb_of"]

Item = TypeVar("Item")

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


class LineCanvas(ScrollView, Generic[Item]):
    """Rows of records under a line of titles.

    A subclass says which record stands in which row; `pull` compares that with what was drawn.

    Args:
        columns: all columns, in the order in which they stand.
        identity: the widget's id.
        empty: what is said where there is no row.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--blank",
        "line--header",
        "line--cursor",
        "line--cursor-blurred",
        "line--linked",
        "line--mark",
        "line--fresh-1",
        "line--fresh-2",
        "line--fresh-3",
        *(f"line--{tone}" for tone in Tone),
    }

    def __init__(self, columns: Sequence[Column[Item]], identity: str, empty: str) -> None:
        super().__init__(id=identity)
        self.columns = columns
        self.identity = identity
        self.empty = empty
        self.cursor: Hashable | None = None
        """The key of the record that the cursor is on."""
        self.linked: Hashable | None = None
        """The key of the record that is lit up because its movement is followed in another pane."""
        self.relative: bool | None = None
        """Whether moments are said as how long ago they are; None leaves it to each column."""
        self.marks: set[Hashable] = set()
        """The keys of the records that a person marked."""
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(1_024)
        self._styles: dict[str, Style] = {}
        self._tones: dict[Tone, Style] = {}
        self._layouts: dict[int, Layout[Item]] = {}
        self._looks: dict[int, object] = {}
        """How the visible rows looked when they were looked at last; a row is painted then or later, so what it shows
        is this or newer."""
        self._width = 0
        self._whole = 0
        self._now = 0.0
        self.painted_at = 0.0
        """When lines were drawn first since someone set this to 0, on the monotonic clock."""
        self._thumb = (0, 0)

    @property
    @abstractmethod
    def rows(self) -> int:
        """How many rows there are."""

    @abstractmethod
    def key_at(self, row: int) -> Hashable | None:
        """The key of the record in a row counted from 0, or None."""

    @abstractmethod
    def row_of(self, key: Hashable) -> int | None:
        """The row of a record, or None where it is not shown."""

    @abstractmethod
    def item_of(self, key: Hashable) -> Item | None:
        """The record under a key, or None where it is no longer kept."""

    @abstractmethod
    def state_of(self, item: Item, now: float) -> tuple[Hashable, str]:
        """What changes how a record looks, besides its key, and the component class of its row or an empty text."""

    @abstractmethod
    def pull(self, now: float) -> None:
        """Repaint what changed since the last pull and is visible; `now` in seconds since the epoch."""

    @property
    def page_rows(self) -> int:
        """How many rows are visible at once."""
        return max(1, self.scrollable_content_region.height - HEADER)

    @property
    def top(self) -> int:
        """The first visible row."""
        return self.scroll_offset.y

    @property
    def layout_shown(self) -> Layout[Item]:
        """The columns that fit."""
        if self._width not in self._layouts:
            self._layouts = {self._width: lay_out(self.columns_shown(), self._width)}
        return self._layouts[self._width]

    def columns_shown(self) -> list[Column[Item]]:
        """All columns, each as moments are said."""
        if self.relative is None:
            return list(self.columns)
        return [(column.ago if self.relative else column.clock) or column for column in self.columns]

    def say_times(self, *, relative: bool) -> None:
        """Say moments as how long ago they are, or as the time of day."""
        self.relative = relative
        self.relayout()

    def relayout(self) -> None:
        """Draw everything anew: the columns are others."""
        self._layouts.clear()
        self._strips.clear()
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines, all for one width and one moment.

        A row that only moved is handed on as the strip that it was: Textual keeps with a strip what it made of it, and
        makes new ones of all lines that scrolled. What it draws around and over lines is left to it.
        """
        self._width = self.scrollable_content_region.width
        self._whole = self.size.width
        self._now = time.time()
        if not self.painted_at:
            self.painted_at = time.monotonic()
        if self.opacity != 1 or any(self.styles.gutter) or crop.column_span != (0, self._whole):
            return super().render_lines(crop)
        strips = [self.render_line(y) for y in crop.line_range]
        background = self.background_colors[1]
        for line_filter in self.get_line_filters():
            strips = [strip.apply_filter(line_filter, background) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """Draw the line `y` of what is visible, as far as the scrollbar and under it."""
        return self._strip(y).adjust_cell_length(self._whole, self._component("line--blank"))

    def _strip(self, y: int) -> Strip:
        width = self._width
        if y < HEADER:
            return header_line(self.layout_shown, self._component("line--header"), width)
        row = y - HEADER + self.top
        key = self.key_at(row)
        item = None if key is None else self.item_of(key)
        if y == HEADER and not self.rows:
            hint = fit(Cell(self.empty), width, "left") if width else ""
            return Strip([Segment(hint, self._component("line--blank") + self._all_tones()[Tone.MUTED])], width)
        if key is None or item is None:
            return Strip.blank(width, self._component("line--blank"))
        now = self._now
        state = self._look(key, item, now)
        cached = (key, state, width)
        strip = self._strips.get(cached)
        if strip is None:
            style = self._component(state[1]) if state[1] else self._component("line--blank")
            strip = record_line(self.layout_shown, item, now, tones=self._all_tones(), width=width, row=style)
            if key in self.marks:
                strip = marked_line(strip, self._component("line--mark"))
            self._strips[cached] = strip
        return strip

    def light_up(self, key: Hashable | None) -> None:
        """Light up the row of a record, None none."""
        if key != self.linked:
            self.linked = key
            self.refresh()

    def repaint_changed(self, now: float) -> None:
        """Repaint the visible rows that look different from when they were looked at last."""
        looks = self._visible_looks(now)
        for row, look in looks.items():
            if self._looks.get(row) != look:
                self.refresh(Region(0, row - self.top + HEADER, self.size.width, 1))
        self._looks = looks

    def repaint_all(self, now: float) -> None:
        """Repaint everything: other records stand in the rows."""
        self._looks = self._visible_looks(now)
        self.refresh()

    def _visible_looks(self, now: float) -> dict[int, object]:
        looks: dict[int, object] = {}
        for row in range(self.top, min(self.rows, self.top + self.page_rows)):
            key = self.key_at(row)
            item = None if key is None else self.item_of(key)
            if key is not None and item is not None:
                looks[row] = (key, self._look(key, item, now))
        self._move_thumb()
        return looks

    def resize_rows(self) -> None:
        """Say how many rows there are to scroll through.

        The scrollbar always has its place (opsci.tcss), so nothing around it moves: a virtual size that is set in the
        usual way has the whole screen laid out anew for each row, which costs as much as to draw all of them.
        """
        self.set_reactive(ScrollView.virtual_size, Size(0, self.rows + HEADER))
        if self.scroll_y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Draw what is in view now."""
        if round(old_value) != round(new_value):
            self._move_thumb()
            self.refresh(self.size.region)

    def _move_thumb(self) -> None:
        """Move the scrollbar's thumb where that can be seen, by an eighth of a cell: at most frames it can't."""
        if not self.show_vertical_scrollbar:
            return
        bar, rows, window = self.vertical_scrollbar, self.virtual_size.height, self.container_size.height
        thumb = thumb_of(rows, window, self.scroll_y)
        if thumb != self._thumb:
            self._thumb = thumb
            bar.window_virtual_size, bar.position = rows, self.scroll_y

    def notify_style_update(self) -> None:
        """Forget what was drawn in other colours."""
        super().notify_style_update()
        self._styles.clear()
        self._tones.clear()
        self._strips.clear()

    def _look(self, key: Hashable, item: Item, now: float) -> tuple[Hashable, str]:
        found, style = self.state_of(item, now)
        state = (found, key in self.marks)
        if key == self.cursor:
            style = "line--cursor" if self.has_focus else "line--cursor-blurred"
        elif key == self.linked:
            style = "line--linked"
        return state, style

    def _component(self, name: str) -> Style:
        if name not in self._styles:
            self._styles[name] = self.get_component_rich_style(name)
        return self._styles[name]

    def _all_tones(self) -> dict[Tone, Style]:
        if not self._tones:
            for tone in Tone:
                style = self._component(f"line--{tone}")
                self._tones[tone] = Style(color=style.color, bold=style.bold, italic=style.italic)
        return self._tones
