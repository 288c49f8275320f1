"""Numbers, durations and ages in narrow columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.format import age, clock, clock_milliseconds, count, duration, rate, signed


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (None, "-"),
        (-1, "-"),
        (0, "0.0 ms"),
        (0.000_41, "0.4 ms"),
        (0.012, "12 ms"),
        (0.999_4, "999 ms"),
        (1.24, "1.2 s"),
        (99.0, "99.0 s"),
        (180, "3 min"),
        (7_200, "2 h"),
    ],
)
def test_duration(seconds: float | None, written: str) -> None:
    assert duration(seconds) == written


@given(st.floats(0, 3_000_000))
def test_a_duration_fits_seven_characters(seconds: float) -> None:
    assert len(duration(seconds)) <= 7


@pytest.mark.parametrize(
    ("passed", "written"),
    [(0, "now"), (-5, "now"), (12, "12s"), (61, "1m"), (7_300, "2h"), (200_000, "2d"), (70_000_000, "2y")],
)
def test_age(passed: float, written: str) -> None:
    assert age(1_000_000_000, 1_000_000_000 + passed) == written


def test_an_unknown_moment_is_a_dash() -> None:
    assert age(0, 5) == clock(None) == clock_milliseconds(0) == "-"


def test_counts_rates_and_signs() -> None:
    assert count(1_204) == "1,204"
    assert signed(5) == "+5"
    assert signed(-1_204) == "-1,204"
    assert signed(0) == "0"
    assert [rate(value) for value in (0, 0.33, 9.96, 1_204.4)] == ["0/s", "0.3/s", "10/s", "1,204/s"]
