"""Caches keyed by names from outside keep their limits, in number and in bytes."""

from __future__ import annotations

from sys import getsizeof

from hypothesis import given
from hypothesis import strategies as st

from bridge.bounded import Computed, Recent
from bridge.journal import Journal, Journey
from bridge.journal.journey import KEPT

texts = st.text(st.characters(), max_size=60)


@given(st.integers(1, 20), st.integers(0, 5_000), st.lists(texts, max_size=80))
def test_results_are_right_and_bounded_in_number_and_bytes(entries: int, most: int, asked: list[str]) -> None:
    computed: Computed[str, bytes] = Computed(lambda text: text.encode("utf-8", "replace"), entries, most)
    for text in asked:
        assert computed[text] == text.encode("utf-8", "replace")
        assert len(computed) <= entries
        assert sum(getsizeof(key) + getsizeof(value) for key, value in computed.items()) <= computed.taken <= most


def test_what_is_remembered_is_computed_once() -> None:
    asked: list[str] = []

    def compute(text: str) -> int:
        asked.append(text)
        return len(text)

    computed = Computed(compute, 10, 10_000)
    assert [computed["a"], computed["a"], computed["x" * 900]] == [1, 1, 900]
    assert asked == ["a", "x" * 900]
    assert len(computed) == 1, "what is large would drive out the others"


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 40)), max_size=40), st.integers(1, 10), st.integers(0, 100))
def test_a_generation_goes_when_it_weighs_too_much(chunks: list[tuple[int, int]], keep: int, most: int) -> None:
    recent: Recent[int, int] = Recent(keep, most)
    weights: dict[int, int] = {}
    number = 0
    for count, weight in chunks:
        keys = range(number, number + count)
        number += count
        weights |= dict.fromkeys(keys, weight)
        recent.update(dict.fromkeys(keys, weight), weight * count)
        # Two generations, each of at most `most` and what the last update of it brought.
        held = [key for key in range(number) if recent.get(key) is not None]
        assert sum(weights[key] for key in held) <= 2 * (most + 5 * 40)
        assert len(held) <= 2 * (keep + 5)
        if sum(weights[key] for key in range(max(0, number - keep), number)) <= most:
            assert all(recent.get(key) is not None for key in range(max(0, number - keep), number))


@given(st.binary(max_size=3 * KEPT))
def test_a_payload_is_shortened_once_and_says_what_is_missing(payload: bytes) -> None:
    journey = Journey("id", payload)
    for _ in range(2):
        journey.shorten()
        assert journey.payload == payload[:KEPT]
        assert journey.size == len(payload)
        assert journey.holds(payload)
        assert not journey.holds(payload + b"x")
    assert not journey.holds(b"y" * len(payload)) or payload == b"y" * len(payload)


def test_one_identity_sent_again_and_again_costs_no_more_each_time() -> None:
    journal = Journal(1_000)
    for _ in range(300):
        journal.arrived([Journey("the same", b"{}", mqtt_topic="topic")])
    assert len(journal.journeys("the same")) == 100
    assert journal.journey("the same") is journal.journeys("the same")[-1]


def test_the_journal_keeps_fewer_records_where_they_are_large() -> None:
    journal = Journal(1_000)
    for number in range(5_000):
        journey = Journey(f"{number}", b"x" * 100_000, mqtt_topic="topic")
        journey.weigh()
        journal.arrived([journey])
        journal.acknowledged([journey])
        journal.settled([journey])
        journey.shorten()
    held = {
        id(one): len(one.payload)
        for ring in (journal.mqtt, journal.kafka, journal.strapi)
        for one in ring.slice(0, 5_000)
    }
    assert sum(held.values()) <= 1_024 * 1_000
    assert len(journal.mqtt) > 200
    assert journal.journey("1") is None
    assert journal.journey("4999") is not None
