"""Dead letters: what can't be applied, kept in the errors topic with its reason, its bytes and where it came from.

The value is the course's, `{"error": "...", "message": "<the original text>"}`, so that its programs can read it. The
headers keep what that leaves out:

- `payload`: the bytes, and `payload-size`, how many there were. Where a record is too small for them, these are the
  first, and `payload-rest` says where in the errors topic the others stand, in order: `0@17-19 0@22`, partition and
  offsets. Those records were written before; each has `part-of`, the letter's movement-id, and `payload-part`.
- `original-key` and `original-header.NAME`: the key of the record in Kafka, and its headers or the message's user
  properties; `original-headers-left-out` says how many did not find room.

The text in the value is whole as long as a record has room for it beside the bytes.
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
"""How many bytes of records are made and written at once: a round of large messages has several times its size as
letters."""

_ROOMS: Final = (800_000, 100_000, 20_000, 4_096, 1_000)
"""How many bytes of a payload go into a record of the parts of a letter: the next where Kafka refuses such records as
too large (`max.message.bytes`)."""

_TEXT: Final = 4_096
"""How many bytes of a payload stand as text in a letter whose record has no room for all of it."""

_REFUSED: Final = 15.0
"""Seconds to which the pause grows between two tries of a letter that Kafka refuses."""

_NOTE: Final = "letters"
"""The name under which the journal says that letters can't be written."""

_HEADERS: Final = 100_000
"""How many bytes of a letter the original's key and headers take at most."""


def origin_of(journey: Journey) -> str:
    """Where a journey came from: `kafka stock/3@128`, or `mqtt topic` while Kafka does not have it."""
    if journey.offset >= 0:
        return f"kafka {journey.kafka_topic}/{journey.partition}@{journey.offset}"
    return f"mqtt {journey.mqtt_topic}"


def dead_letter_record(
    topic: str, journey: Journey, origin: str, room: int | None = None, rest: Sequence[Placed] = ()
) -> Record:
    """Make the record that goes into the errors topic.

    Args:
        topic: the errors topic.
        journey: what can't be applied; its `rejection` says why.
        origin: where it came from.
        room: how many bytes of the payload it has; None for all.
        rest: where the others stand.

    Returns:
        The record; larger than a record may be where all of the payload does not fit into one.
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
        # It comes straight from MQTT: the broker may send it again to the engine after this one.
        headers.append((MQTT_RECEIVED_AT, b"%d" % int(journey.received_at * 1000)))
        headers.append((MQTT_DELIVERY, journey.delivery.encode()))
    headers += _originals(journey, _HEADERS if room is None else min(room, _HEADERS))
    record = Record(topic, None, _value(error, kept), headers)
    if room is not None or record.size > LARGEST_RECORD:
        # As JSON text each byte can become six.
        text = _TEXT if room is None else min(_TEXT, room // 8)
        record = Record(topic, None, _value(error, kept[:text]), headers)
    return record


def _places(rest: Sequence[Placed]) -> bytes:
    """Where records stand: those one after the other together, as there may be a thousand."""
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
    """The original's key and headers, as many as there is room for."""
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
    """Make the records of those bytes of a payload that its letter has no room for.

    Args:
        topic: the errors topic.
        journey: whose letter has the first `room` bytes.
        room: how many bytes each has at most.
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
        writer: what writes.
        journal: where they are noted.
    """

    def __init__(self, topic: str, writer: Writer, journal: Journal) -> None:
        self.topic = topic
        self._writer = writer
        self._journal = journal
        self._rooms = list(_ROOMS)
        """How large parts may be; without those that Kafka has refused."""

    async def bury(self, journeys: Sequence[Journey]) -> None:
        """Write one letter for each journey; done once Kafka has them, however long that takes.

        Where Kafka refuses even a letter without its payload this is told, and tried again until the topic of the
        errors is as it must be: what waits for its letter is neither acknowledged nor committed meanwhile.
        """
        letters: list[tuple[Journey, str, Record]] = []
        size = 0
        for journey in journeys:
            origin = origin_of(journey)
            record = dead_letter_record(self.topic, journey, origin)
            letters.append((journey, origin, record))
            size += record.size
            if size > _AT_ONCE:
                await self._bury(letters)
                letters, size = [], 0
        if letters:
            await self._bury(letters)

    async def _bury(self, letters: Sequence[tuple[Journey, str, Record]]) -> None:
        places: list[Placed | None] = [None] * len(letters)
        fit = [number for number, (_, _, record) in enumerate(letters) if record.size <= LARGEST_RECORD]
        placed: list[Placed | None] = [None] * len(fit)
        # What Kafka refuses has no place afterwards.
        with contextlib.suppress(RejectedError):
            await self._writer.produce([letters[number][2] for number in fit], placed)
        for number, place in zip(fit, placed, strict=True):
            places[number] = place
        now = time.time()
        noted = []
        for (journey, origin, record), found in zip(letters, places, strict=True):
            place = found or await self._bury_at_last(journey, origin, record)
            noted.append(DeadLetter(journey, origin, now, place.partition, place.offset))
        self._journal.buried(noted)

    async def _bury_at_last(self, journey: Journey, origin: str, record: Record) -> Placed:
        """Write a letter that did not go through with others, as often as it takes."""
        backoff, call = Backoff(first=1.0, longest=_REFUSED), object()
        try:
            while True:
                try:
                    place = await self._bury_alone(journey, origin, record)
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

    async def _bury_alone(self, journey: Journey, origin: str, record: Record) -> Placed:
        """Write a letter by itself: as it is, or in parts that are as small as they must.

        Raises:
            RejectedError: Kafka refuses it in every size.
        """
        if record.size <= LARGEST_RECORD:
            with contextlib.suppress(TooLargeError):
                return (await self._writer.produce([record]))[0]
        while self._rooms:
            try:
                return await self._bury_in_parts(journey, origin, self._rooms[0])
            except TooLargeError:
                del self._rooms[0]
        self._rooms.append(_ROOMS[-1])
        return (await self._writer.produce([dead_letter_record(self.topic, journey, origin, 0)]))[0]

    async def _bury_in_parts(self, journey: Journey, origin: str, room: int) -> Placed:
        placed: list[Placed] = []
        for part in part_records(self.topic, journey, room):
            # Each alone: Kafka's bound is one of batches.
            place = (await self._writer.produce([part]))[0]
            while place.offset < 0:
                # It is there, and Kafka does not say where, as an answer was lost; so it stands there once more.
                place = (await self._writer.produce([part]))[0]
            placed.append(place)
        return (await self._writer.produce([dead_letter_record(self.topic, journey, origin, room, placed)]))[0]
