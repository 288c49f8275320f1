"""Filters as they are typed: what each term asks, where a wrong one is wrong, and that no text breaks them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.journal import Journal, Journey, Product, Ring, StockBoard, Verdict
from bridge.movement import Movement, Reason, Rejection
from tui.panes.matching import PRODUCT_WORDS, journey_words
from tui.panes.query import FilterError, read_filter
from tui.panes.shown import Pulled, Shown

BOARD = StockBoard()
BOARD.read([Product(12, "doc12", "Licensed Plastic Towels", 41, "0417620608", "safe")], complete=True)


def journey(**fields: object) -> Journey:
    made = Journey(
        "019a-1",
        b'{"id":12,"amount":15,"type":"OUT"}',
        mqtt_topic="hall/2",
        movement=Movement("12", 15, "OUT"),
        kafka_topic="stock",
        key="12",
        partition=3,
        offset=128,
        qos=1,
    )
    for name, value in fields.items():
        setattr(made, name, value)
    return made


REJECTED = journey(verdict=Verdict.REJECTED, rejection=Rejection(Reason.INSUFFICIENT_STOCK, "no"), decided_at=1.0)


@pytest.mark.parametrize(
    ("typed", "passes"),
    [
        ("TOWELS", True),
        ("plastic licensed", True),
        ("plastic gloves", False),
        ('"plastic towels"', True),
        ('"towels plastic"', False),
        ('"id":12', True),
        ("!gloves", True),
        ("!towels", False),
        (r"re:p\d@12.$", False),
        (r"re:p\d@12", True),
        (r're:"plastic\s+towels"', True),
        (r"!re:\S", False),
        ("amount>10", True),
        ("amount>15", False),
        ("amount>=15 amount<=15 amount=15", True),
        ("!amount<10", True),
        ("offset=128 partition<4 qos:1", True),
        ("type:out", True),
        ("type:o", True),
        ("type:in", False),
        ("type:ut", False),
        ("verdict:insufficient", True),
        ("verdict:rejected type:OUT amount>10", True),
        ("!verdict:rejected", False),
        ("topic:hall key:12 product:towels", True),
        ("topic:re:^hall/[0-9]", True),
        ("product=12", True),
        ("product=1", False),
        ("product:1", True),
        ("payload:amount", True),
        ("id:019A", True),
        ("id:9a", False),
        ("nonsense:towels", False),
    ],
)
def test_terms_of_a_journey(typed: str, passes: bool) -> None:
    found = read_filter(typed, journey_words(BOARD))
    assert found is not None
    assert found(REJECTED) is passes


@pytest.mark.parametrize(
    ("typed", "passes"),
    [("stock>40", True), ("stock<5", False), ("status:safe towels", True), ("barcode:0417", True), ("id=12", True)],
)
def test_terms_of_a_product(typed: str, passes: bool) -> None:
    found = read_filter(typed, PRODUCT_WORDS)
    assert found is not None
    assert found(BOARD.products()[0]) is passes


def test_what_is_pending_and_what_has_no_number() -> None:
    words = journey_words(BOARD)
    pending, far = read_filter("verdict:pending", words), read_filter("offset>=0", words)
    assert pending is not None
    assert far is not None
    assert pending(journey())
    assert not pending(REJECTED)
    assert not far(journey(offset=-1))


@pytest.mark.parametrize("typed", ["", " ", "!", "re:", '""', "! !re:"])
def test_nothing_typed_yet_lets_everything_pass(typed: str) -> None:
    assert read_filter(typed, journey_words(BOARD)) is None


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("re:[", "not a regular expression: unterminated character set, at character 4"),
        ("towels !re:a(", "not a regular expression: missing ), unterminated subpattern, at character 13"),
        ("topic:re:*", "not a regular expression: nothing to repeat, at character 10"),
        ("amount>x", "x is no whole number, at character 8"),
        ("towels amount>=", "type a whole number, as in amount>=10, at character 16"),
        ("stock<5", "no stock here: "),
        ("re:a{99999999999999999999}", "not a regular expression"),
    ],
)
def test_what_is_no_filter_says_why_and_where(typed: str, why: str) -> None:
    with pytest.raises(FilterError) as raised:
        read_filter(typed, journey_words(BOARD))
    assert why in str(raised.value)


pieces = st.lists(
    st.sampled_from(["re:", "!", '"', " ", "amount", ">", "=", ":", "type", "[[", "(", "\\", "*", "{1}", "a", "stock"])
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=4),
    max_size=12,
).map("".join)


@given(pieces)
@example("re:[[a]")
@example("re:(?i)a(?i)")
def test_any_text_is_a_filter_or_says_why_not(typed: str) -> None:
    for read in (
        lambda: read_filter(typed, journey_words(BOARD)),
        lambda: read_filter(typed, PRODUCT_WORDS),
    ):
        try:
            read()
        except FilterError as error:
            assert str(error)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=20))
def test_any_quoted_text_finds_itself(text: str) -> None:
    topic = text.replace('"', "")
    found = read_filter(f'topic:"{topic}"', journey_words(BOARD))
    assert found is None or found(journey(mqtt_topic=topic))


def test_a_record_that_is_decided_later_comes_and_goes() -> None:
    ring: Ring[Journey] = Ring(10)
    shown: Shown[Journey] = Shown(ring, lambda item: item.stage if item.verdict is None else None)
    first, second, third = journey(), journey(), journey()
    shown.only(read_filter("verdict:rejected", journey_words(Journal().stock)))
    ring.extend([first, second, third])
    assert shown.pull() == Pulled(0, 0)
    third.verdict, third.decided_at = Verdict.REJECTED, 1.0
    assert shown.pull() == Pulled(0, 1)
    first.verdict, first.decided_at = Verdict.REJECTED, 1.0
    second.verdict, second.decided_at = Verdict.APPLIED, 1.0
    assert shown.pull() == Pulled(0, 1)
    assert [shown.sequence(row) for row in range(len(shown))] == [0, 2]
    assert shown.place(1) == 1
    shown.only(read_filter("verdict:pending", journey_words(Journal().stock)))
    assert len(shown) == 0
    fourth = journey()
    ring.append(fourth)
    assert shown.pull() == Pulled(0, 1)
    fourth.verdict, fourth.decided_at = Verdict.APPLIED, 1.0
    assert shown.pull() == Pulled(1, 0)
    ring.extend([journey() for _ in range(20)])
    assert shown.pull() == Pulled(0, 10)
