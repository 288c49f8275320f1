"""A pane: the border with title and state around a view, and the line in which its filter is typed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message

from bridge.text import readable
from tui.figures import clock, count, rate
from tui.language import say, say_count
from tui.panes.line import MARK
from tui.panes.log_view import LogView
from tui.panes.query import FilterError
from tui.printable_input import PrintableInput
from tui.sparkline import sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from textual.app import ComposeResult
    from textual.widgets import Input

    from bridge.journal import Rate
    from tui.panes.stock import StockView

__all__ = ["FilterInput", "Pane"]


class FilterInput(PrintableInput):
    """Where a pane's filter is typed: it applies as one types, Enter keeps it, Escape drops it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "escape",
            "drop",
            say("Drop the filter"),
            id="filter.drop",
            tooltip=say("Show everything again; Enter keeps the filter"),
        )
    ]

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
        yield FilterInput(placeholder=say("text !text re:regex amount>10 type:out"), compact=True, classes="filter")

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

    def on_filter_input_dropped(self) -> None:
        """Show everything again."""
        self.filter_input.value = ""
        self._bad_filter = ""
        self.view.set_filter("")
        self.remove_class("filtering", "bad-filter")
        self.screen.set_focus(self.view)

    def _title(self) -> str:
        parts = [f"{self.number} {self.heading}"]
        if self.pulse is not None:
            parts.append(rate(self.pulse.per_second()))
        parts.append(count(self.view.rows if self._counted is None else self._counted.total))
        view = self.view
        if view.filter_text:
            shown = "" if self._counted is None else f" {count(view.rows)}"
            parts.append(f"/{readable(view.filter_text)}{shown}")
        return " · ".join(parts)

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
