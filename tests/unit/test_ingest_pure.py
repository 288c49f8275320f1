"""The pure parts of ingest: mapping, dead letters, redeliveries, session takeover, addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from aiokafka import AIOKafkaConsumer
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt import client as paho

from bridge.dead_letter import dead_letter_record, origin_of
from bridge.errors import LibraryChangedError, SettingsError
from bridge.ingest.in_flight import Arrival, InFlight
from bridge.ingest.mapping import Mapper, record_of
from bridge.ingest.sessions import SessionTakeover
from bridge.journal import Journey
from bridge.kafka._private import missing_names
from bridge.kafka.producer import LARGEST_RECORD
from bridge.movement import Reason, Rejection
from bridge.mqtt._private import ChunkClient, check_libraries, missing_for_chunks, session_client
from bridge.mqtt.address import Address, read_address
from bridge.mqtt.frames import Inbound
from bridge.route import Route, RouteKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mqtt.session import Session

MOVEMENT = b'{"id":12,"amount":5,"type":"IN"}'
ROUTES = [
    Route("topic", "stock"),
    Route("shop/+/event", "event", RouteKind.EVENT),
    Route("", "product", RouteKind.PRODUCT),
]


def inbound(topic: str, payload: bytes = MOVEMENT, **changes: object) -> Inbound:
    message = Inbound(topic, payload, 1, 7, False, False, b"")
    for name, value in changes.items():
        setattr(message, name, value)
    return message


class Acknowledged:
    """A fake session that notes what is acknowledged on it."""

    def __init__(self) -> None:
        self.packet_ids: list[int] = []

    def acknowledge(self, packet_ids: list[int]) -> None:
        self.packet_ids += packet_ids


def session() -> Session:
    return cast("Session", Acknowledged())


def client_of(reader: str) -> ChunkClient:
    return session_client(reader, "mqtt.example", 1883, version_5=True, on_chunk=lambda _: None)


async def test_the_private_names_are_there() -> None:
    client = client_of("chunks")
    check_libraries(client)
    assert missing_for_chunks(client) == []
    assert type(client) is ChunkClient


async def test_packets_are_read_one_by_one_where_a_name_for_chunks_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(paho.Client, "_packet_queue")
    chosen = client_of("chunks")
    assert missing_for_chunks(chosen) == ["_packet_queue"]
    assert type(chosen) is type(client_of("packets")) is not ChunkClient


async def test_a_client_without_what_both_readers_need_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(paho.Client, "_loop_rc_handle")
    with pytest.raises(LibraryChangedError, match="_loop_rc_handle"):
        client_of("packets")


async def test_aiokafkas_private_names_are_there() -> None:
    consumer = AIOKafkaConsumer()
    assert missing_names(consumer) == []
    await consumer.stop()


def test_a_movement_is_keyed_by_its_product() -> None:
    journey = Mapper(ROUTES, "engine").journeys([inbound("topic")], 1000.5)[0]
    record = record_of(journey)
    assert (record.topic, record.key, record.value) == ("stock", b"12", MOVEMENT)
    assert dict(record.headers)["mqtt-received-at"] == b"1000500"


def test_another_route_is_keyed_by_its_topic_and_not_judged() -> None:
    journey = Mapper(ROUTES, "engine").journeys([inbound("shop/3/event", b"\xff")], 1.0)[0]
    assert journey.rejection is None
    assert (journey.kafka_topic, journey.key) == ("event", "shop/3/event")


def test_a_topic_without_route_is_a_dead_letter() -> None:
    journey = Mapper(ROUTES, "engine").journeys([inbound("old/topic")], 1.0)[0]
    assert journey.rejection is not None
    assert journey.rejection.reason is Reason.NO_ROUTE


def test_a_kept_copy_counts_only_under_an_identity() -> None:
    judge = Mapper(ROUTES, "engine")
    named = b"\x26\x00\x0bmovement-id\x00\x01m"
    copy = judge.journeys([inbound("topic", retained=True)], 1.0)[0]
    assert copy.rejection is not None
    assert copy.rejection.reason is Reason.RETAINED_COPY
    assert judge.journeys([inbound("topic", retained=True, properties=named)], 1.0)[0].rejection is None


@pytest.mark.parametrize("found", ["", "a\nb", "x" * 256])
def test_what_can_be_no_identity_is_replaced(found: str) -> None:
    value = found.encode()
    raw = b"\x26\x00\x0bmovement-id" + len(value).to_bytes(2, "big") + value
    assert len(Mapper(ROUTES, "engine").journeys([inbound("topic", properties=raw)], 1.0)[0].movement_id) == 36


def test_what_kafka_would_not_take_is_a_dead_letter_that_it_takes() -> None:
    journey = Mapper(ROUTES, "engine").journeys([inbound("shop/1/event", b"\x01" * 2_000_000)], 1.0)[0]
    assert journey.rejection is not None
    assert journey.rejection.reason is Reason.TOO_LONG
    letter = dead_letter_record("errors", journey, origin_of(journey), room=4_096)
    assert letter.size < LARGEST_RECORD
    assert dict(letter.headers)["payload-size"] == b"2000000"


@given(st.binary(max_size=400), st.text(max_size=40))
def test_a_dead_letter_keeps_any_bytes(payload: bytes, origin: str) -> None:
    journey = Journey("m", payload, mqtt_topic="topic", rejection=Rejection(Reason.NOT_JSON, "no"))
    letter = dead_letter_record("errors", journey, origin)
    assert dict(letter.headers)["payload"] == payload
    assert json.loads(letter.value)["error"] == "no"


def test_a_redelivery_on_its_way_is_acknowledged_on_the_new_connection() -> None:
    flight, old, new = InFlight(), session(), session()
    arrival = Arrival(old, 7, Mapper(ROUTES, "engine").journeys([inbound("topic")], 1.0)[0])
    flight.admit([arrival])
    assert flight.redelivered(new, inbound("topic", redelivered=True)) is None
    flight.settle([arrival])
    assert cast("Acknowledged", old).packet_ids == []
    assert cast("Acknowledged", new).packet_ids == [7]


def test_a_redelivery_of_what_kafka_has_is_acknowledged_and_not_produced() -> None:
    flight, old, new = InFlight(), session(), session()
    arrival = Arrival(old, 7, Mapper(ROUTES, "engine").journeys([inbound("topic")], 1.0)[0])
    flight.admit([arrival])
    flight.settle([arrival])
    again = flight.redelivered(new, inbound("topic", redelivered=True))
    assert isinstance(again, Arrival)
    assert again.journey is None
    flight.settle([again])
    assert cast("Acknowledged", new).packet_ids == [7]


def test_another_message_under_a_used_packet_id_is_new() -> None:
    flight, old = InFlight(), session()
    arrival = Arrival(old, 7, Mapper(ROUTES, "engine").journeys([inbound("topic")], 1.0)[0])
    flight.admit([arrival])
    other = inbound("topic", b'{"id":13,"amount":5,"type":"IN"}', redelivered=True)
    assert flight.redelivered(session(), other) is False
    flight.settle([arrival])
    assert flight.redelivered(session(), other) is False
    assert flight.redelivered(session(), inbound("topic")) is False
    flight.forget()
    assert flight.redelivered(session(), inbound("topic", redelivered=True)) is False


def settled(flight: InFlight, on: Session, packet_ids: Iterable[int]) -> None:
    """Receive identical messages with these packet ids, and acknowledge them."""
    judge = Mapper(ROUTES, "engine")
    for packet_id in packet_ids:
        flight.begins(on, [inbound("topic", packet_id=packet_id)])
        arrival = Arrival(on, packet_id, judge.journeys([inbound("topic")], 1.0)[0])
        flight.admit([arrival])
        flight.settle([arrival])


def under(packet_id: int) -> Inbound:
    """The same message again, with another packet id."""
    return inbound("topic", redelivered=True, packet_id=packet_id)


def test_a_broker_that_forgot_acknowledgements_at_its_kill_sends_again_what_is_recognised() -> None:
    flight = InFlight()
    settled(flight, session(), range(1, 20_000))
    for packet_id in (7, 19_999):
        assert isinstance(flight.redelivered(session(), under(packet_id)), Arrival)


@pytest.mark.parametrize(
    ("used", "first", "forgotten", "kept"),
    [
        (range(1, 30), 20, (20, 29), (1, 19)),
        ([*range(65_500, 65_536), *range(1, 30)], 65_530, (65_530, 65_535, 1, 29), (65_500, 65_529)),
        (range(1, 30), 29, (29,), (1, 28)),
        (range(1, 30), 30, (), (1, 29)),
        ([*range(65_500, 65_536)], 1, (), (65_500, 65_535)),
    ],
)
def test_a_broker_that_goes_back_to_earlier_ids_means_other_messages_by_them(
    used: Iterable[int], first: int, forgotten: Iterable[int], kept: Iterable[int]
) -> None:
    flight, after = InFlight(), session()
    settled(flight, session(), used)
    other = Mapper(ROUTES, "engine").journeys([inbound("topic", b"other")], 1.0)[0]
    assert bool(flight.begins(after, [inbound("topic", b"other", packet_id=first)])) is bool(list(forgotten))
    flight.admit([Arrival(after, first, other)])
    assert [flight.redelivered(session(), under(one)) for one in forgotten] == [False] * len(list(forgotten))
    assert all(isinstance(flight.redelivered(session(), under(one)), Arrival) for one in kept)


def test_ids_go_on_over_connections_and_sending_again_is_no_going_back() -> None:
    flight, judge = InFlight(), Mapper(ROUTES, "engine")
    settled(flight, session(), range(1, 30))
    after = session()
    again = judge.journeys([inbound("topic", b"unseen", redelivered=True)], 1.0)[0]
    flight.admit([Arrival(after, 25, again)])
    settled(flight, after, range(30, 40))
    assert all(isinstance(flight.redelivered(session(), under(one)), Arrival) for one in (1, 24, 26, 29, 39))


def test_acknowledgements_go_in_order_of_receipt() -> None:
    flight, one = InFlight(), session()
    judge = Mapper(ROUTES, "engine")
    arrivals = [Arrival(one, packet_id, judge.journeys([inbound("topic")], 1.0)[0]) for packet_id in (3, 1, 0, 2)]
    flight.admit(arrivals)
    assert len(flight) == 3
    flight.settle(arrivals)
    assert cast("Acknowledged", one).packet_ids == [3, 1, 2]
    assert len(flight) == 0


def test_contention_shows_at_the_third_short_life() -> None:
    contention = SessionTakeover()
    assert [contention.closed(lived) for lived in (3600, 1, 600, 2, 2, 2, 2)] == [False] * 5 + [True, True]
    assert [contention.pause() for _ in range(6)] == [10, 20, 40, 80, 160, 300]


def test_a_broker_that_was_away_between_two_short_lives_is_no_contention() -> None:
    contention = SessionTakeover()
    for _ in range(5):
        assert not contention.closed(1)
        assert not contention.closed(1)
        contention.away()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("ws://localhost:1883", Address("localhost", 1883, "websockets", False, "/")),
        ("wss://broker/mqtt", Address("broker", 443, "websockets", True, "/mqtt")),
        ("mqtt://10.0.0.1", Address("10.0.0.1", 1883, "tcp", False, "")),
        ("mqtts://[::1]:8884", Address("::1", 8884, "tcp", True, "")),
    ],
)
def test_addresses(url: str, address: Address) -> None:
    assert read_address(url) == address


@pytest.mark.parametrize("url", ["http://localhost", "ws://", "ws://h:99999", "localhost:1883"])
def test_what_is_no_address_says_how_to_write_one(url: str) -> None:
    with pytest.raises(SettingsError, match="write ws://host:1883"):
        read_address(url)
