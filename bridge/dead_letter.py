"""Dead letters: messages that can't be applied, kept in the errors topic with reason, bytes and origin.

The value has the course's format, `{"error": "...", "message": "<the original text>"}`, so that its programs can read
it. The headers contain the rest:

- `payload`: the bytes, and `payload-size`, their number. If they do not fit into one record, these are the first ones,
  and `payload-rest` gives partitions and offsets of the others in the errors topic, in order: `0@17-19 0@22`. Those
  records were written before; each has `part-of`, the dead letter's movement-id, and `payload-part`.
- `original-key` and `original-header.NAME`: the key of the record in Kafka, and its headers or the message's user
  properties; `original-headers-left-out` is the number of those that did not fit.

The text in the value is complete as long as it fits into the record besides the bytes.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final

import msgspec

from bridge.backoff import Backoff, pause
from bridge.errors import RejectedError, TooLargeError
from bridge.identity import MOVEMENT_ID
from bridge.journal import DeadLetter
from bridge.kafka.producer import LARGEST_RECORD, Record
from bridge.kafka.record import (
    MQTT_DELIVERY,
    MQTT_RECEIVED_AT,
    MQTT_TOPIC,
    ORIGINAL_HEADER,
    ORIGINAL_KEY,
    ORIGINALS_LEFT_OUT,
    PART_OF,
    PAYLOAD,
    PAYLOAD_PART,
    PAYLOAD_REST,
    PAYLOAD_SIZE,
)
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journal, Journey
    from bridge.kafka.producer import Placed
    from bridge.kafka.writer import Writer

__all__ = ["DeadLetters", "dead_letter_record", "origin_of", "part_records"]

_AT_ONCE: Final = 4_000_000
"""How many bytes of records are created and written at once: dead letters of large messages are several times as large
as the messages.
"""

_ROOMS: Final = (800_000, 100_000, 20_000, 4_096, 1_000)
"""How many bytes of a payload go into each part of a dead letter; the next size is used where Kafka refuses such
records as too large (`max.message.bytes`).
"""

_TEXT: Final = 4_096
"""How many bytes of a payload are in the value as text where not all of it fits."""

_REFUSED: Final = 15.0
"""The longest pause in seconds between two attempts to write a dead letter that Kafka refuses."""

_NOTE: Final = "letters"
"""The key of the journal's note that dead letters can't be written."""

_HEADERS: Final = 100_000
"""The most bytes for the original key and headers in a dead letter."""


def origin_of(journey: Journey) -> str:
    """The origin of a journey: `kafka stock/3@128`, or `mqtt topic` while it is not in Kafka."""
    if journey.offset >= 0:
        return f"kafka {journey.kafka_topic}/{journey.partition}@{journey.offset}"
    return f"mqtt {journey.mqtt_topic}"


def dead_letter_record(
    topic: str, journey: Journey, origin: str, room: int | None = None, rest: Sequence[Placed] = ()
) -> Record:
    """Create the record for the errors topic.

    Args:
        topic: the errors topic.
        journey: what can't be applied; its `rejection` has the reason.
        origin: where it came from.
        room: how many bytes of the payload it contains; None for all.
        rest: where the other parts are.

    Returns:
        The record; it exceeds the limit where the whole payload does not fit into one.
    """
    kept = journey.payload if room is None else journey.payload[:room]
    error = str(journey.rejection.text) if journey.rejection else "it can't be applied"
    headers = [
        (MOVEMENT_ID, journey.movement_id.encode()),
        ("reason", (journey.rejection.reason if journey.rejection else "unknown").encode()),
        ("origin", origin.encode("utf-8", "replace")),
        (PAYLOAD, kept),
        (PAYLOAD_SIZE, b"%d" % journey.size),
    ]
    if rest:
        headers.append((PAYLOAD_REST, _places(rest)))
    if journey.mqtt_topic is not None:
        headers.append((MQTT_TOPIC, journey.mqtt_topic.encode("utf-8", "replace")))
    if journey.offset < 0 and journey.received_at is not None:
        # It comes straight from MQTT, and may be redelivered to the next engine.
        headers.append((MQTT_RECEIVED_AT, b"%d" % int(journey.received_at * 1000)))
        headers.append((MQTT_DELIVERY, journey.delivery.encode()))
    headers += _originals(journey, _HEADERS if room is None else min(room, _HEADERS))
    record = Record(topic, None, _value(error, kept), headers)
    if room is not None or record.size > LARGEST_RECORD:
        # In JSON text each byte can take six.
        text = _TEXT if room is None else min(_TEXT, room // 8)
        record = Record(topic, None, _value(error, kept[:text]), headers)
    return record


def _places(rest: Sequence[Placed]) -> bytes:
    """Format partitions and offsets, merging consecutive ones, as there may be a thousand."""
    runs: list[list[int]] = []
    for partition, offset in rest:
        if runs and runs[-1][0] == partition and runs[-1][2] == offset - 1:
            runs[-1][2] = offset
        else:
            runs.append([partition, offset, offset])
    return " ".join(
        f"{partition}@{first}" if first == last else f"{partition}@{first}-{last}" for partition, first, last in runs
    ).encode()


def _value(error: str, payload: bytes) -> bytes:
    return msgspec.json.encode({"error": error, "message": payload.decode("utf-8", "replace")})


def _originals(journey: Journey, room: int) -> list[tuple[str, bytes]]:
    """The original key and headers, as many as fit."""
    found: list[tuple[str, bytes]] = []
    if journey.key is not None and journey.offset >= 0:
        found.append((ORIGINAL_KEY, journey.key.encode("utf-8", "surrogateescape")))
    found += [
        (f"{ORIGINAL_HEADER}{name}", value.encode("utf-8", "surrogateescape")) for name, value in journey.properties
    ]
    kept: list[tuple[str, bytes]] = []
    for name, value in found:
        room -= 3 * len(name) + len(value) + 10
        if room >= 0:
            kept.append((name, value))
    if len(kept) < len(found):
        kept.append((ORIGINALS_LEFT_OUT, b"%d" % (len(found) - len(kept))))
    return kept


def part_records(topic: str, journey: Journey, room: int) -> list[Record]:
    """Create the records for the rest of a payload that does not fit into its dead letter.

    Args:
        topic: the errors topic.
        journey: its dead letter has the first `room` bytes.
        room: the most bytes in each record.
    """
    parts = [journey.payload[start : start + room] for start in range(room, len(journey.payload), room)]
    return [
        Record(
            topic,
            None,
            _value(f"part {number} of {len(parts)} of the dead letter {journey.movement_id}, which comes later", b""),
            [(PART_OF, journey.movement_id.encode()), (PAYLOAD_PART, part)],
        )
        for number, part in enumerate(parts, 1)
    ]


class DeadLetters:
    """Writes dead letters and notes them in the journal.

    Args:
        topic: the errors topic.
        writer: writes to Kafka.
        journal: where they are noted.
    """

    def __init__(self, topic: str, writer: Writer, journal: Journal) -> None:
        self.topic = topic
        self._writer = writer
        self._journal = journal
        self._rooms = list(_ROOMS)
        """The sizes of parts, without those that Kafka has refused."""

    async def write(self, journeys: Sequence[Journey]) -> None:
        """Write a dead letter for each journey, and return once Kafka has them, however long that takes.

        If Kafka refuses even a dead letter without its payload, that is reported, and retried until the errors topic is
        fixed: meanwhile nothing that waits for its dead letter is acknowledged or committed.
        """
        letters: list[tuple[Journey, str, Record]] = []
        size = 0
        for journey in journeys:
            origin = origin_of(journey)
            record = dead_letter_record(self.topic, journey, origin)
            letters.append((journey, origin, record))
            size += record.size
            if size > _AT_ONCE:
                await self._write(letters)
                letters, size = [], 0
        if letters:
            await self._write(letters)

    async def _write(self, letters: Sequence[tuple[Journey, str, Record]]) -> None:
        places: list[Placed | None] = [None] * len(letters)
        fit = [number for number, (_, _, record) in enumerate(letters) if record.size <= LARGEST_RECORD]
        placed: list[Placed | None] = [None] * len(fit)
        # What Kafka refuses has no entry afterwards.
        with contextlib.suppress(RejectedError):
            await self._writer.produce([letters[number][2] for number in fit], placed)
        for number, place in zip(fit, placed, strict=True):
            places[number] = place
        now = time.time()
        noted = []
        for (journey, origin, record), found in zip(letters, places, strict=True):
            place = found or await self._write_at_last(journey, origin, record)
            noted.append(DeadLetter(journey, origin, now, place.partition, place.offset))
        self._journal.dead_lettered(noted)

    async def _write_at_last(self, journey: Journey, origin: str, record: Record) -> Placed:
        """Write a dead letter that failed together with others, retrying as often as necessary."""
        backoff, call = Backoff(first=1.0, longest=_REFUSED), object()
        try:
            while True:
                try:
                    place = await self._write_alone(journey, origin, record)
                except RejectedError as error:
                    self._journal.notes[_NOTE] = Phrase(
                        "no dead letter can be written into {topic}, so everything behind the next one stops and waits "
                        "where it is: {why} ({advice})",
                        topic=self.topic,
                        why=error.what,
                        advice=error.advice,
                    )
                    self._writer.refused(call, error)
                    await pause(backoff.pause())
                else:
                    self._journal.notes.pop(_NOTE, None)
                    return place
        finally:
            self._writer.taken(call)

    async def _write_alone(self, journey: Journey, origin: str, record: Record) -> Placed:
        """Write one dead letter: whole, or in parts of the largest size that Kafka accepts.

        Raises:
            RejectedError: Kafka refuses it in every size.
        """
        if record.size <= LARGEST_RECORD:
            with contextlib.suppress(TooLargeError):
                return (await self._writer.produce([record]))[0]
        while self._rooms:
            try:
                return await self._write_in_parts(journey, origin, self._rooms[0])
            except TooLargeError:
                del self._rooms[0]
        self._rooms.append(_ROOMS[-1])
        return (await self._writer.produce([dead_letter_record(self.topic, journey, origin, 0)]))[0]

    async def _write_in_parts(self, journey: Journey, origin: str, room: int) -> Placed:
        placed: list[Placed] = []
        for part in part_records(self.topic, journey, room):
            # Each separately, as Kafka limits the size of batches.
            place = (await self._writer.produce([part]))[0]
            while place.offset < 0:
                # It was written, but its offset is unknown as an answer was lost; so it is written once more.
                place = (await self._writer.produce([part]))[0]
            placed.append(place)
        return (await self._writer.produce([dead_letter_record(self.topic, journey, origin, room, placed)]))[0]
