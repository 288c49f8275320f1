"""What the charts draw of a journal, and the numbers beside them."""

from __future__ import annotations

import math
import time

from hypothesis import example, given
from hypothesis import strategies as st

from bridge.journal import Hop, Journal
from bridge.journal.metrics import KEPT
from tui.hop_charts import CHARTS, HopLine, Point, binned, duration_ticks, number_ticks, runs

RATE, WAITING, LATENCY = CHARTS


def test_an_empty_journal_draws_nothing() -> None:
    journal = Journal(10)
    for chart in CHARTS:
        assert all(not line.points and not line.now for line in chart.lines(journal))


def test_nothing_is_drawn_of_before_the_program_counted() -> None:
    journal, now = Journal(10), time.monotonic()
    journal.received._began = journal.received._second = int(now) - 30
    journal.received.add(5, now - 2)
    (mqtt, *_) = RATE.lines(journal)
    assert 30 <= len(mqtt.points) <= 33
    assert sum(point.figure for point in mqtt.points) == 5
    assert mqtt.points[-1].at == -1
    assert mqtt.now


def test_what_waits_is_named_while_it_is_known_and_leaves_a_gap_where_it_was_not() -> None:
    journal, now = Journal(10), time.monotonic()
    for passed in (60, 59, 58, 3, 2, 1, 0):
        journal.to_strapi.note(7, now - passed)
    journal.to_kafka.note(3, now - 100)
    kafka, strapi = WAITING.lines(journal)
    assert (kafka.now, strapi.now) == ("", "7")
    assert [len(run) for run in runs(strapi)] == [3, 4]


def test_latencies_are_the_medians_of_ten_seconds() -> None:
    journal, now = Journal(10), time.monotonic()
    for passed in (300, 200, 0):
        journal.latency[Hop.APPLY].record(0.020, 3, now - passed)
    (_, _, strapi) = LATENCY.lines(journal)
    assert [point.at for point in strapi.points] == [-300, -200, 0]
    assert [len(run) for run in runs(strapi)] == [1, 1, 1]
    assert strapi.now == "20 ms"


@given(
    st.lists(st.tuples(st.integers(-KEPT, 0), st.floats(0, 1e9)), min_size=1, max_size=300, unique_by=lambda p: p[0]),
    st.integers(1, 200),
    st.booleans(),
)
@example([(-KEPT, 0.0)], 7, False)
def test_a_column_stands_for_the_figures_in_it(points: list[tuple[int, float]], columns: int, peak: bool) -> None:
    found = binned([Point(*point) for point in sorted(points)], columns, peak=peak)
    assert len(found) <= columns + 1
    assert all(-KEPT <= point.at <= 0 for point in found)
    highest = max(figure for _, figure in points)
    assert max(point.figure for point in found) <= highest * (1 + 1e-9)
    if peak:
        assert max(point.figure for point in found) == highest


@given(st.floats(0, 1e12), st.integers(4, 60))
def test_the_numbers_beside_a_chart_reach_from_0_to_above_its_highest(highest: float, rows: int) -> None:
    ticks = number_ticks(highest, rows)
    figures = [figure for figure, _ in ticks]
    assert figures[0] == 0
    assert figures[-1] >= highest
    assert len(set(figures)) == len(figures) == len({label for _, label in ticks})
    assert len(ticks) <= 7


@given(st.floats(1e-4, 1e3), st.floats(1, 1e4))
def test_the_durations_beside_a_chart_enclose_its_figures(lowest: float, times: float) -> None:
    ticks = duration_ticks(lowest, lowest * times)
    assert ticks[0][0] <= lowest * (1 + 1e-9)
    assert ticks[-1][0] >= lowest * times * (1 - 1e-9)
    assert len(ticks) >= 2


def test_a_line_without_gaps_is_one_piece() -> None:
    points = [Point(-place, math.sin(place)) for place in range(50, -1, -1)]
    assert runs(HopLine("MQTT", "mqtt", points, 1, "")) == [points]
