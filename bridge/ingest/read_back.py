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
    from collections.abc import Iterable, Iterator

    from bridge.journal import Journey
    from bridge.kafka.consumer import ConsumedRecord
    from bridge.settings import KafkaSettings, MqttSettings

__all__ = ["Delivered", "Deliveries", "read_back", "unacknowledged"]

_TAIL: Final = 10_000
"""How many records of each partition are read back: more than a session holds unacknowledged."""

_MOST: Final = 30_000
"""How many of the latest deliveries count at most: fewer than half of the 65,535 packet ids, which a broker gives out
in turn."""

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
        most: how many of the latest count; see `unacknowledged`.
    """

    def __init__(self, delivered: Iterable[Delivered] = (), most: int = _MOST) -> None:
        self._known = {(key, one.payload): one for one in _latest(list(delivered), most) for key in one.keys}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, journey: Journey) -> Delivered | None:
        """What Kafka has of a redelivered message, or None where it has nothing."""
        if not journey.redelivered:
            return None
        return self._known.get((journey.delivery or journey.movement_id, journey.payload))


def unacknowledged(settings: MqttSettings) -> int:
    """How many messages a broker may hold for us without acknowledgement, with as many again to be sure.

    Only those can come again. Further back a packet id may be another message's, with the same payload: a broker that
    was killed goes on with the ids that it wrote down last. MQTT 3.1.1 leaves the number to the broker.
    """
    return min(_MOST, 2 * settings.in_flight) if settings.version == "5" else _MOST


def _latest(delivered: list[Delivered], most: int) -> list[Delivered]:
    if len(delivered) <= most:
        return delivered
    partitions: dict[tuple[str, int], list[Delivered]] = {}
    for one in sorted(delivered, key=lambda one: one.offset):
        partitions.setdefault((one.topic, one.partition), []).append(one)
    timed = [pair for members in partitions.values() for pair in _onward(members)]
    timed.sort(key=lambda pair: pair[0])
    return [one for _, one in timed[-most:]]


def _onward(members: list[Delivered]) -> Iterator[tuple[int, Delivered]]:
    """Give each of a partition's deliveries a time that goes on where the clock was set back."""
    latest = shift = 0
    for one in members:
        at = one.received_at + shift
        if at < latest - _STEP:
            shift += latest - at
            at = latest
        latest = max(latest, at)
        yield at, one


async def read_back(settings: KafkaSettings, topics: Iterable[str], most: int) -> Deliveries:
    """Read the end of some topics.

    Args:
        settings: the cluster's.
        topics: those that ingest writes to; one that is not there holds nothing.
        most: how many of the latest deliveries count; see `unacknowledged`.

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
            return Deliveries(found, most)
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
