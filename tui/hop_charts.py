"""The contents of the charts: lines over the last ten minutes from the journal, and the axes' ticks. Pure."""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.journal import Hop
from bridge.journal.metrics import KEPT, SLICE
from tui.format import count, duration, rate
from tui.language import msgid, say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.journal import Journal

__all__ = ["CHARTS", "HOPS", "HopChart", "HopLine", "Point", "binned", "duration_ticks", "number_ticks", "runs"]

HOPS: Final = {
    Hop.INGEST: msgid("in MQTT → in Kafka"),
    Hop.KAFKA: msgid("in Kafka → consumed"),
    Hop.APPLY: msgid("consumed → in Strapi"),
    Hop.TOTAL: msgid("from end to end"),
}
"""The English name of each hop, from MQTT to Strapi."""

_SHORTEST: Final = 0.000_1
"""Seconds: the lowest latency that is measured."""


class Point(NamedTuple):
    """A figure, and its time in seconds relative to now, 0 or negative."""

    at: float
    figure: float


class HopLine(NamedTuple):
    """One line of a chart.

    Attributes:
        name: its name, an English text or a proper name.
        system: the system that determines its colour: `mqtt`, `kafka` or `strapi`.
        points: by time, oldest first; there is none where the figure is unknown.
        step: seconds between two of its points.
        now: the latest figure as text; empty if there is none.
    """

    name: str
    system: str
    points: Sequence[Point]
    step: float
    now: str


class HopChart(NamedTuple):
    """A chart.

    Attributes:
        id: identifies it in the code.
        title: its English title.
        empty: the English text shown while it has no data.
        lines: returns its lines for a journal.
        is_latency: whether its figures are seconds on a logarithmic scale.
    """

    id: str
    title: str
    empty: str
    lines: Callable[[Journal], list[HopLine]]
    is_latency: bool = False


def _rates(journal: Journal) -> list[HopLine]:
    found = []
    for name, system, counted in (
        ("MQTT", "mqtt", journal.received),
        ("Kafka", "kafka", journal.produced),
        ("Strapi", "strapi", journal.answered),
    ):
        history = counted.history(over=KEPT)
        # Unknown before this program started.
        since = max(0, KEPT - counted.counts_for())
        points = [Point(place - KEPT, history[place]) for place in range(since, KEPT)] if any(history) else []
        found.append(HopLine(name, system, points, 1, rate(counted.per_second()) if points else ""))
    return found


def _waiting(journal: Journal) -> list[HopLine]:
    found = []
    for name, system, gauge in (
        (msgid("for Kafka"), "kafka", journal.to_kafka),
        (msgid("for Strapi"), "strapi", journal.to_strapi),
    ):
        history = gauge.history()
        last = len(history) - 1
        points = [Point(place - last, figure) for place, figure in enumerate(history) if figure is not None]
        now = points[-1].figure if points and points[-1].at >= -2 else None
        found.append(HopLine(name, system, points, 1, "" if now is None else count(int(now))))
    return found


def _latencies(journal: Journal) -> list[HopLine]:
    found = []
    for name, system, hop in (
        (msgid("to Kafka"), "mqtt", Hop.INGEST),
        (msgid("to the consumer"), "kafka", Hop.KAFKA),
        (msgid("to Strapi"), "strapi", Hop.APPLY),
    ):
        medians = journal.latency[hop].medians()
        last = len(medians) - 1
        points = [
            Point((place - last) * SLICE, max(median, _SHORTEST))
            for place, median in enumerate(medians)
            if median is not None
        ]
        found.append(HopLine(name, system, points, SLICE, duration(points[-1].figure) if points else ""))
    return found


CHARTS: Final = (
    HopChart("rate", msgid("Rate"), msgid("The rate of each server will be drawn here once movements come."), _rates),
    HopChart(
        "waiting",
        msgid("Waiting"),
        msgid("What waits for Kafka and for Strapi will be drawn here once this program knows it."),
        _waiting,
    ),
    HopChart(
        "latency",
        msgid("Latency"),
        msgid("How long each hop takes will be drawn here once a movement has taken one."),
        _latencies,
        is_latency=True,
    ),
)
"""The charts, from top to bottom."""


def runs(line: HopLine) -> list[list[Point]]:
    """Split a line's points at gaps, where figures are unknown."""
    return [
        [point for _, point in own]
        for _, own in groupby(enumerate(line.points), key=lambda one: round(one[1].at / line.step) - one[0])
    ]


def binned(points: Sequence[Point], columns: int, *, peak: bool) -> list[Point]:
    """Reduce points to one for each column of a chart of the last KEPT seconds.

    Args:
        points: oldest first.
        columns: number of columns, at least 1.
        peak: whether a column shows its highest figure, else the mean.
    """
    width = KEPT / columns
    found = []
    # The oldest point can fall before the first column by a rounding error.
    for column, own in groupby(points, key=lambda point: max(-columns, math.floor(point.at / width))):
        figures = [point.figure for point in own]
        figure = max(figures) if peak else sum(figures) / len(figures)
        found.append(Point(min(0.0, (column + 0.5) * width), figure))
    return found


def number_ticks(highest: float, rows: int) -> list[tuple[float, str]]:
    """Return the ticks of an axis that begins at 0: numbers and their texts."""
    top = max(1, math.ceil(highest))
    step = _round(max(1, top / max(1, min(3, rows // 2))))
    return [(figure, count(figure)) for figure in range(0, top + step, step)]


def duration_ticks(lowest: float, highest: float) -> list[tuple[float, str]]:
    """Return the ticks of a logarithmic axis: the powers of ten that enclose the figures, and their texts."""
    first, last = math.floor(math.log10(lowest)), math.ceil(math.log10(highest))
    powers = range(first, max(last, first + 1) + 1)
    return [(10.0**power, duration(10.0**power)) for power in powers]


def _round(figure: float) -> int:
    """Round up to the next of 1, 2, 5, 10, 20, 50 and so on."""
    power = 10 ** math.floor(math.log10(figure))
    return int(next(power * one for one in (1, 2, 5, 10) if power * one >= figure))


def said_lines(lines: Sequence[HopLine]) -> list[tuple[str, str]]:
    """Format the name and the latest figure of each line, for the chart's title.

    Returns:
        Texts with their styles.
    """
    parts: list[tuple[str, str]] = []
    for line in lines:
        parts += [("  ━ ", f"bold ${line.system}"), (say(line.name), f"${line.system}")]
        if line.now:
            parts.append((f" {line.now}", "bold $foreground"))
    return parts
