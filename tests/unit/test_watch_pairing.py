"""Pairing of messages and records, received in either order."""

from __future__ import annotations

from bridge.journal import Journey
from bridge.watch.pairing import Pairing


def message(payload: bytes = b"one", movement_id: str = "", topic: str = "topic") -> Journey:
    return Journey(movement_id, payload, mqtt_topic=topic)


def test_a_record_finds_its_message_by_topic_and_payload() -> None:
    pairing = Pairing()
    one, other, elsewhere = message(), message(b"two"), message(topic="other")
    assert [pairing.message(each, 0) for each in (one, other, elsewhere)] == [None] * 3
    assert pairing.record(message(b"two", "r2"), 1) is other
    assert pairing.record(message(movement_id="r1"), 1) is one
    assert pairing.record(message(movement_id="r3"), 1) is None


def test_of_several_alike_the_identity_tells_and_then_the_order() -> None:
    pairing = Pairing()
    messages = [message(movement_id=name) for name in ("", "b", "")]
    for each in messages:
        pairing.message(each, 0)
    assert pairing.record(message(movement_id="b"), 0) is messages[1]
    assert pairing.record(message(movement_id="x"), 0) is messages[0]
    assert pairing.record(message(movement_id="y"), 0) is messages[2]


def test_a_message_that_comes_after_its_record_is_no_news() -> None:
    pairing = Pairing()
    record = message(movement_id="r")
    assert pairing.record(record, 0) is None
    assert pairing.message(message(), 1) is record
    assert pairing.message(message(), 1) is None, "the next one alike is another"


def test_a_message_that_was_lost_takes_no_later_one_away() -> None:
    pairing = Pairing(lasts=20)
    pairing.record(message(movement_id="r"), 0)
    assert pairing.message(message(), 21) is None


def test_it_remembers_so_many_and_no_more() -> None:
    pairing = Pairing(most=2)
    messages = [message(str(number).encode()) for number in range(3)]
    for each in messages:
        pairing.message(each, 0)
    found = [pairing.record(message(str(number).encode()), 0) for number in range(3)]
    assert found == [None, *messages[1:]]
