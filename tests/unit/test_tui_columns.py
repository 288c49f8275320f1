"""Columns: which are shown in a width, and that cells keep to theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bridge.text import readable
from tui.panes.cells import Cell, fit
from tui.panes.columns import EXTRA, Column, Layout, lay_out
from tui.panes.kafka import KAFKA_COLUMNS
from tui.panes.mqtt import MQTT_COLUMNS
from tui.panes.stock import STOCK_COLUMNS

if TYPE_CHECKING:
    from bridge.journal import Journey, Product


def column(title: str, least: int, wish: int, most: int, rank: int) -> Column[str]:
    return Column(title, least, wish, most, rank, lambda item, now: Cell(item))


COLUMNS = (column("a", 4, 6, 10, 1), column("b", 4, 6, 10, 0), column("x", 5, 8, 99, EXTRA))


def used(layout: Layout[str]) -> int:
    return sum(layout.widths) + len(layout.widths) - 1


def test_the_lowest_rank_is_always_shown() -> None:
    assert [shown.title for shown in lay_out(COLUMNS, 1).columns] == ["b"]
    assert lay_out(COLUMNS, 4).hidden == ("a", "x")


def test_a_cell_stays_free_for_the_sign_that_columns_are_hidden() -> None:
    assert used(lay_out(COLUMNS, 10)) == 9


def test_an_extra_waits_until_the_others_have_what_they_wish() -> None:
    assert lay_out(COLUMNS, 18).hidden == ("x",)
    assert lay_out(COLUMNS, 19).widths == (6, 6, 5)


def test_what_is_left_goes_to_those_that_take_it() -> None:
    assert lay_out(COLUMNS, 200).widths == (10, 10, 99)


@given(st.integers(1, 400))
def test_columns_never_pass_the_width(width: int) -> None:
    for columns in (MQTT_COLUMNS, KAFKA_COLUMNS):
        layout = lay_out(columns, width)
        assert sum(layout.widths) + len(layout.widths) - 1 <= width
    stock = lay_out(STOCK_COLUMNS, width)
    assert sum(stock.widths) + len(stock.widths) - 1 <= width


def test_all_core_columns_stand_in_a_third_of_120_columns() -> None:
    assert {"time", "topic", "prod.", "amount", "Q", "R", "D", "verdict"} <= titles(lay_out(MQTT_COLUMNS, 36))
    assert {"time", "topic", "p@offset", "key", "ack"} <= titles(lay_out(KAFKA_COLUMNS, 35))
    assert {"id", "name", "stock", "last", "status", "when"} <= titles(lay_out(STOCK_COLUMNS, 40))


def titles(layout: Layout[Journey] | Layout[Product]) -> set[str]:
    return {shown.title for shown in layout.columns}


@given(st.text(max_size=30), st.text(max_size=5), st.integers(1, 40), st.sampled_from(["left", "right"]))
def test_a_cell_has_exactly_its_width(text: str, short: str, width: int, align: str) -> None:
    fitted = fit(Cell(readable(text), short=readable(short)), width, "left" if align == "left" else "right")
    assert cell_len(fitted) == width


def test_what_is_cut_says_so() -> None:
    assert fit(Cell("Licensed Concrete"), 9, "left") == "Licensed…"


def test_a_shorter_text_stands_in_where_it_fills_the_room() -> None:
    time = Cell("12:03:11.042", short="12:03:11")
    assert fit(time, 9, "left") == "12:03:11 "
    assert fit(Cell("✗ insufficient stock", short="✗"), 3, "left") == "✗  "
    assert fit(Cell("✗ insufficient stock", short="✗"), 15, "left") == "✗ insufficient…"


def test_numbers_stand_right() -> None:
    assert fit(Cell("+5"), 5, "right") == "   +5"
