"""Identities: unique, in order, and within the ledger's column size."""

from __future__ import annotations

import time
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.identity import MAX_IDENTITY, is_identity, new_movement_id, new_movement_ids, record_identity

TOPICS = st.text("abcXYZ019._-", min_size=1, max_size=249)
NUMBERS = st.integers(0, 2**63 - 1)


def test_a_new_one_is_a_uuid_of_version_7_of_this_moment() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_movement_id())
    after = time.time_ns() // 1_000_000
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= after


def test_many_are_unique_and_each_is_a_uuid() -> None:
    made = [*new_movement_ids(5000), *new_movement_ids(5000), new_movement_id()]
    assert len(set(made)) == 10_001
    assert {uuid.UUID(text).version for text in made} == {7}
    assert all(str(uuid.UUID(text)) == text for text in made)
    assert new_movement_ids(0) == []


def test_they_stay_apart_where_the_random_bits_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda count: b"\xff" * count)
    made = [uuid.UUID(text) for text in new_movement_ids(3)]
    assert len(set(made)) == 3
    assert {(identity.version, identity.variant) for identity in made} == {(7, uuid.RFC_4122)}


@given(TOPICS, NUMBERS, NUMBERS, NUMBERS)
def test_a_record_has_one_that_the_ledger_holds(topic: str, partition: int, offset: int, timestamp: int) -> None:
    identity = record_identity(topic, partition, offset, timestamp)
    assert is_identity(identity)
    assert identity == record_identity(topic, partition, offset, timestamp)


@given(st.tuples(TOPICS, NUMBERS, NUMBERS, NUMBERS), st.tuples(TOPICS, NUMBERS, NUMBERS, NUMBERS))
def test_two_records_have_two(one: tuple[str, int, int, int], other: tuple[str, int, int, int]) -> None:
    assert (record_identity(*one) == record_identity(*other)) is (one == other)


def test_the_usual_one_says_where_the_record_stands() -> None:
    assert record_identity("stock", 3, 128, 1767225600000) == "stock/3@128/1767225600000"


@pytest.mark.parametrize(
    ("text", "can_be"),
    [
        ("a", True),
        ("x" * MAX_IDENTITY, True),
        ("x" * (MAX_IDENTITY + 1), False),
        ("", False),
        ("a\nb", False),
        ("a\u202eb", False),
        ("\ud800", False),
    ],
)
def test_what_a_publisher_may_say(text: str, can_be: bool) -> None:
    assert is_identity(text) is can_be
