"""What the engine before this one had brought into Kafka when it was killed before it could acknowledge it.

The broker sends such messages again, with DUP and under the packet ids that they had. The end of our Kafka topics
says which of them are there already: by the publisher's identity, and where there is none by client id, packet id and
payload. So a kill at any moment puts a message into Kafka once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final, NamedTuple

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from bridge.errors import SettingsError, UnreachableError
from bridge.identity import MOVEMENT_ID
from bridge.kafka._private import stop_consumer
from bridge.kafka.connect import connect_options, connection_error
from bridge.kafka.headers import MQTT_DELIVERY, MQTT_RECEIVED_AT
from bridge.kafka.tail import read_tail
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.journal import Journey
    from bridge.kafka.consumer import ConsumedRecord
    from bridge.settings import KafkaSettings

__all__ = ["Delivered", "Deliveries", "read_back"]

_TAIL: Final = 10_000
"""How many records of each partition are read back: more than a session holds unacknowledged."""

_REMEMBERED: Final = 30_000
"""How many of the latest deliveries count: fewer than half of the 65,535 packet ids, which a broker gives out in turn,
so that none of them has been given to a later message meanwhile."""

_STEP: Final = 10_000
"""By how many milliseconds times of one partition may go back before the clock counts as set back."""


class Delivered(NamedTuple):
    """A message that Kafka has.

    Attributes:
        keys: what it is recognised by: its identity, and its delivery where it has one.
        movement_id: the identity under which it stands there.
        payload: its bytes.
        received_at: when it came over MQTT, in milliseconds since the epoch.
        topic: where it stands.
        partition: where it stands.
        offset: where it stands.
    """

    keys: tuple[str, ...]
    movement_id: str
    payload: bytes
    received_at: int
    topic: str
    partition: int
    offset: int


class Deliveries:
    """The latest deliveries, to recognise a redelivery by.

    Args:
        delivered: what the end of the topics holds, in any order.
    """

    def __init__(self, delivered: Iterable[Delivered] = ()) -> None:
        self._known = {(key, one.payload): one for one in _latest(list(delivered)) for key in one.keys}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, journey: Journey) -> Delivered | None:
        """What Kafka has of a redelivered message, or None where it has nothing."""
        if not journey.redelivered:
            return None
        return self._known.get((journey.delivery or journey.movement_id, journey.payload))


def _latest(delivered: list[Delivered]) -> list[Delivered]:
    if len(delivered) <= _REMEMBERED:
        return delivered
    partitions: dict[tuple[str, int], list[Delivered]] = {}
    for one in sorted(delivered, key=lambda one: one.offset):
        partitions.setdefault((one.topic, one.partition), []).append(one)
    if not any(map(_goes_back, partitions.values())):
        return sorted(delivered, key=lambda one: one.received_at)[-_REMEMBERED:]
    # By their times the newest would be the oldest: the end of each partition instead, as much of each.
    share = _REMEMBERED // len(partitions)
    return [one for members in partitions.values() for one in members[-share:]]


def _goes_back(members: list[Delivered]) -> bool:
    latest = 0
    for one in members:
        if one.received_at < latest - _STEP:
            return True
        latest = max(latest, one.received_at)
    return False


async def read_back(settings: KafkaSettings, topics: Iterable[str]) -> Deliveries:
    """Read the end of some topics.

    Args:
        settings: the cluster's.
        topics: those that ingest writes to; one that is not there holds nothing.

    Raises:
        UnreachableError: Kafka does not answer in time; nothing may be concluded.
        RefusedError: a file of ours can't be read.
    """
    try:
        options = connect_options(settings)
    except SettingsError as error:
        raise await connection_error(settings, error) from error
    consumer = AIOKafkaConsumer(
        **options,
        client_id=settings.client_id,
        enable_auto_commit=False,
        request_timeout_ms=int(settings.timeout * 1000),
    )
    try:
        async with asyncio.timeout(settings.timeout * 2):
            await consumer.start()
            found = [
                one
                async for records in read_tail(consumer, topics, _TAIL)
                for record in records
                if (one := _delivered(record)) is not None
            ]
            return Deliveries(found)
    except (KafkaError, OSError, TimeoutError) as error:
        raise UnreachableError(
            "kafka", Phrase("the end of the topics can't be read back: {error}", error=repr(error))
        ) from error
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await stop_consumer(consumer, 1.0)


def _delivered(record: ConsumedRecord) -> Delivered | None:
    headers = {name: content or b"" for name, content in record.headers}
    identity = headers.get(MOVEMENT_ID, b"").decode("utf-8", "replace")
    received_at = headers.get(MQTT_RECEIVED_AT, b"")
    if not identity or not received_at.isdigit():
        return None
    delivery = headers.get(MQTT_DELIVERY, b"").decode("utf-8", "replace")
    # A dead letter's value is the course's; the message's own bytes stand in a header.
    payload = headers.get("payload", record.value) or b""
    keys = (identity, delivery) if delivery else (identity,)
    return Delivered(keys, identity, payload, int(received_at), record.topic, record.partition, record.offset)
