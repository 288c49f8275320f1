"""The pure parts of moving stock on rows: the movements for a typed amount, history, pending ones, and undo."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import PublishError
from bridge.journal import Journal, Journey, Product, Verdict
from bridge.movement import MAX_AMOUNT, Movement, Reason, Rejection
from bridge.phrase import Phrase
from tui.widgets.amount import meaning_line
from tui.widgets.amount_plan import Target, plan
from tui.widgets.inputs import History
from tui.widgets.sent import Sent, SentMovements

GLOVES = Product(12, "docgloves", "Licensed Concrete Gloves", 41)
TOWELS = Product(13, "doctowels", "Licensed Plastic Towels", 5)
ROWS = [Target(GLOVES, 5), Target(TOWELS)]


@pytest.mark.parametrize(
    ("typed", "deltas"),
    [
        ("+", [1, 1]),
        ("-", [-1, -1]),
        ("+12", [12, 12]),
        ("12", [12, 12]),
        ("-3", [-3, -3]),
        ("=60", [14, 55]),
        ("=0", [-46, -5]),
        ("=46", [41]),
        (f"+{MAX_AMOUNT}", [MAX_AMOUNT, MAX_AMOUNT]),
    ],
)
def test_what_is_typed_is_what_is_sent(typed: str, deltas: list[int]) -> None:
    found = plan(typed, ROWS)
    assert [planned.delta for planned in found.planned] == deltas
    assert [planned.movement.delta for planned in found.planned] == deltas
    assert not found.missing


@pytest.mark.parametrize("typed", ["", "=", "+0", "0", "a", "+5x", f"+{MAX_AMOUNT + 1}", f"={MAX_AMOUNT + 1}"])
def test_what_is_no_amount_says_what_is_missing(typed: str) -> None:
    found = plan(typed, ROWS)
    assert not found.planned
    assert found.missing


def test_a_stock_that_is_there_already_sends_nothing() -> None:
    assert plan("=46", ROWS[:1]).missing == "the stock is 46 as it is"


@given(st.text("+-=0123456789 x", max_size=14), st.integers(0, MAX_AMOUNT), st.integers(-100, 100))
def test_any_text_sends_movements_that_are_valid(typed: str, stock: int, pending: int) -> None:
    for planned in plan(typed, [Target(GLOVES._replace(stock=stock), pending)]).planned:
        assert 1 <= planned.movement.amount <= MAX_AMOUNT


def test_refusals_are_counted_and_said() -> None:
    said = meaning_line(plan("-10", ROWS)).plain
    assert "1 of 2: only 5 in stock: Strapi would refuse it" in said
    assert "12: -10  46 → 36" in said


def test_history_walks_and_stops_at_its_ends() -> None:
    history: History[str] = History()
    assert history.step(-1) is None
    for entry in ("a", "b", "b"):
        history.add(entry)
    assert len(history) == 2
    assert [history.step(rows) for rows in (-1, -1, -1, 1, 1, 1, -1)] == ["b", "a", "a", "b", None, None, "b"]


def sent(journal: Journal, delta: int, undoes: Sent | None = None) -> Sent:
    movement = Movement("12", abs(delta), "IN" if delta > 0 else "OUT")
    return Sent(movement, "gloves", Future(), journal, undoes)


def decide(one: Sent, verdict: Verdict) -> None:
    journey = Journey(f"m{id(one)}", b"", movement=one.movement)
    journey.verdict, journey.decided_at = verdict, 1.0
    one.answer.set_result(journey)


def test_a_refusal_of_which_more_is_known_later_is_drawn_again() -> None:
    one = sent(Journal(), -5)
    decide(one, Verdict.REJECTED)
    assert one.journey is not None
    one.journey.rejection = Rejection(Reason.INSUFFICIENT_STOCK, "as its dead letter says")
    assert "insufficient stock" in one.line(100, 2.0).plain
    one.journey.rejection = Rejection(Reason.INSUFFICIENT_STOCK, Phrase("stock is {stock}", stock=3))
    assert "only 3 in stock" in one.line(100, 2.0).plain


def test_pending_is_what_is_sent_and_not_decided() -> None:
    journal = Journal()
    journal.stock.read([GLOVES, TOWELS], complete=True)
    moves = SentMovements(journal.stock)
    first, second, third = (sent(journal, delta) for delta in (5, -2, 7))
    moves.add([first, second])
    moves.add([third])
    assert moves.pending() == {12: 10}
    decide(first, Verdict.APPLIED)
    third.answer.set_exception(PublishError("no broker"))
    assert moves.pending() == {12: -2}
    decide(second, Verdict.REJECTED)
    assert moves.pending() == {}


def test_undo_goes_back_over_what_was_applied_alone() -> None:
    journal = Journal()
    moves = SentMovements(journal.stock)
    first, refused, last = (sent(journal, delta) for delta in (5, -900, 7))
    for one, verdict in ((first, Verdict.APPLIED), (refused, Verdict.REJECTED), (last, Verdict.APPLIED)):
        moves.add([one])
        decide(one, verdict)
    assert moves.undoable() == [[last], [first]]
    undo = sent(journal, -7, last)
    moves.add([undo])
    assert moves.undoable() == [[first]]
    decide(undo, Verdict.REJECTED)
    assert moves.undoable() == [[last], [first]]
