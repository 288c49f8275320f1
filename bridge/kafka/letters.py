"""Reading the errors topic: the dead letters that stood there before this engine started, and those of other engines.

The consumer is in no group: reading them moves no one's position, and every engine sees them all.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from bridge.errors import SettingsError, UnreachableError
from bridge.identity import MOVEMENT_ID, is_identity, record_identity
from bridge.journal import DeadLetter, Journey, Verdict
from bridge.kafka._private import stop_consumer
from bridge.kafka.connect import connect_options
from bridge.kafka.headers import MQTT_TOPIC
from bridge.kafka.tail import read_on, read_tail
from bridge.movement import Movement, Reason, Rejection, read_movement
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from bridge.kafka.consumed import ConsumedRecord
    from bridge.settings import KafkaSettings

__all__ = ["LetterReader", "letter_of"]


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
        mqtt_topic=_text(headers, MQTT_TOPIC) or None,
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


class LetterReader:
    """Reads the errors topic, and from then on what is added to it, whoever writes it.

    Args:
        settings: the cluster's.
        most: how many letters one reading gives at most, 1 or more.
    """

    def __init__(self, settings: KafkaSettings, most: int) -> None:
        self._settings = settings
        self._most = most
        self._consumer: Any = None
        self._placed = False

    async def read(self) -> list[DeadLetter]:
        """Read the latest letters that stand there at this moment, later those that came since the last reading.

        Returns:
            The letters in the order of their time; none where the cluster has no such topic.

        Raises:
            UnreachableError: no broker answers, or not in time; the next reading begins anew.
        """
        settings = self._settings
        try:
            async with asyncio.timeout(settings.timeout):
                records = await self._records()
        except (KafkaError, OSError, TimeoutError, SettingsError) as error:
            await self.close()
            msg = Phrase("the dead letters can't be read: {error}", error=str(error) or type(error).__name__)
            raise UnreachableError("kafka", msg, Phrase("is Kafka running?")) from error
        return [letter_of(record) for record in sorted(records, key=lambda record: record.timestamp)[-self._most :]]

    async def close(self) -> None:
        """Disconnect; a reading after that begins anew."""
        consumer, self._consumer, self._placed = self._consumer, None, False
        if consumer is not None:
            await stop_consumer(consumer, 1.0)

    async def _records(self) -> list[ConsumedRecord]:
        settings = self._settings
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **connect_options(settings),
                client_id=settings.client_id,
                enable_auto_commit=False,
                # Also where the topic was made anew and is shorter than it was.
                auto_offset_reset="earliest",
                request_timeout_ms=int(settings.timeout * 1000),
                fetch_max_wait_ms=2_000,
                metadata_max_age_ms=30_000,
                retry_backoff_ms=250,
            )
            await self._consumer.start()
        batches = (
            read_on(self._consumer) if self._placed else read_tail(self._consumer, [settings.errors_topic], self._most)
        )
        found = [record async for records in batches for record in records]
        self._placed = bool(self._consumer.assignment())
        return found
