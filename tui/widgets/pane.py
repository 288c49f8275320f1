"""A pane: head, border and filter around a table; arrows between panes; and tabs where there is room for one only."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from bridge.journal import State
from bridge.text import readable
from tui.actions import bindings, key_of
from tui.format import clock, count, duration, rate
from tui.language import say, say_count
from tui.widgets.cached_static import CachedStatic
from tui.widgets.filter import FilterError
from tui.widgets.inputs import PrintableInput
from tui.widgets.log import LogView
from tui.widgets.status import NAMES, is_away, state_label
from tui.widgets.strips import MARK
from tui.widgets.tab_line import Part, TabLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    from textual.app import ComposeResult

    from bridge.journal import Connection, Hop, Journal, Rate, Server
    from tui.widgets.dead_letters import DeadLettersView
    from tui.widgets.stock import StockView

__all__ = ["FilterInput", "HopArrow", "KafkaPane", "MqttPane", "Pane", "PaneTabs", "sparkline"]

BLOCKS: Final = "▁▂▃▄▅▆▇█"

_STARTS: Final = frozenset({State.STARTING, State.STARTED, State.FAILED})
"""The states of a server that a runner starts."""

LEAST: Final = 10
"""A sparkline of fewer cells is not drawn."""

_MINUTE: Final = 30
"""The most cells of the last minute's sparkline."""


class Figures(Enum):
    """Which key figures the tabs have room for, from the longest line on."""

    ALL = auto()
    WAITING = auto()
    NONE = auto()


class PaneTabs(TabLine):
    """The panes in one line, drawn as a chain: `1 MQTT ● 50/s ━▶ 2 Kafka ● 928 wait ╌╌ 3 Strapi DOWN 18 s`.

    A click shows a pane.

    Args:
        panes: those that it names.
    """

    @dataclass
    class Chosen(Message):
        """A pane is to be shown."""

        number: int

    def __init__(self, panes: Sequence[Pane]) -> None:
        super().__init__("tabs")
        self._panes = panes
        self._current = 1

    def show(self, number: int) -> None:
        """Mark the pane of that number."""
        if number != self._current:
            self._current = number
            self.pull()

    def pull(self) -> None:
        """Update the state of each pane."""
        width = self.size.width
        # Before the width is known, draw the full line, which is mostly right, so that clicks hit what is shown.
        for figures in Figures:
            parts = self._line(figures)
            if not 0 < width < sum(content.cell_length for content, _ in parts):
                break
        self.put(parts)

    def _line(self, figures: Figures) -> list[Part]:
        parts: list[Part] = []
        for pane in self._panes:
            if pane.number > 1:
                before = self._panes[pane.number - 2]
                joined = not pane.is_away and not before.is_away
                parts.append((Content.styled(" ━▶ " if joined else " ╌╌ ", f"${before.system}"), ()))
            parts.append((self._tab(pane, figures), pane.number))
        return parts

    def _tab(self, pane: Pane, figures: Figures) -> Content:
        """The name, the state and the key figure of a pane; all of it filled if the pane is shown."""
        name, colour, label = f" {pane.number} {pane.heading} ", f"${pane.system}", pane.label()
        figure = pane.figure() if figures is Figures.ALL or (figures is Figures.WAITING and pane.waits) else ""
        said = f" {figure}" if figure else ""
        if pane.number != self._current:
            return Content.assemble((name, f"bold {colour}"), label, (said, pane.figure_style))
        filled = f"bold $background on {colour}"
        if pane.connection.state is not State.UP:
            # A word about the state keeps its own colour.
            return Content.assemble((name, filled), label, (said, pane.figure_style))
        return Content.styled(f"{name}{label.plain}{said} ", filled)


def sparkline(counts: Sequence[int], room: int) -> str:
    """Draw counts as blocks, proportional to the highest, with none as the lowest block.

    Args:
        counts: the counts of each second, oldest first.
        room: the available cells.

    Returns:
        One cell for each count, or for each two to six of them, whatever fits; empty where fewer than 10 cells would be
        left, or nothing was counted.
    """
    each = next((size for size in range(1, 7) if len(counts) % size == 0 and len(counts) // size <= room), 0)
    if not each or len(counts) // each < LEAST or not any(counts):
        return ""
    sums = [sum(counts[start : start + each]) for start in range(0, len(counts), each)]
    highest, steps = max(sums), len(BLOCKS) - 1
    # Rounded up, so that a second with one message differs from one with none.
    return "".join(BLOCKS[-(-found * steps // highest)] for found in sums)


class FilterInput(PrintableInput):
    """The field for the filter of a table: it applies while typing, Enter keeps it, Escape drops it.

    Its parent has the class `filtering` while it is open, and `bad-filter` while what is typed is no filter.

    Args:
        view: the table.
        placeholder: examples.
    """

    BINDINGS = bindings("filter_field")

    def __init__(self, view: LogView | StockView | DeadLettersView, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, compact=True, classes="filter")
        self._view = view
        self.trouble = ""
        """What is wrong with what is typed; empty if it is a filter."""

    @property
    def _around(self) -> Widget:
        assert isinstance(self.parent, Widget)  # noqa: S101 - for the type checker
        return self.parent

    def open(self) -> None:
        """Show the field and focus it."""
        self._around.add_class("filtering")
        self.screen.set_focus(self)

    def put(self, typed: str) -> None:
        """Filter as if the text had been typed and Enter pressed; an empty one shows everything."""
        with self.prevent(Input.Changed):
            self.value = typed
        self._view.set_filter(typed)
        self._around.set_class(bool(self._view.filter_text), "filtering")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing; an invalid filter changes nothing and its mistake is shown."""
        event.stop()
        if event.value != self.value:
            # More was typed meanwhile, and is handled next: filtering very many rows takes time.
            return
        self.trouble = ""
        try:
            self._view.set_filter(event.value)
        except FilterError as error:
            self.trouble = str(error)
        self._around.set_class(bool(self.trouble), "bad-filter")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and focus the rows."""
        event.stop()
        self._around.set_class(bool(self._view.filter_text), "filtering")
        self.screen.set_focus(self._view)

    def action_drop(self) -> None:
        """Show everything again, and focus the rows."""
        self.value = ""
        self.trouble = ""
        self._view.set_filter("")
        self._around.remove_class("filtering", "bad-filter")
        self.screen.set_focus(self._view)


class Pane(Vertical):
    """One pane.

    Args:
        number: the key that focuses it.
        server: which system it shows.
        view: its rows.
        pulse: the rate of that system.
        journal: the source of its head.
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
        self.filter_input = FilterInput(view, say("text !text re:regex amount<-10 type:out"))

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.view
        yield self.filter_input

    def pull(self, now: float) -> None:
        """Update the rows, if they are visible."""
        if self.display:
            self.view.pull(now)

    @property
    def connection(self) -> Connection:
        """The connection to its system."""
        return self._journal.connections[self._server]

    @property
    def is_away(self) -> bool:
        """Whether its system does not answer."""
        return is_away(self.connection)

    def label(self) -> Content:
        """The state of its system: a dot, or a word."""
        return state_label(self.connection, time.time())

    def pull_title(self) -> None:
        """Update the title and the head: the state of the system, the key figure, and the state of the rows."""
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
        """Redraw the title in the border's colour."""
        self.pull_title()

    def on_descendant_blur(self) -> None:
        """Redraw the title in the border's colour."""
        self.pull_title()

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """Repaint, but only the title's line where only that changed."""
        if self._edge is not None and not regions:
            regions = (Region(0, self._edge, self.outer_size.width, 1).translate(-self.content_offset),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    @contextmanager
    def _painting(self, line: int) -> Iterator[None]:
        """Restrict repaints within the block to a line, as setting a title repaints the whole pane."""
        self._edge = line
        try:
            yield
        finally:
            self._edge = None

    @property
    def is_filtered(self) -> bool:
        """Whether there is a filter, even an invalid one."""
        return bool(self.view.filter_text or self.filter_input.trouble)

    def _title(self) -> Content:
        """The name, the state, and the rate at the right end, joined by the border's line."""
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
        """The key figure, for a line with the other panes."""
        return rate(self.pulse.per_second()) if self.connection.state is State.UP else ""

    @property
    def waits(self) -> bool:
        """Whether the key figure is that of waiting movements, which matters more than a rate."""
        return False

    @property
    def figure_style(self) -> str:
        """The style of the key figure."""
        return "bold $foreground"

    def _fact(self) -> Content:
        """The key figure of its system."""
        return Content("")

    def _start(self) -> Content:
        """How far the start of its server is, or why there was none."""
        connection = self.connection
        said = readable(say(connection.detail)) if connection.state in _STARTS else ""
        return Content.styled(said, "bold $text-error" if connection.state is State.FAILED else "bold $foreground")

    def _second_line(self) -> Content:
        """The key figure with the last minute's sparkline; or the number of matches of the filter."""
        view, width = self.view, self._head.size.width
        said = self._start() or self._fact()
        if view.filter_text:
            some = say("{some} of {all}").format(some=count(view.rows), all=count(self._everything))
            said = Content.assemble(
                (some, "bold $foreground"), (f"  /{readable(view.filter_text)}", "bold $text-warning")
            )
        if not self.styles.border_bottom[0]:
            # Without a border, the state of the rows is shown here.
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
        if trouble := self.filter_input.trouble or view.filter_trouble:
            return f"▲ {readable(trouble)}"
        parts = []
        follow = key_of("pane.follow")
        if view.seeking.left:
            parts.append(say_count("looking, {count} to go", "looking, {count} to go", view.seeking.left))
        if isinstance(view, LogView):
            if view.shown.left:
                parts.append(say_count("filtering, {count} to go", "filtering, {count} to go", view.shown.left))
            if view.order.column:
                text = say("sorted, {count} held back · {key} follows")
                parts.append("‖ " + text.format(count=count(view.shown.held_back), key=follow))
            elif view.shown.paused:
                parts.append("‖ " + say("paused, {count} held back").format(count=count(view.shown.held_back)))
            elif view.following:
                parts.append("▼ " + say("following"))
                lit = None if view.linked is None else view.row_of(view.linked)
                if lit is not None and lit < view.top:
                    parts.append(say("selected {count} up").format(count=count(view.top - lit)))
            elif view.waiting:
                parts.append(say("+{count} new · {key} follows").format(count=count(view.waiting), key=follow))
            else:
                parts.append(say("holding still · {key} follows").format(key=follow))
            if view.mark is not None:
                parts.append(f"{MARK} {clock(view.mark[0])} +{count(view.since_mark)}")
        return " · ".join(parts)


class MqttPane(Pane):
    """The messages received over MQTT."""

    def _fact(self) -> Content:
        total = self.pulse.total
        if not total:
            return Content.styled(say("listening") if self.connection.state is State.UP else "", "bold $foreground")
        return Content.styled(say_count("{count} received", "{count} received", total), "bold $foreground")


class KafkaPane(Pane):
    """The records in Kafka, and how many of them wait for Strapi."""

    def figure(self) -> str:
        """How many wait, if any do; else the rate."""
        lag = self._journal.lag
        return say_count("{count} waits", "{count} wait", lag) if lag > 0 else super().figure()

    @property
    def waits(self) -> bool:
        return self._journal.lag > 0

    @property
    def figure_style(self) -> str:
        return "bold $text-warning" if self._journal.lag >= _MANY else super().figure_style

    def _fact(self) -> Content:
        lag = self._journal.lag
        if lag > 0:
            waiting = say_count("{count} waits for Strapi", "{count} wait for Strapi", lag)
            return Content.styled(waiting, self.figure_style)
        return Content.styled(say("nothing waits") if lag == 0 else "", "bold $foreground")


_MANY: Final = 100
"""From this number on, waiting movements have a warning colour: a few are always in flight."""


class HopArrow(CachedStatic):
    """The arrow from one pane to the next, with the hop's median time; dashed if a system is down.

    Args:
        journal: the source of its data.
        source: the system at its start.
        target: the system at its end.
        hops: what is measured between the two, in order.
    """

    def __init__(self, journal: Journal, source: Server, target: Server, hops: Sequence[Hop]) -> None:
        super().__init__(classes="arrow", markup=False)
        self._journal = journal
        self._source = source
        self._target = target
        self._hops = hops

    def pull(self) -> None:
        connections = self._journal.connections
        if any(connections[server].state is not State.UP for server in (self._source, self._target)):
            away = any(is_away(connections[server]) for server in (self._source, self._target))
            self.update(Content.styled("\n╌╌╌╌╌", "$text-error" if away else "$foreground-muted"), layout=False)
            return
        took = [self._journal.latency[hop].summary() for hop in self._hops]
        # The sum of the parts' medians, as the whole is not measured.
        time_ = duration(sum(one.p50 for one in took)).replace(" ", "") if all(one.measured for one in took) else ""
        self.update(
            Content.assemble("\n", ("━━━━▶", f"${self._source}"), "\n", (f"{time_:^5}", "$foreground-muted")),
            layout=False,
        )
