"""Rates and latencies against direct computations."""

from __future__ import annotations

import math
import time

from hypothesis import given
from hypothesis import strategies as st

from bridge.journal import Gauge, Latency, LatencyHistogram, Rate
from bridge.journal.metrics import BOUNDS, KEPT, SLICE, WINDOW

# Far ahead: the tests before this one may take their time, and a rate begins with the clock.
START = time.monotonic() + 1_000_000
STEPS = st.lists(st.tuples(st.floats(0, 90), st.integers(0, 50)), max_size=30)


@given(STEPS, st.floats(0, 900), st.sampled_from([3, WINDOW, KEPT]))
def test_a_rate_is_the_counts_by_the_second(steps: list[tuple[float, int]], later: float, over: int) -> None:
    rate, now = Rate(), START
    counts: dict[int, int] = {}
    for pause, count in steps:
        now += pause
        rate.add(count, now)
        counts[int(now)] = counts.get(int(now), 0) + count
    asked = now + later
    expected = [counts.get(second, 0) for second in range(int(asked) - KEPT, int(asked))]
    assert rate.history(asked, over) == expected[-over:]
    assert rate.history(asked) == expected[-WINDOW:]
    assert rate.total == sum(count for _, count in steps)
    assert rate.per_second(asked, over=5) == sum(expected[-5:]) / 5


def test_a_clock_that_seems_to_go_back_loses_no_count() -> None:
    rate = Rate()
    rate.add(3, START)
    rate.add(4, START - 5)
    assert rate.total == 7
    assert sum(rate.history(START + 1)) == 7


@given(st.lists(st.floats(0, 2_000), min_size=1, max_size=60))
def test_quantiles_are_within_a_bucket_of_the_exact_ones(durations: list[float]) -> None:
    histogram = LatencyHistogram()
    for duration in durations:
        histogram.record(duration, now=START)
    found = histogram.summary(START)
    ordered = sorted(durations)
    assert found.measured == histogram.total == len(durations)
    assert found.maximum == ordered[-1]
    for share, quantile in ((0.5, found.p50), (0.95, found.p95), (0.99, found.p99)):
        exact = ordered[max(0, math.ceil(share * len(ordered)) - 1)]
        assert exact <= quantile <= max(exact * 1.123, BOUNDS[0]) if exact <= BOUNDS[-1] else quantile == ordered[-1]
    assert found.p50 <= found.p95 <= found.p99 <= found.maximum
    assert math.isclose(histogram.sum, sum(durations), abs_tol=1e-9)


@given(st.lists(st.tuples(st.floats(0, 40), st.floats(0.001, 10), st.integers(1, 9)), max_size=20))
def test_a_summary_covers_the_seconds_that_it_is_asked_for(steps: list[tuple[float, float, int]]) -> None:
    histogram, now = LatencyHistogram(), START
    recorded: list[tuple[float, float, int]] = []
    for pause, duration, count in steps:
        now += pause
        histogram.record(duration, count, now)
        recorded.append((now, duration, count))
    for over in (WINDOW, KEPT):
        alive = [
            (duration, count)
            for at, duration, count in recorded
            if int(now // SLICE) - int(at // SLICE) <= over // SLICE
        ]
        found = histogram.summary(now, over)
        assert found.measured == sum(count for _, count in alive)
        assert found.maximum == max((duration for duration, _ in alive), default=0.0)
        assert histogram.summary(now + over + 20, over) == Latency(0, 0.0, 0.0, 0.0, 0.0)
    medians = histogram.medians(now)
    assert len(medians) == KEPT // SLICE + 1
    for passed, median in enumerate(reversed(medians)):
        own = [(duration, count) for at, duration, count in recorded if int(now // SLICE) - int(at // SLICE) == passed]
        assert (median is None) == (not own)
        if median is not None:
            assert min(duration for duration, _ in own) <= median <= max(duration for duration, _ in own)


def test_a_step_of_the_clock_counts_as_no_time() -> None:
    histogram = LatencyHistogram()
    histogram.record(-3.0, now=START)
    assert histogram.summary(START) == Latency(1, 0.0, 0.0, 0.0, 0.0)
    assert histogram.sum == 0.0


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 10**9)), max_size=40), st.integers(0, 900))
def test_a_gauge_is_how_it_stood_by_the_second(steps: list[tuple[int, int]], later: int) -> None:
    gauge, now = Gauge(), int(START)
    noted: dict[int, int] = {}
    for pause, figure in steps:
        now += pause
        gauge.note(figure, now)
        noted[now] = figure
    asked = now + later
    assert gauge.history(asked) == [noted.get(second) for second in range(asked - KEPT + 1, asked + 1)]
