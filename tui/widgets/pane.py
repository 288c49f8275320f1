"""A pane: head, border and filter around a table; the arrows between panes; and the tabs where only one has room."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from bridge.journal import State
from bridge.text import readable
from tui.actions import bindings
from tui.format import clock, count, duration, rate
from tui.language import say, say_count
from tui.widgets.cached_static import CachedStatic
from tui.widgets.filter import FilterError
from tui.widgets.inputs import PrintableInput
from tui.widgets.log import LogView
from tui.widgets.status import NAMES, is_away, state_label
from tui.widgets.strips import MARK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from textual import events
    from textual.app import ComposeResult

    from bridge.journal import Connection, Hop, Journal, Rate, Server
    from tui.widgets.stock import StockView

__all__ = ["FilterInput", "HopArrow", "KafkaPane", "MqttPane", "Pane", "PaneTabs", "sparkline"]

BLOCKS: Final = "▁▂▃▄▅▆▇█"

LEAST: Final = 10
"""Below so many cells a minute says nothing."""

_MINUTE: Final = 30
"""How many cells the last minute takes at most."""


class PaneTabs(Widget):
    """The panes in one line, as the chain that they are: `1 MQTT ● 50/s ━▶ 2 Kafka ● 928 wait ╌╌ 3 Strapi DOWN 18 s`.

    A click shows a pane.

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
        self._places: list[tuple[int, int, int]] = []
        self._said = Content("")

    def show(self, number: int) -> None:
        """Mark the pane of that number."""
        if number != self._current:
            self._current = number
            self.pull()

    def pull(self) -> None:
        """Say anew how each stands."""
        said = self._line(figures=True)
        # Before its width is known it is the line that it mostly stays, so that a click meets what was read.
        if 0 < self.size.width < said.cell_length:
            said = self._line(figures=False)
        if not said.is_same(self._said):
            self._said = said
            self.refresh()

    def render(self) -> Content:
        """Draw the chain."""
        return self._said

    def _line(self, *, figures: bool) -> Content:
        parts: list[Content | tuple[str, str]] = []
        self._places, used = [], 0
        for pane in self._panes:
            if pane.number > 1:
                joined = not pane.is_away and not self._panes[pane.number - 2].is_away
                parts.append((" ━▶ " if joined else " ╌╌ ", f"${self._panes[pane.number - 2].system}"))
                used += 4
            name, colour = f" {pane.number} {pane.heading} ", f"${pane.system}"
            style = f"bold $background on {colour}" if pane.number == self._current else f"bold {colour}"
            label, figure = pane.label(), pane.figure() if figures else ""
            part = Content.assemble((name, style), label, (f" {figure}" if figure else "", "bold $foreground"))
            self._places.append((used, used + part.cell_length, pane.number))
            used += part.cell_length
            parts.append(part)
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Show the pane whose name was clicked."""
        for start, end, number in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(number))


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
        server: which system it shows.
        view: its rows.
        pulse: what goes through that system.
        journal: what its head is read from.
    """

    def __init__(self, number: int, server: Server, view: LogView | StockView, pulse: Rate, journal: Journal) -> None:
        super().__init__(id=f"pane-{view.identity}", classes="pane")
        self.number = number
        self.system = str(server)
        self.heading = NAMES[server]
        self.view = view
        self.pulse = pulse
        self._server = server
        self._journal = journal
        self._head = CachedStatic(classes="head", markup=False)
        self._titled = Content("")
        self._subtitled = ""
        self._edge: int | None = None
        self._bad_filter = ""

    def compose(self) -> ComposeResult:
        """The line of the head, the rows and, under them, the filter."""
        yield self._head
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

    @property
    def connection(self) -> Connection:
        """How the connection to its system stands."""
        return self._journal.connections[self._server]

    @property
    def is_away(self) -> bool:
        """Whether its system does not answer."""
        return is_away(self.connection)

    def label(self) -> Content:
        """Whether its system is up: a dot, else a word."""
        return state_label(self.connection, time.time())

    def pull_title(self) -> None:
        """Say anew how its system stands, what there is to know of it, and how the rows stand."""
        if self.has_class("away") != self.is_away:
            self.set_class(self.is_away, "away")
        title, subtitle, height = self._title(), self._subtitle(), self.outer_size.height
        if not title.is_same(self._titled):
            self._titled = title
            with self._painting(0):
                self.border_title = title
        if subtitle != self._subtitled:
            self._subtitled = subtitle
            with self._painting(height - 1):
                self.border_subtitle = Content(subtitle)
        self._head.update(self._second_line(), layout=False)

    def on_descendant_focus(self) -> None:
        """Draw the line of the head as the border is drawn."""
        self.pull_title()

    def on_descendant_blur(self) -> None:
        """Draw the line of the head as the border is drawn."""
        self.pull_title()

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

    def _title(self) -> Content:
        """Name, up or down, and the rate at the right end, with the border's line between them."""
        colour = f"${self.system}"
        name = Content.assemble(
            (f"{self.number} ", "$foreground-muted"), (f"{self.heading} ", f"bold {colour}"), self.label()
        )
        flow = Content.styled(rate(self.pulse.per_second()), "bold $foreground")
        focused = self.has_focus_within
        gap = self.size.width - 4 - name.cell_length - flow.cell_length - 2
        if gap < 1:
            return name
        edge = "$refused" if self.is_away else colour if focused else "$line"
        return Content.assemble(name, " ", (("━" if focused else "─") * gap, edge), " ", flow)

    def figure(self) -> str:
        """The one thing worth knowing, for a line with the other panes."""
        return rate(self.pulse.per_second()) if self.connection.state is State.UP else ""

    def _fact(self) -> Content:
        """The one thing worth knowing of its system."""
        return Content("")

    def _second_line(self) -> Content:
        """What there is to know, with how it went over the last minute; or what the filter lets through."""
        view, width = self.view, self._head.size.width
        said = self._fact()
        if view.filter_text:
            some = say("{some} of {all}").format(some=count(view.rows), all=count(self._everything))
            said = Content.assemble(
                (some, "bold $foreground"), (f"  /{readable(view.filter_text)}", "bold $text-warning")
            )
        if not self.styles.border_bottom[0]:
            # Without a border how the rows stand has no other place.
            stands = Content.styled(self._subtitle(), "$foreground-muted")
            gap = " " * max(2, width - said.cell_length - stands.cell_length)
            return Content.assemble(said, gap, stands)
        drawn = sparkline(self.pulse.history(), min(_MINUTE, width - said.cell_length - 2))
        gap = " " * (width - said.cell_length - len(drawn))
        return Content.assemble(said, gap, (drawn, f"${self.system}")) if drawn else said

    @property
    def _everything(self) -> int:
        """How many there are without the filter."""
        return self.pulse.total

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


class MqttPane(Pane):
    """What came over MQTT."""

    def _fact(self) -> Content:
        total = self.pulse.total
        if not total:
            return Content.styled(say("listening") if self.connection.state is State.UP else "", "bold $foreground")
        return Content.styled(say_count("{count} received", "{count} received", total), "bold $foreground")


class KafkaPane(Pane):
    """What Kafka has, and how much of it waits for Strapi."""

    def figure(self) -> str:
        """How many wait, where any do; else the rate."""
        lag = self._journal.lag
        return say_count("{count} waits", "{count} wait", lag) if lag > 0 else super().figure()

    def _fact(self) -> Content:
        lag = self._journal.lag
        if lag > 0:
            waiting = say_count("{count} waits for Strapi", "{count} wait for Strapi", lag)
            return Content.styled(waiting, "bold $text-warning" if lag >= _MANY else "bold $foreground")
        return Content.styled(say("nothing waits") if lag == 0 else "", "bold $foreground")


_MANY: Final = 100
"""From how many movements on what waits has the colour of what waits: a few are always on their way."""


class HopArrow(CachedStatic):
    """The arrow from one pane to the next, with the time that the hop typically takes; broken where one is away.

    Args:
        journal: what it is read from.
        source: the system that it leaves.
        target: the system that it leads to.
        hops: what is measured between the two, one after the other.
    """

    def __init__(self, journal: Journal, source: Server, target: Server, hops: Sequence[Hop]) -> None:
        super().__init__(classes="arrow", markup=False)
        self._journal = journal
        self._source = source
        self._target = target
        self._hops = hops

    def pull(self) -> None:
        """Say what changed."""
        connections = self._journal.connections
        if any(connections[server].state is not State.UP for server in (self._source, self._target)):
            away = any(is_away(connections[server]) for server in (self._source, self._target))
            self.update(Content.styled("\n╌╌╌╌╌", "$text-error" if away else "$foreground-muted"), layout=False)
            return
        took = [self._journal.latency[hop].summary() for hop in self._hops]
        # The medians of its parts, one after the other: no one measures the whole.
        time_ = duration(sum(one.p50 for one in took)).replace(" ", "") if all(one.measured for one in took) else ""
        self.update(
            Content.assemble("\n", ("━━━━▶", f"${self._source}"), "\n", (f"{time_:^5}", "$foreground-muted")),
            layout=False,
        )
