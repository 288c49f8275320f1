"""Dead letters: what can't be applied, kept in the errors topic with its reason, its bytes and where it came from.

The value is the course's, `{"error": "...", "message": "<the original text>"}`, so that its programs can read it. The
headers keep what that leaves out.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import msgspec

from bridge.errors import RejectedError
from bridge.identity import MOVEMENT_ID
from bridge.journal import DeadLetter
from bridge.kafka.headers import MQTT_DELIVERY, MQTT_RECEIVED_AT, MQTT_TOPIC
from bridge.kafka.producer import LARGEST_RECORD, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journal, Journey
    from bridge.kafka.producer import Placed
    from bridge.kafka.writer import Writer

__all__ = ["DeadLetters", "dead_letter_record", "origin_of"]

_KEPT: Final = (LARGEST_RECORD // 8, 4096, 0)
"""What is kept of a payload in bytes, and to what it is cut where Kafka refuses the letter as too large. It stands in
the letter twice, and as JSON text each byte can become six."""


def origin_of(journey: Journey) -> str:
    """Where a journey came from: `kafka stock/3@128`, or `mqtt topic` while Kafka does not have it."""
    if journey.offset >= 0:
        return f"kafka {journey.kafka_topic}/{journey.partition}@{journey.offset}"
    return f"mqtt {journey.mqtt_topic}"


def dead_letter_record(topic: str, journey: Journey, origin: str, keep: int = _KEPT[0]) -> Record:
    """Make the record that goes into the errors topic.

    Args:
        topic: the errors topic.
        journey: what can't be applied; its `rejection` says why.
        origin: where it came from.
        keep: how many bytes of the payload are kept.

    Returns:
        The record. A payload that is larger than what is kept is cut, and its size is in `payload-size`.
    """
    kept = journey.payload[:keep]
    error = str(journey.rejection.text) if journey.rejection else "it can't be applied"
    headers = [
        (MOVEMENT_ID, journey.movement_id.encode()),
        ("reason", (journey.rejection.reason if journey.rejection else "unknown").encode()),
        ("origin", origin.encode("utf-8", "replace")),
        ("payload", kept),
        ("payload-size", str(len(journey.payload)).encode()),
    ]
    if journey.mqtt_topic is not None:
        headers.append((MQTT_TOPIC, journey.mqtt_topic.encode("utf-8", "replace")))
    if journey.offset < 0 and journey.received_at is not None:
        # It comes straight from MQTT: the broker may send it again to the engine after this one.
        headers.append((MQTT_RECEIVED_AT, b"%d" % int(journey.received_at * 1000)))
        headers.append((MQTT_DELIVERY, journey.delivery.encode()))
    value = msgspec.json.encode({"error": error, "message": kept.decode("utf-8", "replace")})
    return Record(topic, None, value, headers)


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

    async def bury(self, journeys: Sequence[Journey]) -> None:
        """Write one letter for each journey; done once Kafka has them, however long that takes.

        Raises:
            RejectedError: Kafka refuses even a letter without its payload.
        """
        if not journeys:
            return
        origins = [origin_of(journey) for journey in journeys]
        records = [dead_letter_record(self.topic, *pair) for pair in zip(journeys, origins, strict=True)]
        places: list[Placed | None] = [None] * len(records)
        try:
            placed = await self._writer.produce(records, places)
        except RejectedError:
            placed = [
                place if place is not None else await self._bury_cut(journey, origin)
                for journey, origin, place in zip(journeys, origins, places, strict=True)
            ]
        now = time.time()
        self._journal.buried(
            [
                DeadLetter(journey, origin, now, place.partition, place.offset)
                for journey, origin, place in zip(journeys, origins, placed, strict=True)
            ]
        )

    async def _bury_cut(self, journey: Journey, origin: str) -> Placed:
        for keep in _KEPT[:-1]:
            try:
                return (await self._writer.produce([dead_letter_record(self.topic, journey, origin, keep)]))[0]
            except RejectedError:
                continue
        return (await self._writer.produce([dead_letter_record(self.topic, journey, origin, _KEPT[-1])]))[0]
