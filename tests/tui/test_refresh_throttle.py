"""How soon a change is on the screen, and how slow drawing makes refreshes rarer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.scheduler import ANSWER, EASY, LONGEST, RefreshThrottle


def test_the_first_look_need_not_wait() -> None:
    assert RefreshThrottle(20).wait(0.0) <= 0


def test_two_looks_are_as_far_apart_as_the_settings_say() -> None:
    pace = RefreshThrottle(20)
    pace.began(1.0)
    pace.took(0.001)
    assert pace.wait(1.001) == pytest.approx(0.049)
    assert pace.wait(1.05) <= 1e-9


def test_the_next_look_waits_though_the_last_is_not_painted_yet() -> None:
    pace = RefreshThrottle(10)
    pace.began(1.0)
    assert pace.wait(1.0) == pytest.approx(0.1)


@given(st.floats(0, 10), st.integers(1, 30))
def test_drawing_takes_its_share_and_never_more_than_a_fifth_of_a_second(took: float, frames: int) -> None:
    pace = RefreshThrottle(frames)
    pace.began(0.0)
    pace.took(took)
    wait = pace.wait(0.0)
    assert wait >= min(LONGEST, 1 / frames)
    assert wait <= max(LONGEST, 1 / frames)
    assert wait >= min(LONGEST, 2 * took if took >= EASY else took)


def test_a_frame_that_takes_twice_as_long_leaves_keys_four_times_the_time() -> None:
    pace = RefreshThrottle(30)
    pace.began(0.0)
    pace.took(0.02)
    assert pace.wait(0.02) == pytest.approx(0.02)
    pace.began(1.0)
    pace.took(0.04)
    assert pace.wait(1.04) == pytest.approx(0.08)


def test_one_slow_frame_is_forgotten_with_the_next_quick_one() -> None:
    pace = RefreshThrottle(20)
    pace.began(0.0)
    pace.took(0.1)
    assert pace.wait(0.0) == pytest.approx(LONGEST)
    pace.began(1.0)
    pace.took(0.001)
    assert pace.wait(1.0) == pytest.approx(0.05)


def test_where_drawing_is_a_burden_a_key_is_answered_first_but_looks_go_on() -> None:
    pace = RefreshThrottle(30)
    pace.began(1.0)
    pace.took(0.04)
    pace.touched(1.1)
    assert pace.wait(1.12) == pytest.approx(ANSWER - 0.02)
    for tenths in range(11, 20):
        pace.touched(tenths / 10)
    assert pace.wait(1.19) == pytest.approx(1.0 + LONGEST - 1.19)


def test_where_drawing_is_easy_a_key_puts_nothing_off() -> None:
    pace = RefreshThrottle(30)
    pace.began(1.0)
    pace.took(0.001)
    pace.touched(1.03)
    assert pace.wait(1.04) <= 0
