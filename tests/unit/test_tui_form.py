"""The form's pure parts: parsing the input, matching products, and the movement to send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.journal import Product, StockTable
from bridge.movement import MAX_AMOUNT, Movement, read_movement
from tui.widgets.preview import preview, read_amount
from tui.widgets.suggestions import complete

GLOVES = Product(12, "docgloves", "Licensed Concrete Gloves", 41, "1839282045")
TOWELS = Product(13, "doctowels", "Licensed Plastic Towels", 5, "0417620608")
BIKE = Product(120, "docbike", "Bespoke Rubber Bike", MAX_AMOUNT, "1214487276")
PRODUCTS = [BIKE, GLOVES, TOWELS]


@pytest.fixture
def board() -> StockTable:
    made = StockTable()
    made.read(PRODUCTS, complete=True)
    return made


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", []),
        ("   ", []),
        ("12", [GLOVES, BIKE]),
        ("0417", [TOWELS]),
        ("docbike", [BIKE]),
        ("lic", [GLOVES, TOWELS]),
        ("towels lic", [TOWELS]),
        ("OVES", [GLOVES]),
        ("zebra", []),
    ],
)
def test_completion(typed: str, found: list[Product]) -> None:
    assert complete(typed, PRODUCTS) == found


def test_at_most_five_are_suggested() -> None:
    many = [Product(number, "", "Bike", 1) for number in range(1, 100)]
    assert [product.id for product in complete("bike", many)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("typed", "delta"),
    [("5", 5), ("+5", 5), (" -3 ", -3), ("- 3", -3), ("\N{MINUS SIGN}7", -7), (str(MAX_AMOUNT), MAX_AMOUNT)],
)
def test_amounts(typed: str, delta: int) -> None:
    assert read_amount(typed) == delta


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "type an amount"),
        ("0", "moves nothing"),
        ("-0", "moves nothing"),
        ("2147483648", "too much"),
        ("1.5", "is no amount"),
        ("+", "is no amount"),
        ("٣", "is no amount"),
        ("\x1b[2J", "\\x1b[2J is no amount"),
    ],
)
def test_what_is_no_amount_says_why(typed: str, why: str) -> None:
    assert why in str(read_amount(typed))


@given(st.integers(-MAX_AMOUNT, MAX_AMOUNT).filter(bool))
def test_what_is_sent_is_what_was_typed(delta: int) -> None:
    found = preview("12", f"{delta:+}", StockTable())
    sent = read_movement(found.payload)
    assert isinstance(sent, Movement)
    assert (sent.product, sent.delta) == ("12", delta)


def test_the_stock_to_expect(board: StockTable) -> None:
    found = preview("12", "-41", board)
    assert (found.stock_after, found.warning, found.missing) == (0, "", "")


@pytest.mark.parametrize(
    ("product", "amount", "warning"),
    [("13", "-6", "only 5 in stock"), ("120", "1", "would pass"), ("999", "1", "no product that is shown")],
)
def test_what_would_be_refused_is_said_and_can_be_sent(
    board: StockTable, product: str, amount: str, warning: str
) -> None:
    found = preview(product, amount, board)
    assert warning in found.warning
    assert found.payload


def test_nothing_is_said_of_products_while_none_is_known() -> None:
    assert preview("999", "1", StockTable()).warning == ""


def test_what_is_missing_comes_first(board: StockTable) -> None:
    assert "a product" in preview(" ", "5", board).missing
    assert preview("12", "", board).product == GLOVES
    assert preview("12", "", board).payload == b""
