"""What Kafka has of messages that the broker sends again: those of an engine before this one, or of another one.

The broker sends again, with DUP and under the packet ids that they had, messages whose acknowledgement it does not
have: as an engine was killed before it could acknowledge them, or as the broker was killed itself and went back to what
it wrote down last. What this engine acknowledged it remembers; of the others the end of our Kafka topics says which are
there already, by client id, packet id and what they say. So each of them stands in Kafka once.

How long that holds: for as many deliveries of the session as `recognised` says, of whatever publishers, and in the
last 128 MB of what ingest wrote. Up to `mqtt.in_flight = 10000` that is 45,535 deliveries: nearly four minutes at 200 a
second; our Mosquitto writes every second and needs some two. Beyond it, and where Kafka no longer has the record
(retention, compaction, a deleted topic), the message counts as new: taking it for a known one could lose another that
has the packet id by now. So does what a broker that went back sends without DUP: it had not sent it when it wrote
down its queue, and then it can't be told from another message that says the same. The one error to the other side:
where the broker is killed and then the engine, before it has written the first new message into Kafka, and that message
says the same as the one that had its packet id before, it is taken for that one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from bridge.errors import SettingsError, UnreachableError
from bridge.identity import MOVEMENT_ID
from bridge.ingest.dedup import PACKET_IDS, Delivered, Deliveries, Delivery, fingerprint
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import connection_error, kafka_options
from bridge.kafka.record import MQTT_DELIVERY, MQTT_RECEIVED_AT, MQTT_TOPIC
from bridge.kafka.reread import assigned, read_ranges
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.kafka.record import ConsumedRecord
    from bridge.settings import MqttSettings, Settings

__all__ = ["DeliveryReader", "recognised"]

_LEAST: Final = 30_000
_ON_THE_WAY: Final = 20_000
_FIRST_LOOK: Final = 20
_FURTHER: Final = 8
_SHARED: Final = 4
"""Of so many records of a partition one at least is ours, where several engines write into it."""

_BYTES: Final = 128_000_000
"""How many bytes of records one reading takes, after which it looks no further back."""


def recognised(settings: MqttSettings) -> int:
    """How many of the latest deliveries of a session are recognised when the broker sends them again.

    After 65,535 others a packet id is another message's, with maybe the same payload, and a broker may have as many on
    the way to us as it may hold unacknowledged. Mosquitto 2.0 takes `mqtt.in_flight` lightly, and MQTT 3.1.1 leaves the
    number to the broker: 20,000 in our Mosquitto's files.
    """
    return max(_LEAST, PACKET_IDS - max(_ON_THE_WAY, 2 * settings.in_flight))


class DeliveryReader:
    """Reads what is at the end of the topics that ingest writes to, each time from where it ended the time before.

    Args:
        settings: the engine's.
        client_id: whose session's deliveries are looked for, as they name it.
    """

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._kafka = settings.kafka
        self._client_id = client_id
        self._most = recognised(settings.mqtt)
        self._topics = [route.kafka for route in settings.routes if route.mqtt] + [settings.kafka.errors_topic]
        self._read: dict[Any, int] = {}

    async def read(self, run: str) -> Deliveries:
        """Read.

        Args:
            run: of the engine that asks, see `bridge.ingest.dedup`.

        Returns:
            The latest deliveries that were written since the reading before.

        Raises:
            UnreachableError: Kafka does not answer in time; nothing may be concluded.
            RefusedError: a file of ours can't be read, or another cluster answers.
        """
        try:
            options = kafka_options(self._kafka)
        except SettingsError as error:
            raise await connection_error(self._kafka, error) from error
        consumer = AIOKafkaConsumer(
            **options,
            client_id=self._kafka.client_id,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # What ingest writes is in no transaction. Behind another producer's open one it counts all the same, and
            # not to find it there would write it once more.
            isolation_level="read_uncommitted",
            request_timeout_ms=int(self._kafka.timeout * 1000),
        )
        try:
            async with asyncio.timeout(self._kafka.timeout * 2) as deadline:
                await Cluster(self._kafka).start(consumer)
                return await self._latest(consumer, run, deadline)
        except (KafkaError, OSError, TimeoutError) as error:
            raise UnreachableError(
                "kafka", Phrase("the end of the topics can't be read back: {error}", error=repr(error))
            ) from error
        finally:
            with contextlib.suppress(KafkaError, OSError):
                await stop_consumer(consumer, 1.0)

    async def _latest(self, consumer: Any, run: str, deadline: asyncio.Timeout) -> Deliveries:
        """Read back from the end in growing steps, until all deliveries that count are among what was read.

        Records put the deadline off: on a slow machine there may be more than can be read within it.
        """
        places = await assigned(consumer, self._topics)
        first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        # A topic that was made again ends before where the last reading did.
        read = {place: offset for place, offset in self._read.items() if offset <= end.get(place, 0)}
        furthest = _SHARED * self._most
        least = {place: max(first[place], end[place] - furthest, read.get(place, 0)) for place in places}
        begun, oldest = dict(end), dict[Any, Delivered]()
        found: list[Delivered] = []
        step, count, size = _FIRST_LOOK, 0, 0
        deliveries = Deliveries([], self._most, run)
        while step > 0 and (
            ranges := {
                place: (max(least[place], begun[place] - step), begun[place])
                for place in places
                if begun[place] > least[place] and _may_hide(deliveries, oldest.get(place), self._most)
            }
        ):
            heads: dict[Any, Delivered] = {}
            async for place, records in read_ranges(consumer, ranges):
                count += len(records)
                size += sum(len(record.value or b"") for record in records)
                came = self._deliveries(records)
                found += came
                if came:
                    heads.setdefault(place, came[0])
                self._put_off(deadline)
            oldest |= heads
            begun |= {place: begin for place, (begin, _) in ranges.items()}
            deliveries = Deliveries(found, self._most, run)
            self._put_off(deadline)
            step = min(step * _FURTHER, (_BYTES - size) * max(1, count) // (max(1, size) * len(places)))
        self._read = end
        return deliveries

    def _put_off(self, deadline: asyncio.Timeout) -> None:
        deadline.reschedule(asyncio.get_running_loop().time() + self._kafka.timeout * 2)

    def _deliveries(self, records: Iterable[ConsumedRecord]) -> list[Delivered]:
        """What is of our session among records."""
        came = (_delivered(record, buried=record.topic == self._kafka.errors_topic) for record in records)
        return [
            one
            for one in came
            if one is not None and (one.delivery is None or one.delivery.client_id == self._client_id)
        ]


def _may_hide(deliveries: Deliveries, oldest: Delivered | None, most: int) -> bool:
    """Whether deliveries that count may stand before the oldest that was read of a partition."""
    return oldest is None or oldest.delivery is None or deliveries.age(oldest.delivery) < most


def _delivered(record: ConsumedRecord, *, buried: bool) -> Delivered | None:
    headers = {name: content or b"" for name, content in record.headers}
    identity = headers.get(MOVEMENT_ID, b"").decode("utf-8", "replace")
    if not identity or MQTT_RECEIVED_AT not in headers:
        return None
    delivery = headers.get(MQTT_DELIVERY, b"").decode("utf-8", "replace")
    topic = headers.get(MQTT_TOPIC, b"").decode("utf-8", "replace")
    if buried:
        # Its value is the course's; the message's own bytes stand in a header, and may be cut there.
        size = headers.get("payload-size", b"")
        message = fingerprint(
            topic, headers.get("payload", b""), int(size) if size.isdigit() and len(size) < 18 else None
        )
    else:
        message = fingerprint(topic, record.value or b"")
    return Delivered(identity, Delivery.of(delivery), message, record.topic, record.partition, record.offset)
