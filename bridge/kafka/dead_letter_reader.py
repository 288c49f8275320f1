"""Reading dead letters from the errors topic: those from before this engine's start, and those of other engines.

The consumer is in no group: it changes no committed offset, and every engine reads all dead letters.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from typing import TYPE_CHECKING, Any, Final

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from bridge.errors import ForeignServerError, SettingsError, UnreachableError
from bridge.identity import MOVEMENT_ID, is_identity, record_identity
from bridge.journal import DeadLetter, Journey, Verdict
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import new_consumer
from bridge.kafka.foreign_letter import Original, error_of, original_of
from bridge.kafka.record import (
    MQTT_TOPIC,
    ORIGINAL_HEADER,
    ORIGINAL_KEY,
    OURS,
    PART_OF,
    PAYLOAD,
    PAYLOAD_PART,
    PAYLOAD_REST,
    PAYLOAD_SIZE,
)
from bridge.kafka.reread import read_on, read_tail
from bridge.movement import Movement, Reason, Rejection, read_movement
from bridge.payload import trimmed
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bridge.kafka.record import ConsumedRecord
    from bridge.settings import KafkaSettings

__all__ = ["DeadLetterReader", "letter_of"]

_DIGITS: Final = 18
_PLACES: Final = re.compile(rb"([0-9]{1,9})@([0-9]{1,18})(?:-([0-9]{1,18}))?")

_FETCH: Final = 4 * 1_048_576
"""The size in bytes of one of Kafka's answers, which may exceed it by one record."""


_DELETED: Final = Phrase("Kafka has deleted it, or a part of it")
_HELD: Final = Phrase("a transaction of another program stands open before it, or the topic was made again")


class _Value(msgspec.Struct, gc=False):
    error: object = None
    message: object = None


_decode = msgspec.json.Decoder(_Value).decode


def letter_of(record: ConsumedRecord) -> DeadLetter:
    """Parse a record of the errors topic.

    Args:
        record: one of ours, or another program's: the course's have the value `{"error": "...", "message": "..."}` and
            no headers, see `bridge.kafka.foreign_letter`. Any other record is accepted as a dead letter too.

    Returns:
        The dead letter. Without a `movement-id` its identity is made from its topic, partition and offset.
    """
    headers: dict[str, bytes] = {}
    for name, content in record.headers:
        headers.setdefault(name, content or b"")
    error, original = _value(record.value or b"", ours=PAYLOAD in headers)
    foreign = dict(reversed(original.headers))
    identity = next(
        (name for name in (_text(headers, MOVEMENT_ID), _text(foreign, MOVEMENT_ID)) if is_identity(name)),
        record_identity(record.topic, record.partition, record.offset, record.timestamp),
    )
    payload = headers.get(PAYLOAD, original.payload)
    judged = read_movement(payload)
    size = _text(headers, PAYLOAD_SIZE)
    cut = max(0, int(size) - len(payload)) if size.isascii() and size.isdigit() and len(size) <= _DIGITS else 0
    try:
        reason = Reason(_text(headers, "reason"))
    except ValueError:
        reason = judged.reason if isinstance(judged, Rejection) else Reason.UNSTATED
    at = record.timestamp / 1000
    journey = Journey(
        identity,
        payload,
        mqtt_topic=_text(headers, MQTT_TOPIC) or _text(foreign, MQTT_TOPIC) or None,
        movement=judged if isinstance(judged, Movement) else None,
        rejection=Rejection(reason, error or _unsaid(judged), judged.product if isinstance(judged, Rejection) else ""),
        decided_at=at,
        verdict=Verdict.REJECTED,
        cut=cut,
        properties=tuple(
            (name.removeprefix(ORIGINAL_HEADER), (content or b"").decode("utf-8", "surrogateescape"))
            for name, content in record.headers
            if name.startswith(ORIGINAL_HEADER)
        )
        or tuple(
            (name, content.decode("utf-8", "surrogateescape")) for name, content in original.headers if name not in OURS
        ),
    )
    key = headers.get(ORIGINAL_KEY, original.key)
    if key is not None:
        journey.key = key.decode("utf-8", "surrogateescape")
    journey.weigh()
    origin = _text(headers, "origin") or ", ".join(filter(None, ("another program", original.origin)))
    return DeadLetter(journey, origin, at, record.partition, record.offset)


def _value(value: bytes, *, ours: bool) -> tuple[str, Original]:
    """The error and the message in a value; a value of any other form is itself the message."""
    try:
        found = _decode(trimmed(value))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", Original(value)
    if found.message is None and found.error is None:
        return "", Original(value) if ours else original_of(value)
    return error_of(found.error), Original(b"") if ours else original_of(found.message)


def _unsaid(judged: Movement | Rejection) -> str:
    """The reason shown for a dead letter that does not state one."""
    return judged.text if isinstance(judged, Rejection) else Phrase("the record does not say why")


def _places(text: bytes) -> Iterator[tuple[int, int]]:
    for partition, first, last in _PLACES.findall(text):
        for offset in range(int(first), int(last or first) + 1):
            yield int(partition), offset


def _text(headers: dict[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


class DeadLetterReader:
    """Reads the errors topic, then what is added to it, whoever writes it.

    Args:
        settings: the cluster's.
        most: the most dead letters returned by one reading, 1 or more.
    """

    def __init__(self, settings: KafkaSettings, most: int) -> None:
        self._settings = settings
        self._most = most
        self._cluster = Cluster(settings)
        self._consumer: Any = None
        self._placed = False

    async def read(self) -> list[DeadLetter]:
        """Read the latest dead letters; later calls return those added since the call before.

        Returns:
            The dead letters in the order of their time, large payloads truncated; none if the topic does not exist.

        Raises:
            UnreachableError: no broker answers in time, or one of another cluster; the next reading starts over.
        """
        try:
            letters = await self._read()
        except (KafkaError, OSError, TimeoutError, SettingsError, ForeignServerError) as error:
            await self.close()
            raise _unreadable(error) from error
        return sorted(letters, key=lambda letter: letter.at)[-self._most :]

    async def payload_of(self, letter: DeadLetter) -> bytes:
        """Read the whole payload of a dead letter; shorter than `letter.journey.size` if never all of it was received.

        Raises:
            UnreachableError: no broker answers in time, or one of another cluster, or Kafka has deleted the dead letter
                or a part of it.
        """
        settings = self._settings
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(settings.timeout) as limit:
                consumer = self._made()
                try:
                    await self._cluster.start(consumer)
                    record = await self._record(consumer, letter.partition, letter.offset)
                    parts = [letter_of(record).journey.payload]
                    rest = next((content for name, content in record.headers if name == PAYLOAD_REST), b"")
                    for partition, offset in _places(rest or b""):
                        limit.reschedule(clock() + settings.timeout)
                        part = dict((await self._record(consumer, partition, offset)).headers)
                        if part.get(PART_OF) != letter.journey.movement_id.encode():
                            raise _unreadable(_DELETED)
                        parts.append(part.get(PAYLOAD_PART) or b"")
                finally:
                    await stop_consumer(consumer, 1.0)
        except (KafkaError, OSError, TimeoutError, SettingsError, ForeignServerError) as error:
            raise _unreadable(error) from error
        return b"".join(parts)

    async def _record(self, consumer: Any, partition: int, offset: int) -> ConsumedRecord:
        place = TopicPartition(self._settings.errors_topic, partition)
        consumer.assign([place])
        first, end = await consumer.beginning_offsets([place]), await consumer.end_offsets([place])
        if offset < first[place]:
            raise _unreadable(_DELETED)
        if offset >= end[place]:
            raise _unreadable(_HELD)
        consumer.seek(place, offset)
        record: ConsumedRecord = await consumer.getone(place)
        if record.offset != offset:
            raise _unreadable(_DELETED)
        return record

    async def close(self) -> None:
        """Disconnect; a later reading starts over."""
        consumer, self._consumer, self._placed = self._consumer, None, False
        if consumer is not None:
            await stop_consumer(consumer, 1.0)

    async def _read(self) -> list[DeadLetter]:
        settings = self._settings
        clock = asyncio.get_running_loop().time
        partitions: dict[int, deque[DeadLetter]] = {}
        # The timeout is for each answer, as a topic of large dead letters takes longer in all.
        async with asyncio.timeout(settings.timeout) as limit:
            if self._consumer is None:
                self._consumer = self._made()
                await self._cluster.start(self._consumer)
            self._cluster.check()
            batches = (
                read_on(self._consumer)
                if self._placed
                else read_tail(self._consumer, [settings.errors_topic], self._most)
            )
            async for records in batches:
                limit.reschedule(clock() + settings.timeout)
                for record in records:
                    if any(name == PART_OF for name, _ in record.headers):
                        continue
                    letter = letter_of(record)
                    letter.journey.shorten()
                    partitions.setdefault(letter.partition, deque(maxlen=self._most)).append(letter)
            self._placed = bool(self._consumer.assignment())
        return [letter for letters in partitions.values() for letter in letters]

    def _made(self) -> Any:
        return new_consumer(
            self._settings,
            # Also for a recreated topic that is shorter.
            auto_offset_reset="earliest",
            fetch_max_wait_ms=2_000,
            fetch_max_bytes=_FETCH,
            metadata_max_age_ms=30_000,
            retry_backoff_ms=250,
        )


def _unreadable(error: BaseException | str) -> UnreachableError:
    why = error if isinstance(error, str) else str(error) or type(error).__name__
    return UnreachableError(
        "kafka", Phrase("the dead letters can't be read: {error}", error=why), Phrase("is Kafka running?")
    )
