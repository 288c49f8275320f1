"""Typed filters: the meaning of each term, the position of a mistake, and that no text raises."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.journal import Journal, Journey, Product, Ring, StockTable, Verdict
from bridge.movement import Movement, Reason, Rejection
from tui.language import speak
from tui.widgets.filter import PRODUCT_WORDS, FilterError, journey_words, read_filter
from tui.widgets.find import product_is
from tui.widgets.suggestions import complete
from tui.widgets.view_model import Pulled, ViewModel

if TYPE_CHECKING:
    from collections.abc import Callable

BOARD = StockTable()
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
        ("amount>10", False),
        ("amount<-10", True),
        ("amount<-15", False),
        ("amount>=-15 amount<=-15 amount=-15", True),
        ("amount=15", False),
        ("amount!=15", True),
        ("amount!=-15", False),
        ("amount=\N{MINUS SIGN}15", True),
        ("!amount>-10", True),
        ("product!=12", False),
        ("product!=13", True),
        ("verdict=rejected", True),
        ("verdict!=applied", True),
        ("offset=128 partition<4 qos:1", True),
        ("type:out", True),
        ("type:o", True),
        ("type:in", False),
        ("type:ut", False),
        ("verdict:insufficient", True),
        ("verdict:rejected type:OUT amount<-10", True),
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


NUMBERS = [-2_147_483_647, -1_607, -4, -3, -1, 0, 1, 3, 4, 1_607, 123_456_789, None]


@pytest.mark.parametrize(
    ("relation", "compares"),
    [
        (">", operator.gt),
        (">=", operator.ge),
        ("<", operator.lt),
        ("<=", operator.le),
        ("=", operator.eq),
        (":", operator.eq),
        ("!=", operator.ne),
    ],
)
def test_every_comparison_is_of_the_number_that_the_pane_shows(
    relation: str, compares: Callable[[int, int], bool]
) -> None:
    """With its sign; what has no number compares with nothing, and passes the opposite of each."""
    for wanted in (-1_607, -3, 0, 3, 1_607):
        for typed in (f"amount{relation}{wanted}", f"amount{relation}{wanted:,}", f'amount{relation}"{wanted}"'):
            found, opposite = (read_filter(text, journey_words(BOARD)) for text in (typed, f"!{typed}"))
            last = read_filter(typed.replace("amount", "last"), PRODUCT_WORDS)
            assert found is not None
            assert opposite is not None
            assert last is not None
            for number in NUMBERS:
                movement = Movement("12", abs(number), "IN" if number > 0 else "OUT") if number else None
                passes = bool(number) and compares(number or 0, wanted)
                assert found(journey(movement=movement)) is passes, (typed, number)
                assert opposite(journey(movement=movement)) is not passes
                assert last(BOARD.products()[0]._replace(last_change=number or 0)) is passes


def test_a_french_comma_groups_nothing() -> None:
    try:
        speak("fr")
        with pytest.raises(FilterError):
            read_filter("amount>1,607", journey_words(BOARD))
        assert read_filter('amount>"1 607"', journey_words(BOARD)) is not None
        assert read_filter('amount>"1\u00a0607"', journey_words(BOARD)) is not None
    finally:
        speak("en")


def test_the_status_that_can_be_asked_for_is_the_one_that_is_shown() -> None:
    (towels,) = BOARD.products()
    for stock, stored, typed in ((0, "safe", "empty"), (18, "empty", ""), (18, "danger", "danger"), (-1, "", "empty")):
        product = towels._replace(stock=stock, status=stored)
        for asked in ("safe", "danger", "empty"):
            found = read_filter(f"status:{asked}", PRODUCT_WORDS)
            assert found is not None
            assert found(product) is (asked == typed)


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
        ("amount!=", "type a whole number, as in amount!=10, at character 9"),
        ("amount>3.5", "3.5 is no whole number, at character 8"),
        ("amount>1,60", "1,60 is no whole number, at character 8"),
        ("!topic>3", "topic is a text: type topic:3, at character 2"),
        ("id<=", "id is a text: type id:..., at character 1"),
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
    shown: ViewModel[Journey] = ViewModel(ring, lambda item: item.stage if item.verdict is None else None)
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


@pytest.mark.parametrize(
    "typed", ["ecran", "Écran", "E\u0301CRAN", "name:ecran", "re:écran", '"ecran plat"', 'name="écran plat"']
)
def test_accents_are_no_matter(typed: str) -> None:
    for name in ("Écran plat", "E\u0301cran plat"):
        passes = read_filter(typed, PRODUCT_WORDS)
        assert passes is not None
        assert passes(Product(7, "doc", name, 3))
        assert [found.id for found in complete("ecran", [Product(7, "doc", name, 3)])] == [7]
        assert product_is(Product(7, "doc", name, 3), "ecran")
