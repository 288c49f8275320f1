"""The charts window: rate, backlog and latency of each hop over the last ten minutes, with percentiles."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from textual.color import Color
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static
from textual_plotext import PlotextPlot

from bridge.journal.metrics import KEPT
from tui.actions import bindings
from tui.format import count, duration
from tui.hop_charts import CHARTS, HOPS, binned, duration_ticks, number_ticks, runs, said_lines
from tui.language import say, say_count
from tui.outcome import STYLES, Tone
from tui.widgets.cached_static import CachedStatic, set_titles
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from textual.app import ComposeResult

    from bridge.journal import Hop, Journal, LatencyHistogram
    from tui.hop_charts import HopChart, HopLine

__all__ = ["ChartsScreen", "percentiles_below", "percentiles_beside"]

_WIDE: Final = 110
"""Columns from which all charts are shown, with the percentiles beside them."""

_MOMENTS: Final = 16
"""Columns for each time label under a chart."""


class HopPlot(Vertical):
    """One chart; the title of its border names the lines.

    Args:
        chart: the chart.
        journal: the source of its figures.
    """

    def __init__(self, chart: HopChart, journal: Journal) -> None:
        super().__init__(id=f"chart-{chart.id}", classes="chart")
        self._chart = chart
        self._journal = journal
        self.plot = PlotextPlot()
        self._empty = Static(Content(say(chart.empty)), markup=False, classes="chart-empty")

    def compose(self) -> ComposeResult:
        """The chart, or what will be there."""
        yield self._empty
        yield self.plot

    def pull(self) -> None:
        """Draw the journal as it is now."""
        lines = self._chart.lines(self._journal)
        set_titles(self, Content.assemble((f"{say(self._chart.title)}", "bold"), *said_lines(lines)))
        some = any(line.points for line in lines)
        self._empty.display, self.plot.display = not some, some
        if some:
            self._draw(lines)

    def _draw(self, lines: Sequence[HopLine]) -> None:
        columns, rows = self.plot.size.width, self.plot.size.height
        plot = self.plot.plt
        plot.clear_data()
        if columns < 20 or rows < 4:
            self.plot.refresh()
            return
        figures = [point.figure for line in lines for point in line.points]
        if self._chart.is_latency:
            ticks = duration_ticks(min(figures), max(figures))
        else:
            ticks = number_ticks(max(figures), rows)
        for line in lines:
            colour = Color.parse(self.app.theme_variables[line.system]).rgb
            for run in runs(line):
                points = binned(run, columns, peak=self._chart.id == "waiting")
                draw = plot.plot if len(points) > 1 else plot.scatter
                heights = [self._height(one.figure) for one in points]
                draw([one.at for one in points], heights, marker="braille", color=colour)
        plot.xlim(-KEPT, 0)
        plot.ylim(self._height(ticks[0][0]), self._height(ticks[-1][0]))
        moments = _moments(columns)
        plot.xticks([float(at) for at, _ in moments], [label for _, label in moments])
        plot.yticks([self._height(at) for at, _ in ticks], [label for _, label in ticks])
        self.plot.refresh()

    def _height(self, figure: float) -> float:
        """Return a figure's height on the scale, which is logarithmic for latencies."""
        return math.log10(figure) if self._chart.is_latency else figure


def _moments(columns: int) -> list[tuple[int, str]]:
    """Return the positions and texts of the time labels under a chart."""
    steps = max(1, min(5, columns // _MOMENTS))
    now = time.time()
    places = [-KEPT + KEPT * step // steps for step in range(steps + 1)]
    return [(place, time.strftime("%H:%M:%S", time.localtime(now + place))) for place in places]


def percentiles_beside(histograms: Mapping[Hop, LatencyHistogram]) -> Content:
    """Format the percentiles of each hop, two lines each."""
    lines: list[Content] = []
    for hop, name in HOPS.items():
        found = histograms[hop].summary(over=KEPT)
        lines.append(Content.styled(say(name), "bold"))
        if not found.measured:
            lines += [Content.styled(say("nothing measured"), STYLES[Tone.MUTED]), Content("")]
            continue
        lines += [
            _pair(("p50", found.p50), ("p95", found.p95)),
            _pair(("p99", found.p99), (say("max"), found.maximum)),
            Content.styled(
                say_count("of {count} movement", "of {count} movements", found.measured), STYLES[Tone.MUTED]
            ),
            Content(""),
        ]
    return Content("\n").join([*lines, *_notes()])


def _pair(*figures: tuple[str, float]) -> Content:
    parts: list[tuple[str, str]] = []
    for name, seconds in figures:
        parts += [(f"{name:4}", STYLES[Tone.MUTED]), (f"{duration(seconds):>8}   ", "bold")]
    return Content.assemble(*parts)


def percentiles_below(histograms: Mapping[Hop, LatencyHistogram]) -> Content:
    """Format them as a table with one line per hop."""
    titles = "".join(f"{title:>9}" for title in ("p50", "p95", "p99", say("max"), say("measured")))
    lines = [Content.styled(say("hop").ljust(22) + titles, STYLES[Tone.HEADING])]
    for hop, name in HOPS.items():
        found = histograms[hop].summary(over=KEPT)
        times = (found.p50, found.p95, found.p99, found.maximum) if found.measured else (None,) * 4
        said = "".join(f"{duration(seconds):>9}" for seconds in times)
        lines.append(Content.assemble(f"{say(name):22}{said}", (f"{count(found.measured):>9}", STYLES[Tone.MUTED])))
    return Content("\n").join([*lines, *_notes()])


def _notes() -> list[Content]:
    """Describe what the figures cover."""
    return [
        Content.styled(text, STYLES[Tone.MUTED])
        for text in (
            say(
                "Of the movements that ended a hop in the last ten minutes half took at most p50, 95 of 100 at most "
                "p95, 99 of 100 at most p99; what still waits is in none of them."
            ),
            say(
                "A latency's line is its median of ten seconds. What waits at the broker is not counted: it does not "
                "say how much that is."
            ),
        )
    ]


class ChartsScreen(TranslatedKeys[None], Screen[None]):
    """All charts if there is room, else one at a time.

    Args:
        journal: the source of the figures.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-medium")]  # noqa: RUF012 - Textual declares it so

    BINDINGS = bindings("charts")

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal
        self._plots = [HopPlot(chart, journal) for chart in CHARTS]
        self._current = 0
        self._beside = CachedStatic(markup=False)
        self._below = CachedStatic(markup=False, id="percentiles-below")

    def compose(self) -> ComposeResult:
        """The charts, the percentiles, and the keys."""
        with Horizontal():
            with Vertical():
                yield from self._plots
                yield self._below
            with VerticalScroll(id="percentiles", can_focus=False) as beside:
                beside.border_title = Content(say("The last ten minutes"))
                yield self._beside
        yield KeysFooter()

    def on_mount(self) -> None:
        """Draw now and once a second."""
        self._plots[self._current].add_class("-current")
        self.call_after_refresh(self.pull)
        self.set_interval(1, self.pull)

    def on_resize(self) -> None:
        """Lay out for the new size."""
        self.call_after_refresh(self.pull)

    def pull(self) -> None:
        """Redraw from the journal."""
        for plot in self._plots:
            if plot.display:
                plot.pull()
        if self.has_class("-wide"):
            self._beside.update(percentiles_beside(self._journal.latency))
        else:
            self._below.update(percentiles_below(self._journal.latency))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable `next_chart` while all charts are shown."""
        if action == "next_chart":
            return self.has_class("-short")
        return super().check_action(action, parameters)

    def action_next_chart(self) -> None:
        """Show the next chart."""
        self._plots[self._current].remove_class("-current")
        self._current = (self._current + 1) % len(self._plots)
        self._plots[self._current].add_class("-current")
        self.call_after_refresh(self.pull)
