"""The sparkline of a title."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.screens.panes import SHARES, resized
from tui.widgets.pane import sparkline


def test_one_block_a_second_where_there_is_room() -> None:
    drawn = sparkline([0] * 57 + [1, 50, 100], 80)
    assert len(drawn) == 60
    assert drawn.endswith("▁▂▅█")


def test_several_seconds_a_block_where_there_is_less() -> None:
    assert len(sparkline([1] * 60, 14)) == 12
    assert sparkline([1] * 60, 9) == ""
    assert sparkline([0] * 60, 60) == ""


@given(st.lists(st.integers(0, 10**9), min_size=60, max_size=60), st.integers(-5, 100))
def test_it_fits(counts: list[int], room: int) -> None:
    assert len(sparkline(counts, room)) <= max(0, room)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1, -1])), max_size=40))
def test_the_panes_always_share_all_the_width(steps: list[tuple[int, int]]) -> None:
    shares: tuple[int, ...] = SHARES
    for place, step in steps:
        shares = resized(shares, place, step)
        assert sum(shares) == sum(SHARES)
        assert min(shares) >= 18
