"""The table: rows that scroll under a line of titles, using the Line API; only changed rows are redrawn."""

from __future__ import annotations

import time
from abc import abstractmethod
from math import ceil
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final, Generic, NamedTuple, TypeAlias, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.cache import LRUCache
from textual.color import Color
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.language import say
from tui.outcome import Tone
from tui.widgets.column_layout import Cell, Column, Layout, fit, lay_out
from tui.widgets.strips import PaintedRow, RowStyles, header_line, marked_line, record_line

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from textual.filter import LineFilter

__all__ = ["HEADER", "LineCanvas", "RowScroll", "thumb_of"]


HEADER: Final = 1
"""Lines above the rows that do not scroll."""

Item = TypeVar("Item")

_NOTHING: Final[_Paint] = (0, 0, (), Color(0, 0, 0))

_TITLES: Final = ("titles",)


def thumb_of(rows: int, window: int, top: float) -> tuple[int, int]:
    """The start and end of a scrollbar's thumb in eighths of a cell, as Textual's ScrollBarRender computes them.

    The bar is as high as its window.

    Args:
        rows: how many rows there are.
        window: how many of them are visible.
        top: the first visible one.
    """
    if rows <= window:
        return 0, 8 * window
    size = max(1.0, window * window / rows)
    start = int((window - size) * top / (rows - window) * 8)
    return start, start + ceil(size * 8)


class RowScroll(ScrollView):
    """A scroll view of rows, whose number a subclass defines.

    Args:
        identity: the widget's id.
    """

    def __init__(self, identity: str) -> None:
        super().__init__(id=identity)
        self._thumb = (0, 0)

    @property
    @abstractmethod
    def rows(self) -> int:
        """The number of rows."""

    @property
    def page_rows(self) -> int:
        """How many rows are visible at once."""
        return max(1, self.scrollable_content_region.height - HEADER)

    @property
    def top(self) -> int:
        """The first visible row."""
        return self.scroll_offset.y

    def resize_rows(self) -> None:
        """Update the number of rows for scrolling.

        The scrollbar is always shown (opsci.tcss), so nothing around it moves: setting a virtual size in the usual way
        lays out the whole screen again for each row, which costs as much as drawing all of them.
        """
        self.set_reactive(ScrollView.virtual_size, Size(0, self.rows + HEADER))
        if self.scroll_y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def refresh_rows(self) -> None:
        """Redraw all lines, but not the scrollbar beside them, which redraws itself where it moved."""
        self.refresh(Region(0, 0, self.scrollable_content_region.width, self.size.height))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        if round(old_value) != round(new_value):
            self._move_thumb()
            self.refresh_rows()

    def _move_thumb(self) -> None:
        """Move the scrollbar's thumb if that is visible, by an eighth of a cell: in most frames it is not."""
        if not self.show_vertical_scrollbar:
            return
        bar, rows, window = self.vertical_scrollbar, self.virtual_size.height, self.container_size.height
        thumb = thumb_of(rows, window, self.scroll_y)
        if thumb != self._thumb:
            self._thumb = thumb
            bar.window_virtual_size, bar.position = rows, self.scroll_y


_Paint: TypeAlias = "tuple[int, int, tuple[LineFilter, ...], Color]"


class _Seen(NamedTuple, Generic[Item]):
    """A record in a visible row, and the state that determines its look."""

    key: Hashable
    item: Item
    state: tuple[Hashable, str]


class LineCanvas(RowScroll, Generic[Item]):
    """Rows of records under a line of titles.

    A subclass defines which record is in which row; `pull` compares that with what was drawn.

    Args:
        columns: all columns, in their order.
        identity: the widget's id.
        empty: the text where there is no row.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--blank",
        "line--header",
        "line--cursor",
        "line--cursor-blurred",
        "line--linked",
        "line--mark",
        "line--key",
        *(f"line--{tone}" for tone in Tone),
    }

    def __init__(self, columns: Sequence[Column[Item]], identity: str, empty: str) -> None:
        super().__init__(identity)
        self.columns = columns
        self._growing = [(place, column) for place, column in enumerate(columns) if column.grows]
        self.identity = identity
        self.empty = empty
        self.filter_text = ""
        """The filter as typed; empty where everything is shown."""
        self.cursor: Hashable | None = None
        """The key of the record under the cursor."""
        self.linked: Hashable | None = None
        """The key of the record that is highlighted because its movement is followed in another pane."""
        self.relative: bool | None = None
        """Whether times are shown as ages; None leaves it to each column."""
        self.marks: set[Hashable] = set()
        """The keys of the records that the user marked."""
        self._strips: LRUCache[tuple[object, ...], Strip] = LRUCache(1)
        self._paint: _Paint = _NOTHING
        """What all drawn rows have in common: the full width, the width up to the scrollbar, the colour filters and the
        background.
        """
        self._hidden = Strip([])
        self._row_styles = RowStyles(self.get_component_rich_style)
        self._layouts: dict[int, Layout[Item]] = {}
        self._needs: dict[int, int] = {}
        """The greatest content width of each growing column, by the column's index."""
        self._looks: dict[int, object] = {}
        """The looks of the visible rows when they were last checked; rows are painted then or later, so they show this
        or a newer state.
        """
        self._width = 0
        self._whole = 0
        self._now = 0.0
        self.painted_at = 0.0
        """When lines were first drawn since this was set to 0, on the monotonic clock."""

    @abstractmethod
    def key_at(self, row: int) -> Hashable | None:
        """The key of the record in a row counted from 0, or None."""

    @abstractmethod
    def row_of(self, key: Hashable) -> int | None:
        """The row of a record, or None if it is not shown."""

    @abstractmethod
    def item_of(self, key: Hashable) -> Item | None:
        """The record with a key, or None if it is no longer kept."""

    @abstractmethod
    def state_of(self, item: Item, now: float) -> tuple[Hashable, str]:
        """What determines a record's look, besides its key, and the component class of its row or an empty text."""

    @abstractmethod
    def pull(self, now: float) -> None:
        """Repaint visible changes since the last pull; `now` in seconds since the epoch."""

    @property
    def layout_shown(self) -> Layout[Item]:
        """The columns that fit."""
        if self._width not in self._layouts:
            shown = enumerate(self.columns_shown())
            grown = [column.grown(self._needs.get(place, 0)) for place, column in shown]
            self._layouts = {self._width: lay_out(grown, self._width)}
        return self._layouts[self._width]

    def columns_shown(self) -> list[Column[Item]]:
        """All columns, with the chosen format of times."""
        if self.relative is None:
            return list(self.columns)
        return [(column.ago if self.relative else column.clock) or column for column in self.columns]

    def put_columns(self, columns: Sequence[Column[Item]]) -> None:
        """Change the columns."""
        self.columns = columns
        self._growing = [(place, column) for place, column in enumerate(columns) if column.grows]
        self._needs.clear()
        self.relayout()

    def say_times(self, *, relative: bool) -> None:
        """Show times as ages, or as the time of day."""
        self.relative = relative
        self.relayout()

    def relayout(self) -> None:
        """Redraw everything with changed columns."""
        self._layouts.clear()
        self._strips.clear()
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw lines, all for one width and one time.

        A row that only moved is returned as the same strip, whereas Textual recreates all lines after scrolling. Lines
        with Textual's own decorations are left to Textual.
        """
        self._width = self.scrollable_content_region.width
        self._whole = self.size.width
        self._now = time.time()
        if not self.painted_at:
            self.painted_at = time.monotonic()
        paint = (self._whole, self._width, tuple(self.get_line_filters()), self.background_colors[1])
        if paint != self._paint:
            self._strips.clear()
            self._row_styles.filter_by(paint[2], paint[3])
            self._paint = paint
            self._hidden = Strip.blank(self._whole - self._width, self._row_styles.of("line--blank"))
        if self.opacity != 1 or any(self.styles.gutter) or crop.column_span != (0, self._whole):
            return super().render_lines(crop)
        self._strips.grow(2 * self.size.height)
        lines = [(y, self._seen_at(y)) for y in crop.line_range]
        if self._needs_more([seen for _, seen in lines if seen is not None]):
            self.relayout()
        return [self._painted(y, seen) for y, seen in lines]

    def _needs_more(self, lines: Sequence[_Seen[Item]]) -> bool:
        """Note the widths of the content to be drawn; return whether a column must grow."""
        more = False
        for place, column in self._growing:
            for seen in lines:
                if (seen.key, seen.state) in self._strips:
                    continue
                cell = column.cell(seen.item, self._now)
                width = cell.needs or cell_len(cell.text)
                if width > max(self._needs.get(place, 0), column.least):
                    self._needs[place] = width
                    more = True
        return more

    def forget_widths(self) -> None:
        """Reset the grown columns, as other records are shown."""
        if self._needs:
            self._needs.clear()
            self.relayout()

    def render_line(self, y: int) -> Strip:
        """Draw the visible line `y`, including its part under the scrollbar."""
        shown = self._drawn(y, self._seen_at(y))
        return shown.adjust_cell_length(self._whole, self._row_styles.of("line--blank"))

    def _painted(self, y: int, seen: _Seen[Item] | None) -> Strip:
        look: tuple[object, ...] | None = _TITLES if y < HEADER else None
        if seen is not None:
            look = (seen.key, seen.state)
        strip = None if look is None else self._strips.get(look)
        if strip is None:
            strip = PaintedRow(self._drawn(y, seen), self._hidden)
            if look is not None:
                self._strips[look] = strip
        return strip

    def _seen_at(self, y: int) -> _Seen[Item] | None:
        return self._seen_in(y - HEADER + self.top, self._now) if y >= HEADER else None

    def _seen_in(self, row: int, now: float) -> _Seen[Item] | None:
        key = self.key_at(row)
        item = None if key is None else self.item_of(key)
        return None if key is None or item is None else _Seen(key, item, self._look(key, item, now))

    def _drawn(self, y: int, seen: _Seen[Item] | None) -> Strip:
        width = self._width
        if y < HEADER:
            return header_line(self.layout_shown, self._row_styles.of("line--header"), width)
        if seen is not None:
            tones = self._row_styles.tones_of(seen.state[1] or "line--blank")
            strip = record_line(self.layout_shown, seen.item, self._now, tones=tones, width=width)
            return marked_line(strip, self._row_styles.of("line--mark")) if seen.key in self.marks else strip
        if not self.rows and width:
            return self.empty_line(y - HEADER, width)
        return Strip.blank(width, self._row_styles.of("line--blank"))

    def empty_line(self, row: int, width: int) -> Strip:
        """Draw a row of an empty table.

        Args:
            row: from 0.
            width: the cells to fill.
        """
        said = say("nothing that the filter lets through") if self.filter_text else self.empty
        lines = wrap(said, max(1, width))
        if row >= len(lines):
            return Strip.blank(width, self._row_styles.of("line--blank"))
        return self.text_line([(lines[row], "line--muted")], width)

    def text_line(self, parts: Sequence[tuple[str, str]], width: int) -> Strip:
        """Draw consecutive texts, each in the style of a component class, cut to the width."""
        segments, room = [], width
        for text, style in parts:
            shown = fit(Cell(text), min(room, cell_len(text)), "left") if room > 0 else ""
            segments.append(Segment(shown, self._row_styles.of(style)))
            room -= cell_len(shown)
        return Strip([*segments, Segment(" " * room, self._row_styles.of("line--blank"))], width)

    def light_up(self, key: Hashable | None) -> None:
        """Highlight the row of a record, None for none."""
        if key != self.linked:
            self.linked = key
            self.refresh()

    def repaint_changed(self, now: float) -> None:
        """Repaint the visible rows that look different from when they were last checked."""
        looks, width = self._visible_looks(now), self.scrollable_content_region.width
        for row, look in looks.items():
            if self._looks.get(row) != look:
                self.refresh(Region(0, row - self.top + HEADER, width, 1))
        self._looks = looks

    def repaint_all(self, now: float) -> None:
        """Repaint everything, as rows have other records."""
        self._looks = self._visible_looks(now)
        self.refresh_rows()

    def _visible_looks(self, now: float) -> dict[int, object]:
        looks: dict[int, object] = {}
        for row in range(self.top, min(self.rows, self.top + self.page_rows)):
            if (seen := self._seen_in(row, now)) is not None:
                looks[row] = (seen.key, seen.state)
        self._move_thumb()
        return looks

    def notify_style_update(self) -> None:
        """Discard what was drawn in other colours."""
        super().notify_style_update()
        self._paint = _NOTHING

    def _look(self, key: Hashable, item: Item, now: float) -> tuple[Hashable, str]:
        found, style = self.state_of(item, now)
        state = (found, key in self.marks)
        if key == self.cursor:
            style = "line--cursor" if self.has_focus else "line--cursor-blurred"
        elif key == self.linked:
            style = "line--linked"
        return state, style
