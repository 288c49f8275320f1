"""From Kafka records to journeys."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from bridge.apply.settle import journey_of
from bridge.journal import Journal, Journey
from bridge.movement import Movement, Reason
from bridge.route import RouteKind

PAYLOAD = b'{"id":"38","amount":"40","type":"OUT"}'


class FakeRecord(NamedTuple):
    value: bytes | None = PAYLOAD
    headers: tuple[tuple[str, bytes | None], ...] = ()
    key: bytes | None = b"1"
    topic: str = "stock"
    partition: int = 3
    offset: int = 128
    timestamp: int = 1_700_000_000_000


def nobody(_: str) -> tuple[()]:
    return ()


def test_a_record_of_another_program_is_named_by_where_it_stands() -> None:
    journey = journey_of(FakeRecord(), RouteKind.MOVEMENT, nobody)
    assert journey.movement_id == "stock/3@128/1700000000000"
    assert journey.movement == Movement("38", 40, "OUT")
    assert (journey.position, journey.key, journey.acknowledged_at) == ("p3@128", "1", 1_700_000_000)
    assert (journey.received_at, journey.mqtt_topic) == (None, None)


def test_headers_tell_the_identity_and_the_way() -> None:
    headers = (("movement-id", b"abc"), ("mqtt-topic", b"topic"), ("mqtt-received-at", b"17"), ("object", b"scale"))
    journey = journey_of(FakeRecord(headers=headers), RouteKind.MOVEMENT, nobody)
    assert (journey.movement_id, journey.mqtt_topic) == ("abc", "topic")
    assert journey.properties == (("object", "scale"),)


def test_an_identity_that_can_be_none_is_replaced() -> None:
    for odd in (b"", b"\xff\x00", b"x" * 256, None):
        journey = journey_of(FakeRecord(headers=(("movement-id", odd),)), RouteKind.MOVEMENT, nobody)
        assert journey.movement_id == "stock/3@128/1700000000000"


def test_the_journey_that_ingest_began_goes_on() -> None:
    ours = Journey("abc", PAYLOAD, kafka_topic="stock", received_at=5.0)
    record = FakeRecord(headers=(("movement-id", b"abc"),))
    assert journey_of(record, RouteKind.MOVEMENT, lambda _: [ours]) is ours
    assert ours.position == "p3@128"
    assert journey_of(record, RouteKind.MOVEMENT, lambda _: [ours]) is ours


def test_an_identity_used_twice_makes_two_journeys() -> None:
    headers = (("movement-id", b"abc"),)
    other_place = Journey("abc", PAYLOAD, kafka_topic="stock", partition=3, offset=127)
    assert journey_of(FakeRecord(headers=headers), RouteKind.MOVEMENT, lambda _: [other_place]) is not other_place
    other_payload = Journey("abc", b"{}")
    assert journey_of(FakeRecord(headers=headers), RouteKind.MOVEMENT, lambda _: [other_payload]) is not other_payload


def test_what_is_no_movement_is_rejected_with_its_reason() -> None:
    for value, reason in (
        (None, Reason.EMPTY_PAYLOAD),
        (b"Hello mqtt0", Reason.NOT_JSON),
        (b"[1]", Reason.NOT_AN_OBJECT),
    ):
        journey = journey_of(FakeRecord(value), RouteKind.MOVEMENT, nobody)
        assert journey.rejection is not None
        assert journey.rejection.reason is reason
        assert journey.movement is None


@given(
    st.none() | st.binary(max_size=80), st.lists(st.tuples(st.text(max_size=20), st.none() | st.binary(max_size=20)))
)
def test_nothing_in_a_record_raises(value: bytes | None, headers: list[tuple[str, bytes | None]]) -> None:
    journey = journey_of(FakeRecord(value, tuple(headers)), RouteKind.MOVEMENT, nobody)
    assert (journey.movement is None) == (journey.rejection is not None)


def test_two_that_came_under_one_id_have_a_record_each() -> None:
    journal = Journal()
    twins = [Journey("m-1", b'{"id":1,"amount":1,"type":"IN"}', received_at=1.0) for _ in range(2)]
    for twin in twins:
        journal.published(Journey("m-1", twin.payload, published_at=0.5))
        journal.arrived([twin])
    assert [twin.published_at for twin in twins] == [0.5, 0.5]
    headers = (("movement-id", b"m-1"),)
    records = [FakeRecord(b'{"id":1,"amount":1,"type":"IN"}', headers, offset=offset) for offset in (7, 8)]
    assert [journey_of(record, RouteKind.MOVEMENT, journal.journeys) for record in records] == twins
    assert [journey_of(record, RouteKind.MOVEMENT, journal.journeys) for record in reversed(records)] == twins[::-1]
