"""An engine ends between Kafka's acknowledgement and its own: the next one recognises what Kafka has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

from bridge.ingest.in_flight import InFlight
from bridge.mqtt.publisher import Publisher
from tests.chain.lane import until
from tests.chain.test_ingest import connected, ingesting

if TYPE_CHECKING:
    from tests.chain.lane import Lane


@pytest.mark.parametrize("named", [False, True])
async def test_what_kafka_has_is_not_produced_again(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, *, named: bool
) -> None:
    settings = lane.settings()
    async with Publisher(settings.mqtt) as publisher:
        with monkeypatch.context() as patch:
            # The acknowledgements never leave, as where the engine is killed before they could.
            patch.setattr(InFlight, "settle", lambda *_: None)
            async with ingesting(settings) as journal:
                await connected(journal)
                for number in range(40):
                    payload = b"no movement" if number % 10 == 9 else b'{"id":%d,"amount":1,"type":"IN"}' % (number + 1)
                    await publisher.publish(lane.mqtt_topic, payload, f"{lane.name}-{number}" if named else None)
                await until(lambda: journal.produced.total == 36 and journal.rejected.total == 4)
        async with ingesting(settings) as journal:
            await until(lambda: journal.received.total == 40)
            await publisher.publish(lane.mqtt_topic, b'{"id":99,"amount":1,"type":"IN"}')
            await until(lambda: journal.produced.total == 1)
            assert journal.rejected.total == 0
    assert len(await lane.all_records(lane.stock)) == 37
    assert len(await lane.all_records(lane.errors)) == 4


async def test_partitions_added_later_are_read_back_as_well(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = lane.settings()

    async def send(publisher: Publisher, numbers: range) -> None:
        for number in numbers:
            await publisher.publish(lane.mqtt_topic, b'{"id":%d,"amount":1,"type":"IN"}' % (number + 1))

    async with Publisher(settings.mqtt) as publisher:
        with monkeypatch.context() as patch:
            patch.setattr(InFlight, "settle", lambda *_: None)
            async with ingesting(settings) as journal:
                await connected(journal)
                await send(publisher, range(40))
                await until(lambda: journal.produced.total == 40)
        await add_partitions(lane, 12)
        # The keys of those that come again belong to other partitions now, and of the next ones some to new ones.
        with monkeypatch.context() as patch:
            patch.setattr(InFlight, "settle", lambda *_: None)
            async with ingesting(settings) as journal:
                await until(lambda: journal.received.total == 40)
                await send(publisher, range(40, 80))
                await until(lambda: journal.produced.total == 40)
        async with ingesting(settings) as journal:
            await until(lambda: journal.received.total == 80)
            await send(publisher, range(80, 81))
            await until(lambda: journal.produced.total == 1)
    records = await lane.all_records(lane.stock)
    assert sorted(int(record.key) for record in records) == list(range(1, 82))
    assert {record.partition for record in records} > set(range(6))


async def add_partitions(lane: Lane, count: int) -> None:
    """Add partitions to the stock topic, and wait until the cluster reports them."""
    admin = AIOKafkaAdminClient(bootstrap_servers=lane.stack.addresses.kafka)
    await admin.start()
    try:
        await admin.create_partitions({lane.stock: NewPartitions(count)})
        async with asyncio.timeout(60):
            # Kafka has no event for it.
            while len((await admin.describe_topics([lane.stock]))[0]["partitions"]) != count:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    finally:
        await admin.close()
