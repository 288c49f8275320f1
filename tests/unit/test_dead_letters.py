"""Dead letters keep all bytes of the message, in as few records as possible, and can be read back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.dead_letter import DeadLetters, dead_letter_record, part_records
from bridge.errors import TooLargeError
from bridge.journal import Journal, Journey
from bridge.kafka.dead_letter_reader import letter_of
from bridge.kafka.producer import LARGEST_RECORD, Placed, Record
from bridge.kafka.record import PART_OF, PAYLOAD, PAYLOAD_PART, PAYLOAD_REST
from bridge.movement import Reason, Rejection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.kafka.writer import Writer


class Stored(NamedTuple):
    """A record as a consumer delivers it."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]


class Topic:
    """A fake writer that keeps what is written; it refuses records larger than `largest`, as Kafka does."""

    def __init__(self, largest: int) -> None:
        self.largest = largest
        self.records: list[Stored] = []

    def taken(self, call: object) -> None:
        """Do nothing: no record is refused permanently here."""

    async def produce(self, records: Sequence[Record], placed: list[Placed | None] | None = None) -> list[Placed]:
        places: list[Placed | None] = [None] * len(records) if placed is None else placed
        if any(record.size > self.largest for record in records):
            raise TooLargeError("kafka", "too large")
        for number, record in enumerate(records):
            assert record.size <= LARGEST_RECORD
            places[number] = Placed(0, len(self.records))
            self.records.append(
                Stored(record.topic, 0, len(self.records), 1_000, record.key, record.value, list(record.headers))
            )
        return [place for place in places if place is not None]

    def whole(self, letter: Stored) -> bytes:
        """A dead letter's payload, reassembled as described in `bridge.dead_letter`."""
        headers = dict(letter.headers)
        parts = [headers[PAYLOAD] or b""]
        for place in (headers.get(PAYLOAD_REST) or b"").split():
            first, _, last = place.removeprefix(b"0@").partition(b"-")
            for part in self.records[int(first) : int(last or first) + 1]:
                assert part.offset < letter.offset, "a letter that is there has all its parts"
                assert dict(part.headers)[PART_OF] == headers["movement-id"]
                parts.append(dict(part.headers)[PAYLOAD_PART] or b"")
        return b"".join(parts)

    @property
    def letters(self) -> list[Stored]:
        return [record for record in self.records if all(name != PART_OF for name, _ in record.headers)]


def letters_into(topic: Topic) -> DeadLetters:
    writer: Writer = topic  # type: ignore[assignment]
    return DeadLetters("errors", writer, Journal(100))


def rejected(payload: bytes, number: int = 0) -> Journey:
    journey = Journey(f"id-{number}", payload, mqtt_topic="topic", kafka_topic="stock", partition=3, offset=number)
    journey.rejection = Rejection(Reason.TOO_LONG, "it is too long")
    return journey


SIZES = st.one_of(
    st.integers(0, 300),
    *(
        st.integers(bound - 60, bound + 60)
        for bound in (4_096, 125_000, 166_000, 200_000, 500_000, 800_000, 900_000, 999_000, 1_000_000, 1_600_000)
    ),
)
KINDS = st.sampled_from([b"x", b"\x00", b'"', b"\xff", "\u00e9".encode(), "\U0001f4a1".encode(), bytes(range(256))])


@settings(max_examples=60)
@given(
    st.lists(st.tuples(SIZES, KINDS), min_size=1, max_size=3),
    st.sampled_from([LARGEST_RECORD, 300_000, 60_000, 8_000, 2_500]),
)
def test_every_letter_has_all_bytes_whatever_they_are_and_whatever_kafka_takes(
    sent: list[tuple[int, bytes]], largest: int
) -> None:
    topic = Topic(largest)
    journeys = [rejected((kind * (size // len(kind) + 1))[:size], number) for number, (size, kind) in enumerate(sent)]
    asyncio.run(letters_into(topic).write(journeys))
    assert {dict(letter.headers)["movement-id"] for letter in topic.letters} == {
        journey.movement_id.encode() for journey in journeys
    }
    for letter in topic.letters:
        headers = dict(letter.headers)
        journey = next(one for one in journeys if one.movement_id.encode() == headers["movement-id"])
        assert topic.whole(letter) == journey.payload
        assert headers["payload-size"] == b"%d" % len(journey.payload)
        read = letter_of(letter).journey
        assert read.size == len(journey.payload)
        assert journey.payload.startswith(read.payload)
        # To the course's programs each record is an error of theirs, with the original text where there is room.
        value = json.loads(letter.value or b"")
        assert value["error"] == "it is too long"
        if len(journey.payload) <= 4_096 and largest >= 60_000:
            assert value["message"] == journey.payload.decode("utf-8", "replace")
    for record in topic.records:
        assert set(json.loads(record.value or b"")) == {"error", "message"}


async def test_an_ordinary_letter_is_one_record_with_its_text() -> None:
    topic = Topic(LARGEST_RECORD)
    payload = b'{"id":12,"amount":0,"type":"IN"}'
    await letters_into(topic).write([rejected(payload)])
    (letter,) = topic.records
    assert msgspec.json.decode(letter.value or b"") == {"error": "it is too long", "message": payload.decode()}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.none() | st.binary(max_size=40), st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=6))
def test_key_and_headers_are_kept_as_bytes(key: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    journey = rejected(b"{}")
    journey.key = None if key is None else key.decode("utf-8", "surrogateescape")
    journey.properties = tuple((name, value.decode("utf-8", "surrogateescape")) for name, value in headers)
    record = dead_letter_record("errors", journey, "kafka stock/3@0")
    kept = [
        (name.removeprefix("original-header."), value)
        for name, value in record.headers
        if name.startswith("original-header.")
    ]
    assert kept == headers
    assert dict(record.headers).get("original-key") == key
    read = letter_of(Stored("errors", 0, 0, 0, None, record.value, list(record.headers))).journey
    assert (read.key, read.properties) == (journey.key, journey.properties)


def test_headers_without_room_are_counted() -> None:
    journey = rejected(b"{}")
    journey.properties = tuple((f"p{number}", "v" * 60_000) for number in range(3))
    headers = dict(dead_letter_record("errors", journey, "kafka stock/3@0").headers)
    assert headers["original-headers-left-out"] == b"2"
    assert [name for name in headers if name.startswith("original-header.")] == ["original-header.p0"]


@given(st.integers(0, 3_000), st.integers(1, 900))
def test_parts_are_what_the_letter_has_no_room_for(size: int, room: int) -> None:
    payload = bytes(number % 251 for number in range(size))
    journey = rejected(payload)
    first = dict(dead_letter_record("errors", journey, "origin", room).headers)[PAYLOAD]
    parts = [dict(part.headers)[PAYLOAD_PART] for part in part_records("errors", journey, room)]
    assert b"".join([first, *parts]) == payload
    assert all(0 < len(part) <= room for part in parts)


async def test_where_kafka_takes_next_to_nothing_the_letter_says_how_much_there_was() -> None:
    topic = Topic(700)
    await letters_into(topic).write([rejected(b"x" * 5_000)])
    (letter,) = topic.letters
    assert dict(letter.headers)["payload-size"] == b"5000"
    assert letter_of(letter).journey.cut == 5_000
