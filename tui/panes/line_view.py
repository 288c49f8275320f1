"""What the panes have in common: rows on the Line API, a cursor that stays with its record, a lit-up movement."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final, Generic, TypeVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.panes.columns import Column, Layout, lay_out
from tui.panes.line import header_line, record_line
from tui.verdicts import Tone

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from textual import events

    from bridge.journal import Journey, Product

__all__ = ["LineView"]

Item = TypeVar("Item", bound="Journey | Product")

HEADER: Final = 1
"""Lines that stand above the rows and do not scroll."""


class LineView(ScrollView, Generic[Item], can_focus=True):
    """Rows of records under a line of titles, drawn when they are looked at.

    A subclass says which record stands in which row; `pull` compares that with what was drawn.

    Args:
        columns: all columns, in the order in which they stand.
        identity: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="record.open", tooltip="Every field of the record, and its way"),
        Binding("up,k", "move(-1)", "Up", show=False, id="record.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="record.down"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="record.page_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="record.page_down"),
        Binding("home,g", "first", "Oldest", show=False, id="record.first"),
        Binding("end,G", "last", "Latest", show=False, id="record.last"),
        Binding(
            "slash", "filter", "Filter", key_display="/", id="pane.filter", tooltip="Show only what contains a text"
        ),
        Binding("space", "pause", "Pause", id="pane.pause", tooltip="Hold the display; recording goes on"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "line--blank",
        "line--header",
        "line--cursor",
        "line--cursor-blurred",
        "line--linked",
        "line--fresh-1",
        "line--fresh-2",
        "line--fresh-3",
        *(f"line--{tone}" for tone in Tone),
    }

    @dataclass
    class Selected(Message):
        """The cursor came to stand on a record."""

        pane: str
        item: Journey | Product

    @dataclass
    class Opened(Message):
        """A record is to be shown in full."""

        item: Journey | Product

    @dataclass
    class FilterWanted(Message):
        """A filter is to be typed."""

        pane: str

    def __init__(self, columns: Sequence[Column[Item]], identity: str) -> None:
        super().__init__(id=identity)
        self.columns = columns
        self.identity = identity
        self.cursor: Hashable | None = None
        """The key of the record that the cursor is on."""
        self.linked: Hashable | None = None
        """The key of the record that is lit up because its movement is followed in another pane."""
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
            self._layouts = {self._width: lay_out(self.columns, self._width)}
        return self._layouts[self._width]

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

    def move_cursor(self, row: int) -> None:
        """Put the cursor on a row, the nearest where there are fewer, and bring it into view."""
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

    def forget_cursor(self) -> None:
        """Take the cursor off its record."""
        self.cursor = None
        self.refresh()

    def cursor_row(self) -> int | None:
        """The visible row that the cursor is on, or None."""
        row = None if self.cursor is None else self.row_of(self.cursor)
        return row if row is not None and self.top <= row < self.top + self.page_rows else None

    def action_move(self, rows: int) -> None:
        """Move the cursor; where it is out of sight it starts at the edge that is nearest."""
        row = self.cursor_row()
        if row is not None:
            self.move_cursor(row + rows)
        elif rows < 0:
            self.move_cursor(min(self.rows, self.top + self.page_rows) - 1)
        else:
            self.move_cursor(self.top)

    def action_page(self, pages: int) -> None:
        """Move the cursor by whole pages."""
        row = self.cursor_row()
        start = row if row is not None else self.top + (self.page_rows - 1 if pages < 0 else 0)
        self.move_cursor(start + pages * (self.page_rows - 1))

    def action_first(self) -> None:
        """Go to the top."""
        self.move_cursor(0)

    def action_last(self) -> None:
        """Go to the bottom."""
        self.move_cursor(self.rows - 1)

    def action_open(self) -> None:
        """Show the record under the cursor in full, the last visible one where there is no cursor."""
        row = self.cursor_row()
        if row is None:
            self.action_move(-1)
            row = self.cursor_row()
        key = None if row is None else self.key_at(row)
        item = None if key is None else self.item_of(key)
        if item is not None:
            self.post_message(self.Opened(item))

    def action_filter(self) -> None:
        """Ask for a filter."""
        self.post_message(self.FilterWanted(self.identity))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is; a second click opens the record."""
        row = event.y - HEADER + self.top
        if event.y >= HEADER and row < self.rows:
            self.move_cursor(row)
            if event.chain > 1:
                self.action_open()

    def notify_style_update(self) -> None:
        """Forget what was drawn in other colours."""
        super().notify_style_update()
        self._styles.clear()
        self._tones.clear()
        self._strips.clear()

    def _look(self, key: Hashable, item: Item, now: float) -> tuple[Hashable, str]:
        state, style = self.state_of(item, now)
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
