"""Where the consumer starts in a partition: all that is skipped is counted and reported."""

from __future__ import annotations

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from bridge.kafka.start_offset import start_of

PLACE = TopicPartition("stock", 3)
OFFSETS = st.integers(0, 1_000)


def test_a_position_that_kafka_has_is_kept() -> None:
    for position in (10, 15, 20):
        start = start_of(PLACE, position, 10, 20, 0)
        assert (start.offset, start.skipped, start.recreated, start.moved) == (position, 0, False, False)


def test_what_kafka_deleted_behind_the_position_is_counted() -> None:
    start = start_of(PLACE, 4, 10, 20, 0)
    assert (start.offset, start.skipped, start.recreated, start.moved) == (10, 6, False, True)


def test_a_position_behind_the_end_is_of_another_topic() -> None:
    start = start_of(PLACE, 21, 5, 20, 0)
    assert (start.offset, start.skipped, start.recreated, start.moved) == (5, 0, True, True)


def test_without_a_position_it_starts_where_it_is_told_as_near_as_there_are_records() -> None:
    assert [start_of(PLACE, None, 10, 20, otherwise).offset for otherwise in (None, 0, 12, 99)] == [20, 10, 12, 20]


def test_a_position_that_kafka_lost_is_the_one_where_this_engine_stood() -> None:
    start = start_of(PLACE, None, 0, 20, None, kept=12)
    assert (start.offset, start.lost, start.left_out, start.moved) == (12, True, 0, True)
    start = start_of(PLACE, None, 15, 20, None, kept=12)
    assert (start.offset, start.lost, start.skipped) == (15, True, 3)
    start = start_of(PLACE, None, 5, 20, None, kept=21)
    assert (start.offset, start.recreated, start.skipped) == (5, True, 0)


def test_what_a_first_start_at_the_end_leaves_out_is_counted() -> None:
    assert start_of(PLACE, None, 5, 20, None).left_out == 15
    assert start_of(PLACE, None, 5, 20, 0).left_out == 0


def test_a_position_that_another_set_is_taken_and_counted() -> None:
    later = start_of(PLACE, 15, 0, 20, 0, kept=12, ours=False)
    assert (later.offset, later.passed_over, later.set_back, later.moved) == (15, 3, 0, True)
    back = start_of(PLACE, 5, 0, 20, 0, kept=12, ours=False)
    assert (back.offset, back.passed_over, back.set_back, back.moved) == (5, 0, 7, True)
    # Another engine of the group went on, or this one was killed before it wrote down where it kept.
    assert start_of(PLACE, 15, 0, 20, 0, kept=12).passed_over == 0
    assert not start_of(PLACE, 12, 0, 20, 0, kept=12, ours=False).moved


@given(st.none() | OFFSETS, OFFSETS, OFFSETS, st.none() | OFFSETS)
def test_every_start_is_between_kafkas_bounds_and_every_record_is_read_or_counted(
    position: int | None, first: int, more: int, otherwise: int | None
) -> None:
    start = start_of(PLACE, position, first, first + more, otherwise)
    assert first <= start.offset <= first + more
    if position is not None and not start.recreated:
        assert start.offset == position + start.skipped
