"""What the engine before this one had brought into Kafka when it was killed before it could acknowledge it.

The broker sends such messages again, with DUP and under the packet ids that they had. The end of our Kafka topics
says which of them are there already: by the publisher's identity, and where there is none by client id, packet id and
payload. So a kill at any moment puts a message into Kafka once.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from bridge.errors import SettingsError, UnreachableError
from bridge.identity import MOVEMENT_ID
from bridge.ingest.deliveries import Delivered, Deliveries
from bridge.ingest.delivery import Delivery
from bridge.kafka._private import stop_consumer
from bridge.kafka.connect import connect_options, connection_error
from bridge.kafka.headers import MQTT_DELIVERY, MQTT_RECEIVED_AT
from bridge.kafka.tail import read_tail
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.kafka.consumed import ConsumedRecord
    from bridge.settings import KafkaSettings, MqttSettings

__all__ = ["read_back", "unacknowledged"]

_MOST: Final = 30_000
"""How many of the latest deliveries count at most: fewer than half of the 65,535 packet ids, which a broker gives out
in turn."""


def unacknowledged(settings: MqttSettings) -> int:
    """How many messages a broker may hold for us without acknowledgement, with as many again to be sure.

    Only those can come again. Further back a packet id may be another message's, with the same payload: a broker that
    was killed goes on with the ids that it wrote down last. MQTT 3.1.1 leaves the number to the broker.
    """
    return min(_MOST, 2 * settings.in_flight) if settings.version == "5" else _MOST


async def read_back(settings: KafkaSettings, topics: Iterable[str], most: int) -> Deliveries:
    """Read the end of some topics.

    Args:
        settings: the cluster's.
        topics: those that ingest writes to; one that is not there holds nothing.
        most: how many records of each partition are read, and how many of the latest deliveries count; see
            `unacknowledged`.

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
                async for records in read_tail(consumer, topics, most)
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
    if not identity or MQTT_RECEIVED_AT not in headers:
        return None
    delivery = headers.get(MQTT_DELIVERY, b"").decode("utf-8", "replace")
    # A dead letter's value is the course's; the message's own bytes stand in a header.
    payload = headers.get("payload", record.value) or b""
    return Delivered(identity, Delivery.of(delivery), payload, record.topic, record.partition, record.offset)
