"""The consumer on the real Kafka: records taken and not settled are never committed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import CommitFailedError
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from bridge.errors import ServerError
from bridge.kafka.consumer import Consumer
from bridge.kafka.fetching import PartitionShare

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.kafka.record import ConsumedRecord, Fetched
    from bridge.settings import Settings
    from tests.chain.lane import Lane


@asynccontextmanager
async def consuming(settings: Settings, topic: str) -> AsyncIterator[Consumer]:
    async def release() -> None: ...

    consumer = Consumer(settings.kafka, [topic], release)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop(2)


async def write(lane: Lane, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka)
    await producer.start()
    try:
        for number in range(count):
            await producer.send_and_wait(lane.stock, b"%d" % number, partition=0)
    finally:
        await producer.stop()


async def some(consumer: Consumer, lane: Lane, most: int = 10) -> Fetched:
    async with asyncio.timeout(60):
        while not (fetched := await consumer.poll(PartitionShare(frozenset({lane.stock})), most)).records:
            pass
    return fetched


def numbers(records: list[ConsumedRecord]) -> list[int]:
    return [int(record.value or b"-1") for record in records]


async def test_after_a_refused_commit_nothing_is_taken_or_committed_until_partitions_come_anew(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_offsets: object) -> NoReturn:
        raise CommitFailedError

    await write(lane, 40)
    settings = lane.settings()
    async with consuming(settings, lane.stock) as consumer:
        assert numbers((await some(consumer, lane)).records) == list(range(10))
        assert await consumer.commit({(lane.stock, 0): 5})
        with monkeypatch.context() as patch:
            patch.setattr(consumer._consumer, "commit", refuse)
            assert not await consumer.commit({(lane.stock, 0): 7})
        # Kafka still counts us in, so only our own word keeps this from skipping what was dropped.
        assert (await consumer.poll(PartitionShare(frozenset({lane.stock})), 10)).records == []
        assert not await consumer.commit({(lane.stock, 0): 30})
        consumer._consumer._coordinator.request_rejoin()
        assert numbers((await some(consumer, lane)).records)[0] == 5
        assert await consumer.commit({(lane.stock, 0): 15})
    async with consuming(settings, lane.stock) as consumer:
        assert numbers((await some(consumer, lane)).records)[0] == 15


async def test_kafka_takes_a_commit_from_outside_of_an_empty_group(lane: Lane) -> None:
    # Why a consumer that was expelled must not go on: nothing in Kafka would stop it.
    await write(lane, 40)
    settings = lane.settings()
    async with consuming(settings, lane.stock) as consumer:
        await some(consumer, lane)
        coordinator = consumer._consumer._coordinator
        await coordinator._maybe_leave_group()
        coordinator.request_rejoin = lambda: None
        coordinator.reset_generation()
        assert await consumer.commit({(lane.stock, 0): 30})
    async with consuming(settings, lane.stock) as consumer:
        assert numbers((await some(consumer, lane)).records)[0] == 30


async def test_a_record_that_no_one_can_decode_is_said_and_never_skipped(lane: Lane) -> None:
    class NoUtf8(str):
        __slots__ = ()

        def encode(self, *_: str) -> bytes:
            return b"\xff\xfe"

    producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka)
    await producer.start()
    batch = producer.create_batch()
    # The compiled builder encodes a header's name by itself, the one in Python asks the name.
    batch._builder = _DefaultRecordBatchBuilderPy(2, 0, 0, -1, -1, 0, 10_000)
    batch.append(timestamp=None, key=b"1", value=b"0", headers=[(NoUtf8("name"), b"")])
    await (await producer.send_batch(batch, lane.stock, partition=0))
    await producer.stop()
    await write(lane, 3)
    for _ in range(2):
        async with consuming(lane.settings(), lane.stock) as consumer:
            with pytest.raises(ServerError, match="can't be decoded"):
                await some(consumer, lane)


async def test_a_request_waits_shortly_while_there_is_a_backlog(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    # One request is under way to a broker at a time: one that waits for quiet partitions holds up a busy one.
    await write(lane, 25)
    # However long this machine takes for the lines below.
    monkeypatch.setattr("bridge.kafka.fetching._BACKLOG", 3600.0)
    async with consuming(lane.settings(), lane.stock) as consumer:
        fetcher = consumer._consumer._fetcher
        assert fetcher._fetch_max_wait_ms == 500
        consumer.put_down(await some(consumer, lane))
        assert fetcher._fetch_max_wait_ms == 20
        monkeypatch.setattr("bridge.kafka.fetching._BACKLOG", 0.0)
        while len((fetched := await some(consumer, lane)).records) == 10:
            consumer.put_down(fetched)
        consumer.put_down(fetched)
        await asyncio.sleep(0.1)
        assert (fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes) == (500, 1)


async def test_what_comes_while_a_batch_is_worked_on_is_the_next_one(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.kafka.fetching._LONGEST", 60.0)
    async with consuming(lane.settings(), lane.stock) as consumer:
        await write(lane, 1)
        first = await some(consumer, lane)
        consumer.put_down(first._replace(taken_at=first.taken_at - 15))
        await write(lane, 1)
        # Expected to take four and a half seconds, so that one request gathers for most of them.
        second = await some(consumer, lane)
        for _ in range(3):
            await write(lane, 1)
        consumer.put_down(second)
        assert len((await some(consumer, lane)).records) == 3
