"""Merged movements of a product have the same result as single ones."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bridge.journal import Journey
from bridge.movement import MAX_AMOUNT, Movement
from bridge.strapi.ledger import Outcome
from bridge.strapi.rest import Positions, merge

deltas = st.lists(st.integers(-60, 60).filter(bool) | st.sampled_from([MAX_AMOUNT, -MAX_AMOUNT]), max_size=60)


def at(offset: int, timestamp: int = 1000, partition: int = 3) -> Journey:
    movement = Movement("12", 1, "IN")
    return Journey(
        f"m{offset}",
        b"",
        movement=movement,
        kafka_topic="stock",
        partition=partition,
        offset=offset,
        timestamp=timestamp,
    )


def one_at_a_time(stock: int, delta: int) -> tuple[bool, int]:
    after = stock + delta
    return (True, after) if 0 <= after <= MAX_AMOUNT else (False, stock)


@given(st.integers(0, 200), deltas)
def test_any_sequence_ends_as_one_at_a_time(stock: int, changes: list[int]) -> None:
    steps = merge(stock, changes)
    for delta, step in zip(changes, steps, strict=True):
        applied, after = one_at_a_time(stock, delta)
        assert (step.outcome is Outcome.APPLIED, step.before, step.after) == (applied, stock, after)
        stock = after


@given(st.integers(0, 200), deltas, st.integers(0, 60))
def test_any_cut_into_two_batches_ends_the_same(stock: int, changes: list[int], cut: int) -> None:
    whole = merge(stock, changes)
    first = merge(stock, changes[:cut])
    between = first[-1].after if first else stock
    assert first + merge(between, changes[cut:]) == whole


def test_a_stock_that_someone_wrote_below_zero_can_be_filled_up() -> None:
    assert [step.outcome for step in merge(-5, [2, -1])] == [Outcome.APPLIED, Outcome.INSUFFICIENT_STOCK]


@given(st.lists(st.booleans(), min_size=1, max_size=30), st.data())
def test_a_redelivery_from_anywhere_is_recognised_with_what_was_decided(
    applied: list[bool], data: st.DataObject
) -> None:
    positions = Positions(None)
    outcomes = [Outcome.APPLIED if yes else Outcome.INSUFFICIENT_STOCK for yes in applied]
    for offset, outcome in enumerate(outcomes):
        assert positions.first(at(offset)) is None
        positions.count(at(offset), outcome)
    again = Positions(positions.text)
    start = data.draw(st.integers(0, len(applied) - 1))
    for offset in range(start, len(applied)):
        assert again.first(at(offset)) is outcomes[offset]
    assert again.first(at(len(applied))) is None
    assert again.first(at(0, partition=4)) is None


def test_a_second_crash_still_knows_what_was_refused_before_the_first() -> None:
    positions = Positions(None)
    positions.count(at(1), Outcome.INSUFFICIENT_STOCK)
    positions.count(at(2), Outcome.APPLIED)
    again = Positions(positions.text)
    assert again.first(at(1)) is Outcome.INSUFFICIENT_STOCK
    again.count(at(3), Outcome.APPLIED)
    assert Positions(again.text).first(at(1)) is Outcome.INSUFFICIENT_STOCK


def test_refusals_that_are_settled_are_forgotten() -> None:
    positions = Positions(None)
    for offset in range(100):
        positions.count(at(offset), Outcome.INSUFFICIENT_STOCK)
    later = Positions(positions.text)
    later.count(at(100), Outcome.APPLIED)
    assert later.text == '{"stock/3":[100,1000,{}]}'


def test_a_topic_that_was_made_again_counts_from_its_beginning() -> None:
    positions = Positions(None)
    positions.count(at(128, timestamp=5000), Outcome.APPLIED)
    again = Positions(positions.text)
    assert again.first(at(0, timestamp=6000)) is None
    again.count(at(0, timestamp=6000), Outcome.APPLIED)
    assert again.first(at(0, timestamp=6000)) is Outcome.APPLIED
    assert again.first(at(1, timestamp=6001)) is None


def test_what_no_engine_wrote_counts_as_nothing() -> None:
    for text in (None, "", "hello", '{"stock/3": 128}', "[1]", 7, "\ud800"):
        assert Positions(text).first(at(0)) is None
