"""Reading the errors topic from its end backwards: the dead letters that stood there before this engine started.

The consumer is in no group: reading them moves no one's position, and every engine sees them all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from bridge.errors import UnreachableError
from bridge.identity import MOVEMENT_ID, is_identity, record_identity
from bridge.journal import DeadLetter, Journey, Verdict
from bridge.kafka._private import stop_consumer
from bridge.movement import Movement, Reason, Rejection, read_movement

if TYPE_CHECKING:
    from bridge.kafka.consumer import ConsumedRecord
    from bridge.settings import KafkaSettings

__all__ = ["letter_of", "read_letters"]

_POLL: Final = 500
"""Milliseconds that one look for records lasts at most."""

_LOOK: Final = 0.02


class _Value(msgspec.Struct, gc=False):
    error: object = None
    message: object = None


_decode = msgspec.json.Decoder(_Value).decode


def letter_of(record: ConsumedRecord) -> DeadLetter:
    """Read a record of the errors topic.

    Args:
        record: one of ours, or one that another program wrote: the course's have the value
            `{"error": "...", "message": "..."}` and no headers. Whatever else it is, it is a letter.

    Returns:
        The letter. Without a `movement-id` its identity is the place where it stands.
    """
    headers: dict[str, bytes] = {}
    for name, content in record.headers:
        headers.setdefault(name, content or b"")
    error, message = _value(record.value or b"")
    identity = _text(headers, MOVEMENT_ID)
    if not is_identity(identity):
        identity = record_identity(record.topic, record.partition, record.offset, record.timestamp)
    payload = headers.get("payload", message)
    judged = read_movement(payload)
    try:
        reason = Reason(_text(headers, "reason"))
    except ValueError:
        reason = judged.reason if isinstance(judged, Rejection) else Reason.UNSTATED
    at = record.timestamp / 1000
    journey = Journey(
        identity,
        payload,
        mqtt_topic=_text(headers, "mqtt-topic") or None,
        movement=judged if isinstance(judged, Movement) else None,
        rejection=Rejection(reason, error or "the record does not say why"),
        decided_at=at,
        verdict=Verdict.REJECTED,
    )
    origin = _text(headers, "origin") or "another program"
    return DeadLetter(journey, origin, at, record.partition, record.offset)


def _value(value: bytes) -> tuple[str, bytes]:
    """The error and the message of a value; what is no such value is the message itself."""
    try:
        found = _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", value
    if found.message is None and found.error is None:
        return "", value
    error = found.error if isinstance(found.error, str) else "" if found.error is None else str(found.error)
    if isinstance(found.message, str):
        return error, found.message.encode("utf-8", "surrogatepass")
    return error, b"" if found.message is None else msgspec.json.encode(found.message)


def _text(headers: dict[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


async def read_letters(settings: KafkaSettings, most: int) -> list[DeadLetter]:
    """Read the latest letters that stand in the errors topic at this moment.

    Args:
        settings: the cluster's.
        most: how many of each partition at most, 1 or more.

    Returns:
        The letters in the order of their time, at most `most`; none where the cluster has no such topic.

    Raises:
        UnreachableError: no broker answers, or not in time.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.brokers,
        client_id=settings.client_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        request_timeout_ms=int(settings.timeout * 1000),
        retry_backoff_ms=250,
    )
    try:
        async with asyncio.timeout(settings.timeout):
            await consumer.start()
            records = await _read(consumer, settings.errors_topic, most)
    except (KafkaError, OSError, TimeoutError) as error:
        msg = f"the dead letters can't be read: {error or type(error).__name__}"
        raise UnreachableError("kafka", msg, "is Kafka running?") from error
    finally:
        await stop_consumer(consumer, 1.0)
    return [letter_of(record) for record in sorted(records, key=lambda record: record.timestamp)[-most:]]


async def _read(consumer: Any, topic: str, most: int) -> list[ConsumedRecord]:
    if topic not in await consumer.topics():
        return []
    consumer.subscribe([topic])
    # Without a group the consumer assigns itself every partition, once it has the topic's metadata.
    while not (places := sorted(consumer.assignment())):  # noqa: ASYNC110 - aiokafka has no event for it
        await asyncio.sleep(_LOOK)
    first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    for place in places:
        consumer.seek(place, max(first[place], end[place] - most))
    found: list[ConsumedRecord] = []
    # By position and not by count: a compacted topic has gaps.
    while unread := [place for place in places if await consumer.position(place) < end[place]]:
        for records in (await consumer.getmany(*unread, timeout_ms=_POLL)).values():
            found += records
    return found
