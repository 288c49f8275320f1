"""Where a pane's rows are drawn: on the Line API, each when it is looked at, and only what looks different anew."""

from __future__ import annotations

import time
from abc import abstractmethod
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

__all__ = ["HEADER", "LineCanvas"]

Item = TypeVar("Item")

HEADER: Final = 1
"""Lines that stand above the rows and do not scroll."""


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
        self._drawn: dict[int, object] = {}
        self._width = 0
        self._now = 0.0

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
        self._drawn.clear()
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some lines, all for one width and one moment."""
        self._width = self.scrollable_content_region.width
        self._now = time.time()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Draw the line `y` of what is visible."""
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
        self._drawn[row] = state
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
        """Repaint the visible rows that look different from how they were drawn."""
        for row in range(self.top, min(self.rows, self.top + self.page_rows)):
            key = self.key_at(row)
            item = None if key is None else self.item_of(key)
            if key is not None and item is not None and self._drawn.get(row) != self._look(key, item, now):
                self.refresh(Region(0, row - self.top + HEADER, self.size.width, 1))

    def resize_rows(self) -> None:
        """Let the scrollbar know how many rows there are."""
        self.virtual_size = Size(0, self.rows + HEADER)

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
