"""From a Kafka record to its journey: the one that ingest began, or a new one for a record of another program. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.identity import MOVEMENT_ID, is_identity, record_identity
from bridge.journal import Journey
from bridge.kafka.headers import MQTT_DELIVERY, MQTT_RECEIVED_AT, MQTT_TOPIC
from bridge.movement import Reason, Rejection, read_movement
from bridge.phrase import Phrase
from bridge.route import Does

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.kafka.consumed import ConsumedRecord

__all__ = ["journey_of"]


def journey_of(record: ConsumedRecord, does: Does, known: Callable[[str], Sequence[Journey]]) -> Journey:
    """Find or make the journey of a record.

    Args:
        record: as it came from Kafka.
        does: what its route does with it.
        known: gives the journeys of a movement id that are remembered, in the order in which they came.

    Returns:
        Its journey; with a rejection where the route wants a movement and the value is none. The journal's own one
        only where it is this very record, as a publisher may use an id twice.
    """
    headers = _headers(record)
    identity = headers.pop(MOVEMENT_ID, "")
    if not is_identity(identity):
        identity = record_identity(record.topic, record.partition, record.offset, record.timestamp)
    payload = record.value if record.value is not None else b""
    # Of two that came under one id, the first that has no place yet: one key, one partition, one order.
    journey = next((one for one in known(identity) if _is_of(one, record, payload)), None)
    if journey is None:
        mqtt_topic = headers.pop(MQTT_TOPIC, None) or None
        headers.pop(MQTT_RECEIVED_AT, None)
        headers.pop(MQTT_DELIVERY, None)
        journey = Journey(identity, payload, mqtt_topic=mqtt_topic, properties=tuple(headers.items()))
        journey.key = record.key.decode("utf-8", "replace") if record.key is not None else None
    journey.kafka_topic, journey.partition, journey.offset = record.topic, record.partition, record.offset
    if journey.acknowledged_at is None:
        journey.acknowledged_at = record.timestamp / 1000
    if record.value is None:
        journey.rejection = Rejection(Reason.NOT_JSON, Phrase("the record has no value: it is a tombstone"))
    elif does is Does.MOVEMENT and journey.movement is None:
        judged = read_movement(payload)
        if isinstance(judged, Rejection):
            journey.rejection = judged
        else:
            journey.movement = judged
    return journey


def _is_of(journey: Journey, record: ConsumedRecord, payload: bytes) -> bool:
    if journey.payload != payload:
        return False
    # Kafka may give us a record before ingest has heard where it stands.
    return journey.offset < 0 or (journey.kafka_topic, journey.partition, journey.offset) == (
        record.topic,
        record.partition,
        record.offset,
    )


def _headers(record: ConsumedRecord) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in record.headers:
        headers.setdefault(name, (value or b"").decode("utf-8", "replace"))
    return headers
