"""A pane: border, title and filter around a table; and the line that names the panes where only one has room."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from bridge.text import readable
from tui.actions import bindings
from tui.format import clock, count, rate
from tui.language import say, say_count
from tui.widgets.filter import FilterError
from tui.widgets.inputs import PrintableInput
from tui.widgets.log import LogView
from tui.widgets.strips import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from textual import events
    from textual.app import ComposeResult

    from bridge.journal import Rate
    from tui.widgets.stock import StockView

__all__ = ["FilterInput", "Pane", "PaneTabs", "sparkline"]

BLOCKS: Final = "▁▂▃▄▅▆▇█"

LEAST: Final = 10
"""Below so many cells a minute says nothing."""


class PaneTabs(Widget):
    """One line: `▸1 MQTT in◂  2 Kafka  3 Strapi`; a click shows a pane.

    Args:
        panes: those that it names.
    """

    @dataclass
    class Chosen(Message):
        """A pane is to be shown."""

        number: int

    def __init__(self, panes: Sequence[Pane]) -> None:
        super().__init__(id="tabs")
        self._panes = panes
        self._current = 1

    def show(self, number: int) -> None:
        """Mark the pane of that number."""
        if number != self._current:
            self._current = number
            self.refresh()

    def render(self) -> Content:
        """The names, the current one between marks and inverted."""
        parts: list[tuple[str, str]] = []
        for pane in self._panes:
            name = f"{pane.number} {pane.heading}"
            if pane.number == self._current:
                parts.append((f"▸{name}◂", "bold $block-cursor-foreground on $block-cursor-background"))
            else:
                parts.append((f" {name} ", "$foreground-muted"))
            parts.append((" ", ""))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Show the pane whose name was clicked."""
        start = 0
        for pane in self._panes:
            width = len(f" {pane.number} {pane.heading} ") + 1
            if start <= event.x < start + width:
                self.post_message(self.Chosen(pane.number))
            start += width


def sparkline(counts: Sequence[int], room: int) -> str:
    """Draw counts, each block standing for as many of them, the highest as a full block and none as the lowest.

    Args:
        counts: what was counted in each second, oldest first.
        room: the cells there are.

    Returns:
        One cell for each count or for each two, three or more of them, whatever fits; empty where fewer than 10 cells
        would be left, or nothing was counted.
    """
    each = next((size for size in range(1, 7) if len(counts) % size == 0 and len(counts) // size <= room), 0)
    if not each or len(counts) // each < LEAST or not any(counts):
        return ""
    sums = [sum(counts[start : start + each]) for start in range(0, len(counts), each)]
    highest, steps = max(sums), len(BLOCKS) - 1
    # Rounded up: a second with one message is not one with none.
    return "".join(BLOCKS[-(-found * steps // highest)] for found in sums)


class FilterInput(PrintableInput):
    """Where a pane's filter is typed: it applies as one types, Enter keeps it, Escape drops it."""

    BINDINGS = bindings("filter_field")

    @dataclass
    class Dropped(Message):
        """The filter is no longer wanted."""

    def action_drop(self) -> None:
        """Give the filter up."""
        self.post_message(self.Dropped())


class Pane(Vertical):
    """One pane.

    Args:
        number: the key that focuses it.
        title: what it shows.
        view: its rows.
        counted: what its title counts, None for the number of rows.
    """

    def __init__(self, number: int, title: str, view: LogView | StockView, counted: Rate | None) -> None:
        super().__init__(id=f"pane-{view.identity}", classes="pane")
        self.number = number
        self.heading = title
        self.view = view
        self.pulse = counted
        """What the sparkline in the title draws, None none."""
        self._counted = counted
        self._said: tuple[str, str] = ("", "")
        self._edge: int | None = None
        self._bad_filter = ""

    def compose(self) -> ComposeResult:
        """The rows and, under them, the filter."""
        yield self.view
        yield FilterInput(placeholder=say("text !text re:regex amount<-10 type:out"), compact=True, classes="filter")

    @property
    def filter_input(self) -> FilterInput:
        """Where the filter is typed."""
        return self.query_one(FilterInput)

    def pull(self, now: float) -> None:
        """Take over what changed in the rows, if anyone can see it."""
        if self.display:
            self.view.pull(now)

    def pull_title(self) -> None:
        """Say anew what it counts, and how it stands."""
        title = self._title()
        said = (f"{title}{self._sparkline(cell_len(title))}", self._subtitle())
        if said != self._said:
            height, self._said = self.outer_size.height, said
            with self._painting(0):
                self.border_title = Content(said[0])
            with self._painting(height - 1):
                self.border_subtitle = Content(said[1])

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Paint anew, or only the line that a title stands on where nothing but that changed."""
        if self._edge is not None and not regions:
            regions = (Region(0, self._edge, self.outer_size.width, 1).translate(-self.content_offset),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    @contextmanager
    def _painting(self, line: int) -> Iterator[None]:
        """Hold what is painted anew meanwhile to a line: a title that is set has the whole pane drawn."""
        self._edge = line
        try:
            yield
        finally:
            self._edge = None

    def ask_filter(self) -> None:
        """Open the line in which the filter is typed."""
        self.add_class("filtering")
        self.screen.set_focus(self.filter_input)

    def put_filter(self, typed: str) -> None:
        """Filter as if it had been typed and Enter pressed; an empty one shows everything."""
        with self.prevent(Input.Changed):
            self.filter_input.value = typed
        self.view.set_filter(typed)
        self.set_class(bool(self.view.filter_text), "filtering")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter as one types; what is no filter yet changes nothing and is said."""
        event.stop()
        if event.value != event.input.value:
            # More was typed meanwhile, which comes next: among very many rows each filter takes its time.
            return
        try:
            self.view.set_filter(event.value)
        except FilterError as error:
            self._bad_filter = str(error)
            self.add_class("bad-filter")
        else:
            self._bad_filter = ""
            self.remove_class("bad-filter")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the rows."""
        event.stop()
        self.set_class(bool(self.view.filter_text), "filtering")
        self.screen.set_focus(self.view)

    @property
    def is_filtered(self) -> bool:
        """Whether a filter is kept, or one that could not be taken."""
        return bool(self.view.filter_text or self._bad_filter)

    def on_filter_input_dropped(self) -> None:
        """Show everything again."""
        self.drop_filter()

    def drop_filter(self) -> None:
        """Show everything again, and go back to the rows."""
        self.filter_input.value = ""
        self._bad_filter = ""
        self.view.set_filter("")
        self.remove_class("filtering", "bad-filter")
        self.screen.set_focus(self.view)

    def _title(self) -> str:
        """What it shows, how fast and how much: whole where there is room, without the rate where there is not."""
        name = f"{self.number} {self.heading}"
        pulse = [] if self.pulse is None else [rate(self.pulse.per_second())]
        written = [f"/{readable(self.view.filter_text)}"] if self.view.filter_text else []
        room = self.size.width - 4
        for parts in ([*pulse, self._counts(), *written], [self._counts(), *written]):
            title = " · ".join([name, *parts])
            if cell_len(title) <= room:
                break
        return title

    def _counts(self) -> str:
        """How many there are; with a filter, how many of them it lets through."""
        view = self.view
        everything = self._everything if self._counted is None else self._counted.total
        if not view.filter_text:
            return count(everything)
        return say("{some} of {all}").format(some=count(view.rows), all=count(everything))

    @property
    def _everything(self) -> int:
        return self.view.rows

    def _sparkline(self, used: int) -> str:
        if self.pulse is None:
            return ""
        # Of the width inside the border: a cell of line and one of space at either end, and one before the blocks.
        drawn = sparkline(self.pulse.history(), self.size.width - 5 - used)
        return f" {drawn}" if drawn else ""

    def _subtitle(self) -> str:
        view = self.view
        if self._bad_filter or view.filter_trouble:
            return f"▲ {readable(self._bad_filter or view.filter_trouble)}"
        parts = []
        if view.seeking.left:
            parts.append(say_count("looking, {count} to go", "looking, {count} to go", view.seeking.left))
        if isinstance(view, LogView):
            if view.shown.left:
                parts.append(say_count("filtering, {count} to go", "filtering, {count} to go", view.shown.left))
            if view.shown.paused:
                parts.append("‖ " + say("paused, {count} held back").format(count=count(view.shown.held_back)))
            elif view.following:
                parts.append("▼ " + say("following"))
                lit = None if view.linked is None else view.row_of(view.linked)
                if lit is not None and lit < view.top:
                    parts.append(say("selected {count} up").format(count=count(view.top - lit)))
            elif view.waiting:
                parts.append(say("+{count} new · f follows").format(count=count(view.waiting)))
            else:
                parts.append(say("holding still · f follows"))
            if view.mark is not None:
                parts.append(f"{MARK} {clock(view.mark[0])} +{count(view.since_mark)}")
        return " · ".join(parts)
