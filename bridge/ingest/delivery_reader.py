"""Which redelivered messages Kafka already has, written by an earlier engine or by another one.

The broker redelivers, with DUP and under the same packet ids, messages whose acknowledgement it does not have: because
an engine was killed before acknowledging them, or because the broker was killed and returned to its last saved state.
This engine remembers what it acknowledged itself; for the others, the end of our Kafka topics shows which messages are
there already, by client id, packet id and content. So each is written to Kafka once.

This holds for the last `recognised` deliveries of the session, whoever published them, and within the last 128 MB that
ingest wrote. Up to `mqtt.in_flight = 10000` that is 45,535 deliveries: nearly four minutes at 200 a second; our
Mosquitto saves every second and needs about two. Beyond it, and where Kafka no longer has the record (retention,
compaction, a deleted topic), the message counts as new: to take it for a known one could lose another message that now
has the packet id. The same holds for what a restored broker sends without DUP: it had not sent it when it saved its
queue, so it can't be told from another message with the same content. The one error in the other direction: the broker
is killed, then the engine before it has written its first new message to Kafka, and that message has the same content
as the one that had its packet id before. It is then taken for that one.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError

from bridge.errors import SettingsError, UnreachableError
from bridge.identity import MOVEMENT_ID
from bridge.ingest.dedup import PACKET_IDS, Delivered, Deliveries, Delivery, fingerprint
from bridge.kafka._private import stop_consumer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import connection_error, new_consumer
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
"""At least one of this many records of a partition is ours, where several engines write to it."""

_BYTES: Final = 128_000_000
"""How many bytes of records one reading fetches before it stops going further back."""


def recognised(settings: MqttSettings) -> int:
    """How many of a session's latest deliveries are recognised when they are redelivered.

    After 65,535 others a packet id belongs to another message, perhaps with the same payload, and the broker may have
    as many in flight to us as it allows unacknowledged. Mosquitto 2.0 does not hold strictly to `mqtt.in_flight`, and
    MQTT 3.1.1 leaves the number to the broker: 20,000 in the configuration of our Mosquitto.
    """
    return max(_LEAST, PACKET_IDS - max(_ON_THE_WAY, 2 * settings.in_flight))


class DeliveryReader:
    """Reads the end of the topics to which ingest writes, each time from where it stopped the time before.

    Args:
        settings: the engine's.
        client_id: of the session whose deliveries are looked for.
    """

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._kafka = settings.kafka
        self._client_id = client_id
        self._most = recognised(settings.mqtt)
        self._topics = [route.kafka for route in settings.routes if route.mqtt] + [settings.kafka.errors_topic]
        self._read: dict[Any, int] = {}

    async def read(self, run: str) -> Deliveries:
        """Read the deliveries written since the last reading.

        Args:
            run: of the engine that asks, see `bridge.ingest.dedup`.

        Returns:
            The latest deliveries among them.

        Raises:
            UnreachableError: Kafka does not answer in time; nothing may be concluded.
            RefusedError: a file named in the settings can't be read, or another cluster answers.
        """
        try:
            # Ingest writes outside of transactions. Its records behind another producer's open transaction count too;
            # to miss them would write them twice.
            consumer = new_consumer(self._kafka, auto_offset_reset="earliest", isolation_level="read_uncommitted")
        except SettingsError as error:
            raise await connection_error(self._kafka, error) from error
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
        """Read backwards from the end in growing steps, until all deliveries that count were read.

        Each record extends the deadline: a slow machine may need longer than that for all of them.
        """
        places = await assigned(consumer, self._topics)
        first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
        # A recreated topic ends before the offset at which the last reading stopped.
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
        """The deliveries of our session among these records."""
        came = (_delivered(record, is_dead_letter=record.topic == self._kafka.errors_topic) for record in records)
        return [
            one
            for one in came
            if one is not None and (one.delivery is None or one.delivery.client_id == self._client_id)
        ]


def _may_hide(deliveries: Deliveries, oldest: Delivered | None, most: int) -> bool:
    """Whether deliveries that count may precede the oldest one that was read of a partition."""
    return oldest is None or oldest.delivery is None or deliveries.age(oldest.delivery) < most


def _delivered(record: ConsumedRecord, *, is_dead_letter: bool) -> Delivered | None:
    headers = {name: content or b"" for name, content in record.headers}
    identity = headers.get(MOVEMENT_ID, b"").decode("utf-8", "replace")
    if not identity or MQTT_RECEIVED_AT not in headers:
        return None
    delivery = headers.get(MQTT_DELIVERY, b"").decode("utf-8", "replace")
    topic = headers.get(MQTT_TOPIC, b"").decode("utf-8", "replace")
    if is_dead_letter:
        # A dead letter's value is the course's format; the message's own bytes are in a header, perhaps truncated.
        size = headers.get("payload-size", b"")
        message = fingerprint(
            topic, headers.get("payload", b""), int(size) if size.isdigit() and len(size) < 18 else None
        )
    else:
        message = fingerprint(topic, record.value or b"")
    return Delivered(identity, Delivery.of(delivery), message, record.topic, record.partition, record.offset)
