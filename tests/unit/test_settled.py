"""The offset ranges sent to the ledger with each batch, and what it lacks by its answer."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from bridge.apply.comparison import Missing, missing_of
from bridge.apply.settle import Settled
from bridge.kafka.start_offset import Start
from bridge.strapi.ledger import OffsetRange, Seen

PLACE = ("stock", 0)


class Record(NamedTuple):
    """The attributes of a record that are used."""

    topic: str
    partition: int
    offset: int


def started(*starts: Start, beginning: bool = True) -> Settled:
    settled = Settled({"stock"}, beginning=beginning)
    settled.begin(starts)
    return settled


def records(*offsets: int, partition: int = 0, topic: str = "stock") -> list[Record]:
    return [Record(topic, partition, offset) for offset in offsets]


def test_a_batch_covers_all_from_the_start_to_its_last_record_gaps_and_all() -> None:
    settled = started(Start("stock", 0, 5, 0, 5))
    (first,) = settled.of(records(6, 9))  # type: ignore[arg-type]
    assert first == OffsetRange("stock", 0, 5, 10, begin=0)
    settled.note([first])
    assert settled.of(records(12)) == [OffsetRange("stock", 0, 10, 13)]  # type: ignore[arg-type]
    assert settled.among([PLACE, ("stock", 7)]) == {PLACE: 10}


def test_other_topics_are_no_concern_of_the_ledger() -> None:
    settled = started(Start("stock", 0, 5, 0, 5), Start("event", 0, 1, 0, 1))
    assert settled.of(records(1, topic="event")) == []  # type: ignore[arg-type]
    assert settled.among([PLACE, ("event", 0)]) == {PLACE: 5}


def test_the_first_batch_says_where_every_partition_started() -> None:
    settled = started(Start("stock", 0, 5, 0, 5), Start("stock", 1, 8, 2, 8))
    ranges = settled.of(records(5))  # type: ignore[arg-type]
    assert ranges == [OffsetRange("stock", 0, 5, 6, begin=0), OffsetRange("stock", 1, 8, 8, begin=2)]
    settled.note(ranges)
    assert settled.new == []


def test_a_first_start_lacks_nothing() -> None:
    assert started(Start("stock", 0, 5, 0, None)).new == [OffsetRange("stock", 0, 5, 5)]
    assert started(Start("stock", 0, 5, 0, 5), beginning=False).new == [OffsetRange("stock", 0, 5, 5)]


def test_what_kafka_deleted_is_covered_and_no_gap() -> None:
    settled = started(Start("stock", 0, 20, 20, 12, skipped=8))
    assert settled.of(records(20)) == [OffsetRange("stock", 0, 12, 21, begin=20)]  # type: ignore[arg-type]


def test_a_topic_that_was_made_again_is_said_until_the_ledger_has_it() -> None:
    settled = started(Start("stock", 0, 0, 0, 50, recreated=True))
    (first,) = settled.of(records(0, 1))  # type: ignore[arg-type]
    assert first == OffsetRange("stock", 0, 0, 2, anew=True)
    settled.note([first])
    assert settled.of(records(2)) == [OffsetRange("stock", 0, 2, 3)]  # type: ignore[arg-type]


def seen(*intervals: tuple[int, int]) -> list[Seen]:
    return [Seen("stock", 0, first, end, 1_000.0 * end) for first, end in intervals]


def test_gaps_lie_between_intervals_and_behind_the_last() -> None:
    assert missing_of(PLACE, 30, seen((0, 10), (12, 20))) == [
        Missing("stock", 0, 10, 12, 10.0),
        Missing("stock", 0, 20, 30, 20.0),
    ]
    assert missing_of(PLACE, 20, seen((0, 20))) == missing_of(PLACE, 5, seen((0, 20))) == []
    assert missing_of(PLACE, 15, seen((0, 10), (18, 20))) == [Missing("stock", 0, 10, 15, 10.0)]


@given(st.sets(st.integers(0, 60), min_size=2).filter(lambda points: len(points) % 2 == 0), st.integers(0, 70))
def test_what_is_missing_and_what_was_seen_make_up_all_up_to_the_position(points: set[int], position: int) -> None:
    ordered = sorted(points)
    intervals = list(zip(ordered[::2], ordered[1::2], strict=True))
    offsets = {offset for first, end in intervals for offset in range(first, end)}
    lacking = {offset for gap in missing_of(PLACE, position, seen(*intervals)) for offset in range(gap.first, gap.next)}
    assert lacking == set(range(ordered[0], position)) - offsets
