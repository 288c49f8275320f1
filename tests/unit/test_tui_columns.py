"""Columns: which are shown at a width, and that cells keep to theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bridge.journal import Journey, Product, Verdict
from bridge.movement import Movement, Reason, Rejection
from bridge.text import readable
from tui.format import count
from tui.language import speak
from tui.widgets import columns as cells
from tui.widgets.column_layout import EXTRA, Cell, Column, Layout, fit, lay_out
from tui.widgets.columns import KAFKA_COLUMNS, MQTT_COLUMNS, STOCK_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def column(title: str, least: int, wish: int, most: int, rank: int) -> Column[str]:
    return Column(title, title, least, wish, most, rank, lambda item, now: Cell(item))


COLUMNS = (column("a", 4, 6, 10, 1), column("b", 4, 6, 10, 0), column("x", 5, 8, 99, EXTRA))


def used(layout: Layout[str]) -> int:
    return sum(layout.widths) + len(layout.widths) - 1


def test_the_lowest_rank_is_always_shown() -> None:
    assert [shown.title for shown in lay_out(COLUMNS, 1).columns] == ["b"]
    assert lay_out(COLUMNS, 4).hidden == ("a",)


def test_a_cell_stays_free_for_the_sign_that_columns_are_hidden() -> None:
    assert used(lay_out(COLUMNS, 8)) == 7
    assert used(lay_out(COLUMNS, 10)) == 10


def test_an_extra_waits_until_the_others_have_what_they_wish() -> None:
    assert [shown.id for shown in lay_out(COLUMNS, 18).columns] == ["a", "b"]
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
    assert {"time", "move", "product", "result"} <= titles(lay_out(MQTT_COLUMNS, 39))
    assert {"place", "move", "product", "saved"} <= titles(lay_out(KAFKA_COLUMNS, 27))
    assert {"#", "product", "stock", "last", "ago"} <= titles(lay_out(STOCK_COLUMNS, 35))


RESULTS = [
    Journey("x", b"", received_at=1.0),
    Journey("x", b"", decided_at=1.0, verdict=Verdict.APPLIED, stock_before=28, stock_after=33),
    *(
        Journey("x", b"", decided_at=1.0, verdict=Verdict.REJECTED, rejection=Rejection(reason, "why"))
        for reason in Reason
    ),
]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("width", [39, 57, 74])
def test_what_came_of_a_movement_is_never_cut(width: int, language: str) -> None:
    """In the widths that the first pane has at 120 columns and 60, and with all of 80."""
    speak(language)
    try:
        for journey in RESULTS:
            cell = cells.result(journey, 0.0)
            need = cell.needs or cell_len(cell.text)
            layout = lay_out([one.grown(need) if one.id == "result" else one for one in MQTT_COLUMNS], width)
            room = dict(zip([one.id for one in layout.columns], layout.widths, strict=True))
            text = fit(cell, room["result"], "right").strip()
            assert text in {cell.text, cell.short}, f"{text!r} of {cell.text!r} in {room['result']} cells"
            assert {"amount", "product", "time"} <= room.keys()
    finally:
        speak("en")


def test_names_give_way_before_results_and_extras_wait_for_both() -> None:
    for width in range(28, 200):
        room = dict(zip(*_ids_and_widths(lay_out(MQTT_COLUMNS, width)), strict=True))
        assert room["result"] >= 10, width
        assert "topic" not in room or (room["product"] >= 30 and room["result"] >= 18), width


def _ids_and_widths(layout: Layout[Journey]) -> tuple[list[str], tuple[int, ...]]:
    return [column.id for column in layout.columns], layout.widths


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


LARGE = [sign * int("123456789123456"[:digits]) for digits in range(1, 16) for sign in (1, -1)]
ROUND = [sign * number for number in (999, 9_994, 9_996, 999_499, 999_950, 999_999_999) for sign in (1, -1)]
UNITS = {"k": 1_000, "M": 1_000_000, "G": 1_000_000_000, "T": 1_000_000_000_000, "P": 1_000_000_000_000_000}


def says(text: str, number: int) -> bool:
    """Whether a cell shows a number: exactly, or rounded in a unit to its displayed precision."""
    plain = text.strip().replace("\u00a0", "")
    if language_speaks_french():
        plain = plain.replace(",", ".")
    plain = plain.replace(",", "").removeprefix("+")
    unit = UNITS.get(plain[-1])
    if unit is None:
        return plain == str(number)
    share = plain[:-1]
    digits = len(share.partition(".")[2])
    return abs(float(share) * unit - number) <= unit * 0.5 / float(10**digits) * 1.000_001


def language_speaks_french() -> bool:
    return count(1_000) != "1,000"


@pytest.fixture(params=["en", "fr"])
def _language(request: pytest.FixtureRequest) -> Iterator[None]:
    speak(request.param)
    yield
    speak("en")


@pytest.mark.usefixtures("_language")
@pytest.mark.parametrize("number", [*LARGE, *ROUND])
def test_a_number_is_whole_or_honestly_shorter_in_every_width(number: int) -> None:
    product = Product(12, "doc12", "Gloves", number, "", "safe", number)
    journey = Journey("x", b"", movement=Movement("12", abs(number), "IN" if number > 0 else "OUT"))
    for cell in (cells.stock(product, 0), cells.last_change(product, 0), cells.amount(journey, 0)):
        for width in range(1, 30):
            text = fit(cell, width, "right")
            assert cell_len(text) == width
            if len(cell.text) <= width:
                assert text.strip() == cell.text
            elif width >= 5:
                assert says(text, number), (number, width, text)
            else:
                assert text.strip() == "…" or says(text, number), (number, width, text)


@pytest.mark.usefixtures("_language")
def test_columns_make_room_for_the_numbers_in_them_at_every_width_of_a_pane() -> None:
    for number in (123_456_789, -123_456_789, 2_147_483_647, -1_607):
        movement = Movement("123456789", abs(number), "IN" if number > 0 else "OUT")
        journey = Journey("x", b"", movement=movement, partition=3, offset=123_456_789_012, key="123456789")
        product = Product(123_456_789, "doc12", "Licensed Concrete Gloves", number, "", "safe", number)
        tables: list[tuple[Sequence[Column[Any]], Any]] = [
            (MQTT_COLUMNS, journey),
            (KAFKA_COLUMNS, journey),
            (STOCK_COLUMNS, product),
        ]
        for columns, item in tables:
            widest = {place: cell_len(column.cell(item, 0.0).text) for place, column in enumerate(columns)}
            grown = [column.grown(widest[place]) for place, column in enumerate(columns)]
            for width in range(28, 200):
                layout = lay_out(grown, width)
                assert sum(layout.widths) + len(layout.widths) - 1 <= width
                for column, room in zip(layout.columns, layout.widths, strict=True):
                    if column.grows:
                        text = fit(column.cell(item, 0.0), room, column.align).strip()
                        assert text == column.cell(item, 0.0).text, (column.title, width)


def test_a_movements_stock_before_and_after_is_never_cut_to_another_number() -> None:
    journey = Journey(
        "x", b"", stock_before=123_456_789, stock_after=123_456_794, decided_at=1.0, verdict=Verdict.APPLIED
    )
    cell = cells.result(journey, 0)
    seen = {fit(cell, width, "right").strip() for width in range(cell.needs, 40)}
    assert seen == {"✓ 123,456,789 → 123,456,794", "✓123456789→123456794"}


def test_numbers_stand_right() -> None:
    assert fit(Cell("+5"), 5, "right") == "   +5"


def test_a_wide_pane_shows_the_key_that_decides_on_the_partition() -> None:
    assert "key" in {shown.id for shown in lay_out(KAFKA_COLUMNS, 200).columns}
    assert "key" not in {shown.id for shown in lay_out(KAFKA_COLUMNS, 40).columns}
    assert cells.record_key(Journey("x", b"", key="a\x1bb"), 0.0).text == readable("a\x1bb")
    assert cells.record_key(Journey("x", b""), 0.0).text == cells.ABSENT


@pytest.mark.parametrize(
    ("stock", "pending", "narrow", "wide"),
    [(28, -11, "28 -11", "28 (-11)"), (1_344, 1, "1344+1", "1,344 (+1)"), (344, -40, "344-40", "344 (-40)")],
)
def test_what_waits_is_beside_the_stock_where_there_is_room_for_both_numbers(
    stock: int, pending: int, narrow: str, wide: str
) -> None:
    cell = cells.pending_stock(Product(1, "doc", "Lamp", stock, "", "", 0, 0.0), pending)
    assert fit(cell, 6, "right") == f"{narrow:>6}"
    assert fit(cell, 13, "right") == f"{wide:>13}"
