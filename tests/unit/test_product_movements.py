"""A product's stock as a step line: from the ledger's movements, thinned out to what a chart can show."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bridge.journal import Journey, Product, Verdict
from tui.product_movements import StockPoint, stock_points, thinned
from tui.widgets.stock_chart import stock_ticks

GLOVES = Product(12, "doc12", "Gloves", 41)


def movement(at: float, before: int, after: int, verdict: Verdict = Verdict.APPLIED) -> Journey:
    return Journey(f"at {at}", b"", decided_at=at, verdict=verdict, stock_before=before, stock_after=after)


def test_each_movement_is_a_step_and_the_line_ends_now() -> None:
    found = stock_points([movement(20, 38, 41), movement(10, 33, 38)], GLOVES, 30, 0)
    assert found == [(10, 33), (10, 38), (20, 38), (20, 38), (20, 41), (30, 41)]


def test_what_was_refused_is_no_step() -> None:
    refused = movement(15, 38, 38, Verdict.REJECTED)
    assert stock_points([refused, movement(10, 33, 38)], GLOVES._replace(stock=38), 30, 0)[-1] == (30, 38)
    assert stock_points([refused], GLOVES, 30, 0) == []


def test_the_line_begins_at_the_left_edge_with_the_stock_of_before() -> None:
    found = stock_points([movement(20, 38, 41), movement(10, 33, 38)], GLOVES, 30, 15)
    assert found == [(15, 38), (20, 38), (20, 38), (20, 41), (30, 41)]


def test_an_edit_in_strapis_panel_shows_at_the_end() -> None:
    assert stock_points([movement(10, 33, 38)], GLOVES, 30, 0)[-2:] == [(30, 38), (30, 41)]


@given(st.lists(st.integers(0, 1_000), min_size=1, max_size=900), st.integers(1, 60))
def test_a_thinned_line_has_the_same_ends_lowest_and_highest(stocks: list[int], columns: int) -> None:
    points = [StockPoint(float(at), stock) for at, stock in enumerate(stocks)]
    thin = thinned(points, columns)
    assert len(thin) <= 4 * columns
    assert (thin[0], thin[-1]) == (points[0], points[-1])
    assert {min(stocks), max(stocks)} <= {point.stock for point in thin}
    assert all(one.at <= other.at for one, other in pairwise(thin))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(5, 60))
def test_whole_numbers_beside_a_chart_have_both_ends_and_room(lowest: int, more: int, rows: int) -> None:
    ticks = stock_ticks(lowest, lowest + more, rows)
    assert (ticks[0], ticks[-1]) == (lowest, lowest + more)
    assert len(ticks) <= max(2, rows // 3 + 1)
    assert ticks == sorted(set(ticks))
