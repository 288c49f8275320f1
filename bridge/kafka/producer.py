"""The producer: writes records in batches by partition, and waits until Kafka has them all."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    CorruptRecordException,
    InvalidTimestampError,
    KafkaError,
    KafkaTimeoutError,
    UnknownError,
    UnknownTopicOrPartitionError,
)
from aiokafka.partitioner import murmur2

from bridge.bounded import Computed
from bridge.errors import ServerError, SettingsError, TooLargeError, UnreachableError
from bridge.kafka._private import ask_again, stop_producer
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import connection_error, kafka_options
from bridge.kafka.refusal import missing_topic, refusal, topic_configs
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.settings import KafkaSettings

__all__ = ["LARGEST_RECORD", "Placed", "Producer", "Record"]

LARGEST_RECORD: Final = 1_000_000
"""The largest record in bytes, a little under what a Kafka broker accepts by default (`message.max.bytes`)."""

_BATCH: Final = 1_000_000


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record to write.

    Attributes:
        topic: the Kafka topic.
        key: records of one key stay in order in one partition; None distributes them.
        value: any bytes.
        headers: names and values.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]

    @property
    def size(self) -> int:
        """Its size in bytes, including the most that Kafka's format adds."""
        headers = sum(len(name) * 3 + len(value) + 10 for name, value in self.headers)
        return len(self.value) + len(self.key or b"") + headers + 100


class Placed(NamedTuple):
    """Where Kafka stored a record; the offset is -1 where Kafka has the record but does not say."""

    partition: int
    offset: int


class Producer:
    """An idempotent producer with acks=all: a record that it resends is in the topic once.

    A batch that Kafka has not acknowledged is never given up: that could lose it, or duplicate it if another producer
    resent it. Callers set their own timeout, and do not acknowledge the messages from which the records were made.

    Args:
        settings: the cluster's.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._cluster = Cluster(settings)
        self._producer: Any = None

    @property
    def refusal(self) -> ServerError | None:
        """The error for another cluster that answers instead of ours; None if none does."""
        return self._cluster.refusal

    async def start(self) -> None:
        """Connect.

        Raises:
            UnreachableError: no broker answers.
            RefusedError: the brokers' certificate, the user, the password or a file named in the settings is wrong, or
                another cluster answers.
        """
        try:
            producer = AIOKafkaProducer(
                **kafka_options(self._settings),
                client_id=self._settings.client_id,
                acks="all",
                enable_idempotence=True,
                linger_ms=0,
                max_batch_size=_BATCH,
                max_request_size=_BATCH + 48_000,
                request_timeout_ms=int(self._settings.timeout * 1000),
            )
        except SettingsError as error:
            raise await connection_error(self._settings, error) from error
        try:
            # It silently waits for a broker that it can't reach.
            async with asyncio.timeout(self._settings.timeout):
                await self._cluster.start(producer)
        except BaseException as error:
            await stop_producer(producer, 1.0)
            if isinstance(error, (KafkaError, OSError, asyncio.TimeoutError)):
                raise await connection_error(self._settings, error) from error
            raise
        self._producer = producer

    async def stop(self, deadline: float) -> None:
        """Disconnect; give up what Kafka has not acknowledged within `deadline` seconds."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        await stop_producer(producer, deadline)

    async def alive(self) -> None:
        """Check that the cluster answers, by requesting its metadata.

        Raises:
            UnreachableError: no broker answers in time, or none by the name that it advertises.
            RefusedError: it no longer admits us.
            ForeignServerError: another cluster answers.
        """
        try:
            async with asyncio.timeout(self._settings.timeout):
                updated = self._producer is not None and await self._producer.client.force_metadata_update()
                if self._producer is not None and not updated:
                    await ask_again(self._producer)
                    updated = await self._producer.client.force_metadata_update()
        except (KafkaError, OSError, TimeoutError) as error:
            self._cluster.check()
            raise await connection_error(self._settings, error) from error
        self._cluster.check()
        if not updated:
            raise await connection_error(self._settings, None)

    @property
    def brokers(self) -> int:
        """The number of brokers in the cluster, as far as it is known."""
        return 0 if self._producer is None else len(self._producer.client.cluster.brokers())

    async def produce(self, records: Sequence[Record], placed: list[Placed | None]) -> None:
        """Write those records that are not written yet, and wait until Kafka has them, however long it takes.

        Args:
            records: in order; each at most LARGEST_RECORD bytes.
            placed: where each record is, None while it is not written; filled in even where this raises: records with
                an entry must not be written again.

        Raises:
            UnreachableError: the producer is not connected, or a topic does not exist.
            RefusedError: Kafka accepts nothing in a topic until the user acts.
            RejectedError: Kafka refuses a record permanently; a TooLargeError where it is too large.
            ServerError: the producer can't continue; create another one.
        """
        if self._producer is None:
            raise self._unreachable(None)
        try:
            batches = await self._batches(records, placed)
            futures: list[asyncio.Future[Any]] = []
            failed: BaseException | None = None
            refused = ""
            for topic, partition, batch, _ in batches:
                try:
                    futures.append(await self._send(topic, partition, batch))
                except KafkaError as error:
                    # The batches before it are in flight; wait for their results before any is written again.
                    failed, refused = error, topic
                    break
            answers = await asyncio.gather(*futures, return_exceptions=True)
            for (topic, partition, _, members), answer in zip(batches, answers, strict=False):
                if isinstance(answer, BaseException):
                    if failed is None:
                        failed, refused = answer, topic
                    continue
                base = answer.offset
                for place, member in enumerate(members):
                    placed[member] = Placed(partition, base + place if base >= 0 else -1)
        except KafkaError as error:
            failed, refused = error, ", ".join(sorted({record.topic for record in records}))
        if isinstance(failed, UnknownTopicOrPartitionError):
            raise missing_topic(refused) from failed
        if isinstance(failed, KafkaError):
            raise await self._refusal(failed, refused) from failed
        if failed is not None:
            raise failed

    async def _refusal(self, error: KafkaError, topic: str) -> ServerError:
        settings = self._settings
        # Of records that are too large there may be many, and no topic setting explains more.
        asked = isinstance(error, InvalidTimestampError | UnknownError | CorruptRecordException)
        configs = await topic_configs(settings, [topic]) if asked else {}
        return refusal(error, topic, configs.get(topic, {}), settings.username)

    async def _batches(
        self, records: Sequence[Record], placed: Sequence[Placed | None]
    ) -> list[tuple[str, int, Any, list[int]]]:
        producer = self._producer
        partitions: dict[str, int] = {}
        spread = random.getrandbits(16)
        done: list[tuple[str, int, Any, list[int]]] = []
        open_batches: dict[tuple[str, int], tuple[Any, list[int]]] = {}
        for position, record in enumerate(records):
            if placed[position] is not None:
                continue
            topic, key, value, headers = record.topic, record.key, record.value, record.headers
            count = partitions.get(topic)
            if count is None:
                try:
                    count = partitions[topic] = len(await producer.partitions_for(topic))
                except UnknownTopicOrPartitionError as error:
                    raise missing_topic(topic) from error
            place = (topic, _hashed[key] % count if key is not None else spread % count)
            batch, members = open_batches.get(place) or (None, [])
            if batch is None or batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                if batch is not None:
                    done.append((*place, batch, members))
                batch, members = producer.create_batch(), []
                open_batches[place] = (batch, members)
                if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
                    raise TooLargeError("kafka", Phrase("a record of {size} bytes fits into no batch", size=len(value)))
            members.append(position)
        done.extend((topic, partition, batch, members) for (topic, partition), (batch, members) in open_batches.items())
        return done

    async def _send(self, topic: str, partition: int, batch: Any) -> asyncio.Future[Any]:
        while True:
            try:
                acknowledged: asyncio.Future[Any] = await self._producer.send_batch(batch, topic, partition=partition)
                # Nobody may await it: a waiter that is cancelled while a later batch is sent abandons it.
                acknowledged.add_done_callback(_look_at)
                return acknowledged
            except KafkaTimeoutError:
                # An earlier batch of that partition still waits for Kafka, and this one was not queued.
                continue

    def _unreachable(self, error: BaseException | None) -> UnreachableError:
        brokers = ", ".join(dict.fromkeys(self._settings.brokers))
        why = f": {error}" if error is not None and str(error) else ""
        return UnreachableError(
            "kafka",
            Phrase("no Kafka broker answers at {brokers}{why}", brokers=brokers, why=why),
            Phrase("is Kafka running there?"),
        )


def _look_at(acknowledged: asyncio.Future[Any]) -> None:
    if not acknowledged.cancelled():
        acknowledged.exception()


def _hash(key: bytes) -> int:
    # The same choice as Kafka's own clients, so that a product's records share a partition whoever writes them.
    hashed: int = murmur2(key) & 0x7FFF_FFFF
    return hashed


_hashed: Final[Computed[bytes, int]] = Computed(_hash, 65_536, 8_000_000)
