"""Mistakes of the course's own connector that ours does not make: lines 1 to 3, each test named after its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.journal import Server, State
from bridge.mqtt.publisher import Publisher
from bridge.settings.load import load_settings
from tests.chain.engine import engine
from tests.chain.lane import until

if TYPE_CHECKING:
    from tests.chain.lane import Lane


async def test_1_what_is_sent_while_the_connector_is_down_is_not_lost(lane: Lane) -> None:
    settings = lane.settings(apply={"enabled": False})
    async with engine(settings, wait=False) as chain:
        await until(lambda: chain.journal.connections[Server.MQTT].state is State.UP)
    async with Publisher(settings.mqtt) as publisher:
        for number in range(20):
            await publisher.publish(lane.mqtt_topic, b'{"id":%d,"amount":1,"type":"IN"}' % (number + 1))
    async with engine(settings, wait=False) as chain:
        await until(lambda: chain.journal.produced.total == 20)
    assert len(await lane.records(lane.stock, 20)) == 20


async def test_2_kafka_topic_and_mqtt_topic_set_one_side_each(lane: Lane) -> None:
    stack = lane.stack.addresses
    settings = load_settings(
        None,
        {
            "BROKER_1": stack.kafka,
            "BROKER_2": stack.kafka,
            "BROKER_3": stack.kafka,
            "MQTT_ENDPOINT": stack.mqtt_ws,
            "KAFKA_TOPIC": lane.stock,
            "MQTT_TOPIC": lane.mqtt_topic,
            "OPSCI_MQTT_CLIENT_ID": lane.name,
            "OPSCI_KAFKA_ERRORS_TOPIC": lane.errors,
            "OPSCI_APPLY_ENABLED": "false",
        },
        {},
    )
    payload = b'{"id":5,"amount":1,"type":"IN"}'
    async with engine(settings, wait=False) as chain, Publisher(settings.mqtt) as publisher:
        await until(lambda: chain.journal.connections[Server.MQTT].state is State.UP)
        await publisher.publish(lane.mqtt_topic, payload)
        await until(lambda: chain.journal.produced.total == 1)
    assert [record.value for record in await lane.records(lane.stock, 1)] == [payload]


async def test_3_the_key_is_the_product_so_that_all_partitions_work(lane: Lane) -> None:
    settings = lane.settings(apply={"enabled": False})
    async with engine(settings, wait=False) as chain, Publisher(settings.mqtt) as publisher:
        await until(lambda: chain.journal.connections[Server.MQTT].state is State.UP)
        for product in range(1, 61):
            await publisher.publish(lane.mqtt_topic, b'{"id":%d,"amount":1,"type":"IN"}' % product)
            await publisher.publish(lane.mqtt_topic, b'{"id":"%d","amount":"2","type":"OUT"}' % product)
        await until(lambda: chain.journal.produced.total == 120)
    records = await lane.records(lane.stock, 120)
    assert {record.partition for record in records} == set(range(6))
    by_key: dict[bytes, list[bytes]] = {}
    for record in records:
        by_key.setdefault(record.key, []).append(record.value)
    assert len(by_key) == 60
    assert all([b'"IN"' in first, b'"OUT"' in second] == [True, True] for first, second in by_key.values())
