"""A Mosquitto with default settings, and what it queues for an engine that is away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiomqtt
import pytest

from bridge.mqtt.publisher import Publisher
from bridge.settings import MqttSettings
from tests.chain.brokers import running
from tests.chain.lane import until
from tests.chain.test_ingest import connected, ingesting

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local import LocalStack
    from tests.chain.lane import Lane

_MOVEMENT = b'{"id":1,"amount":1,"type":"IN"}'


@pytest.mark.parametrize("way", ["websockets", "tcp"])
async def test_all_that_a_broker_as_it_comes_has_queued_arrives_without_a_reconnect(
    lane: Lane, tmp_path: Path, way: str
) -> None:
    """Mosquitto's max_queued_messages is 1,000, and over websockets it counts the CONNACK with them."""
    async with running(tmp_path) as broker, Publisher(MqttSettings(url=broker.tcp), in_flight=200) as publisher:
        settings = lane.settings(mqtt={"url": getattr(broker, way)})
        async with ingesting(settings) as journal:
            await connected(journal)
        await asyncio.gather(*(publisher.publish(lane.mqtt_topic, _MOVEMENT, f"q-{n}") for n in range(1_000)))
        async with ingesting(settings) as journal:
            await until(lambda: journal.produced.total == 1_000, 20, "all that waited is in Kafka")
            # More than the queue holds, while the engine is there.
            await asyncio.gather(*(publisher.publish(lane.mqtt_topic, _MOVEMENT, f"l-{n}") for n in range(2_000)))
            await until(lambda: journal.produced.total == 3_000, 20, "what came since is")
            assert not any(journey.redelivered for journey in journal.mqtt.slice(0, 9_999))


async def test_all_that_was_queued_arrives_over_mqtt_3_as_well(lane: Lane, tmp_path: Path) -> None:
    """MQTT 3.1.1 can't ask for a bound; Mosquitto's own 20 holds, and all that waited arrives as well."""
    async with running(tmp_path) as broker, Publisher(MqttSettings(url=broker.tcp), in_flight=200) as publisher:
        settings = lane.settings(mqtt={"url": broker.websockets, "version": "3.1.1"})
        async with ingesting(settings) as journal:
            await connected(journal)
        await asyncio.gather(*(publisher.publish(lane.mqtt_topic, _MOVEMENT) for _ in range(1_000)))
        async with ingesting(settings) as journal:
            await until(lambda: journal.produced.total == 1_000, 20, "all that waited is in Kafka")


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_was_published_at_qos_0_while_the_engine_is_away_waits_in_our_broker(
    lane: Lane, stack: LocalStack, *, restarted: bool
) -> None:
    settings = lane.settings()
    async with ingesting(settings) as journal:
        await connected(journal)
    for protocol in (aiomqtt.ProtocolVersion.V311, aiomqtt.ProtocolVersion.V5):
        async with aiomqtt.Client("127.0.0.1", stack.ports.mqtt_tcp, protocol=protocol) as client:
            for number in range(20):
                await client.publish(lane.mqtt_topic, _MOVEMENT if number else b"no movement", qos=0)
    if restarted:
        await asyncio.to_thread(stack.stop_server, "mosquitto")
        await asyncio.to_thread(stack.start_server, "mosquitto")
    async with ingesting(settings) as journal:
        await until(lambda: journal.produced.total == 38 and journal.rejected.total == 2, 20, "what waited has come")


async def test_qos_0_messages_wait_while_kafka_is_away_as_others_do(lane: Lane, stack: LocalStack) -> None:
    settings = lane.settings(ingest={"pending": 10})
    async with ingesting(settings) as journal:
        await connected(journal)
        stack.pause_server("kafka")
        try:
            async with aiomqtt.Client("127.0.0.1", stack.ports.mqtt_tcp) as client:
                for _ in range(5_000):
                    await client.publish(lane.mqtt_topic, _MOVEMENT, qos=0)
        finally:
            stack.resume_server("kafka")
        await until(lambda: journal.produced.total == 5_000, 30, "all of them are in Kafka")
