"""Kafka has every record once, though it refuses records and producers are replaced."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import OutOfOrderSequenceNumber, UnknownTopicOrPartitionError

from bridge.errors import RejectedError
from bridge.journal import Journal
from bridge.kafka.producer import Placed, Producer, Record
from bridge.kafka.writer import Writer
from bridge.mqtt.publisher import Publisher
from bridge.route import Route, RouteKind
from tests.chain.lane import until
from tests.chain.test_ingest import connected, ingesting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.chain.lane import Lane

SMALL = 2_000
"""The most bytes of a batch that the narrow topic takes."""


@pytest.fixture
async def narrow(lane: Lane) -> str:
    """A topic with a lower limit than Kafka's default."""
    name = f"{lane.name}-narrow"
    admin = AIOKafkaAdminClient(bootstrap_servers=lane.stack.addresses.kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, 6, 1, topic_configs={"max.message.bytes": str(SMALL)})])
    finally:
        await admin.close()
    return name


@contextlib.asynccontextmanager
async def writing(lane: Lane) -> AsyncIterator[Writer]:
    writer = Writer(lane.settings().kafka, Journal(100))
    running = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await writer.stop(5)


def records(topic: str, count: int = 60) -> list[Record]:
    return [Record(topic, b"%d" % number, b"%d" % number, []) for number in range(count)]


async def values(lane: Lane, topic: str) -> list[int]:
    return sorted(int(record.value) for record in await lane.all_records(topic))


async def test_what_a_refusal_leaves_written_is_told_and_stands_once(lane: Lane, narrow: str) -> None:
    large = Record(narrow, b"0", os.urandom(2 * SMALL), [])
    placed: list[Placed | None] = [None] * 61
    async with writing(lane) as writer:
        with pytest.raises(RejectedError):
            await writer.produce([*records(narrow), large], placed)
    written = [number for number, place in enumerate(placed) if place is not None]
    assert 0 < len(written) < 60, "the batches of other partitions, and not those beside the large one"
    assert await values(lane, narrow) == written


async def test_a_new_producer_writes_what_the_old_one_did_not(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    send = Producer._send
    failed: list[int] = []

    async def fail_once(self: Producer, topic: str, partition: int, batch: Any) -> asyncio.Future[Any]:
        if partition == 2 and not failed:
            failed.append(partition)
            future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            future.set_exception(OutOfOrderSequenceNumber())
            return future
        return await send(self, topic, partition, batch)

    monkeypatch.setattr(Producer, "_send", fail_once)
    async with writing(lane) as writer:
        placed = await asyncio.wait_for(writer.produce(records(lane.stock)), 60)
    assert failed == [2]
    assert len({(place.partition, place.offset) for place in placed}) == 60
    assert await values(lane, lane.stock) == list(range(60))


async def test_where_a_batch_can_not_be_handed_over_those_before_it_are_awaited_and_stand_once(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Producer._send
    handed: list[int] = []

    async def fail_once(self: Producer, topic: str, partition: int, batch: Any) -> asyncio.Future[Any]:
        handed.append(partition)
        if len(handed) == 4:
            raise UnknownTopicOrPartitionError
        return await send(self, topic, partition, batch)

    monkeypatch.setattr(Producer, "_send", fail_once)
    async with writing(lane) as writer:
        placed = await asyncio.wait_for(writer.produce(records(lane.stock)), 60)
    assert len(handed) == 4 + 3, "the three that Kafka has are not handed over again"
    assert len({(place.partition, place.offset) for place in placed}) == 60
    assert await values(lane, lane.stock) == list(range(60))


async def test_one_message_that_kafka_refuses_is_buried_and_the_others_stand_once(lane: Lane, narrow: str) -> None:
    settings = msgspec.structs.replace(lane.settings(), routes=[Route(lane.mqtt_topic, narrow, RouteKind.MOVEMENT)])
    async with ingesting(settings) as journal:
        await connected(journal)
    async with Publisher(settings.mqtt) as publisher:
        for number in range(40):
            more = b',"why":"%s"' % os.urandom(SMALL).hex().encode() if number == 20 else b""
            await publisher.publish(lane.mqtt_topic, b'{"id":%d,"amount":1,"type":"IN"%s}' % (number + 1, more))
    async with ingesting(settings) as journal:
        await until(lambda: journal.produced.total == 39 and journal.rejected.total == 1)
    kept = [int(record.key) for record in await lane.all_records(narrow)]
    assert sorted(kept) == [number for number in range(1, 41) if number != 21]
    assert len(await lane.all_records(lane.errors)) == 1
