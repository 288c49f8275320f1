"""Ingest on the real Mosquitto and the real Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from bridge.dead_letter import DeadLetters
from bridge.errors import UnreachableError
from bridge.ingest.ingest import Ingest
from bridge.journal import Journal, Server, State
from bridge.kafka.writer import Writer
from bridge.mqtt.publisher import Publisher
from bridge.mqtt.session import Session
from bridge.settings import MqttSettings
from stack.local import LocalStack
from stack.ports import random_ports
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.settings import Settings
    from tests.chain.lane import Lane


@contextlib.asynccontextmanager
async def ingesting(settings: Settings) -> AsyncIterator[Journal]:
    journal = Journal()
    writer = Writer(settings.kafka, journal)
    ingest = Ingest(settings, journal, writer, DeadLetters(settings.kafka.errors_topic, writer, journal))
    tasks = [asyncio.create_task(writer.run()), asyncio.create_task(ingest.run())]
    try:
        yield journal
        await asyncio.wait_for(ingest.drain(), 60)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await writer.stop(2)


def header(record: Any, name: str) -> bytes | None:
    return next((value for found, value in record.headers if found == name), None)


async def connected(journal: Journal) -> None:
    await until(
        lambda: all(journal.connections[server].state is State.UP for server in (Server.MQTT, Server.KAFKA)),
        what="MQTT and Kafka are up",
    )


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("version", ["5", "3.1.1"])
@pytest.mark.parametrize("reader", ["chunks", "packets"])
async def test_a_movement_reaches_kafka_as_it_came(lane: Lane, transport: str, version: str, reader: str) -> None:
    url = lane.stack.addresses.mqtt_ws if transport == "websockets" else lane.stack.addresses.mqtt_tcp
    settings = lane.settings(mqtt={"url": url, "version": version, "reader": reader})
    payload = b'{"id": "12" , "amount":"5","type":"IN","from":"door"}'
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        await publisher.publish(lane.mqtt_topic, payload, "move-1")
        await until(lambda: journal.produced.total == 1)
        journey = journal.kafka.get(0)
    (record,) = await lane.records(lane.stock, 1)
    assert record.value == payload
    assert record.key == b"12"
    assert header(record, "mqtt-topic") == lane.mqtt_topic.encode()
    assert abs(int(header(record, "mqtt-received-at") or 0) - record.timestamp) < 60_000
    if version == "5":
        assert header(record, "movement-id") == b"move-1"
    else:
        assert len(header(record, "movement-id") or b"") == 36
    assert journey is not None
    assert (journey.partition, journey.offset) == (record.partition, record.offset)


@pytest.mark.parametrize("reader", ["chunks", "packets"])
async def test_user_properties_become_headers(lane: Lane, reader: str) -> None:
    settings = lane.settings(mqtt={"reader": reader})
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("object", "scale 4"), ("movement-id", "abc"), ("mqtt-topic", "forged")]
    async with ingesting(settings) as journal:
        await connected(journal)
        async with aiomqtt.Client(
            "127.0.0.1", int(lane.stack.addresses.mqtt_tcp.rsplit(":", 1)[1]), protocol=aiomqtt.ProtocolVersion.V5
        ) as client:
            await client.publish(lane.mqtt_topic, b'{"id":1,"amount":1,"type":"IN"}', qos=1, properties=properties)
        await until(lambda: journal.produced.total == 1)
    (record,) = await lane.records(lane.stock, 1)
    assert header(record, "object") == b"scale 4"
    assert header(record, "movement-id") == b"abc"
    assert [value for name, value in record.headers if name == "mqtt-topic"] == [lane.mqtt_topic.encode()]


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("reader", ["chunks", "packets"])
async def test_either_reader_acknowledges_so_that_the_broker_goes_on(lane: Lane, transport: str, reader: str) -> None:
    url = lane.stack.addresses.mqtt_ws if transport == "websockets" else lane.stack.addresses.mqtt_tcp
    settings = lane.settings(mqtt={"url": url, "reader": reader, "in_flight": 7})
    sent = [b'{"id":%d,"amount":1,"type":"IN","pad":"%s"}' % (number, b"x" * number) for number in range(1, 301)]
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        await asyncio.gather(*(publisher.publish(lane.mqtt_topic, payload) for payload in sent))
        await until(lambda: journal.produced.total == len(sent))
    assert {record.value for record in await lane.records(lane.stock, len(sent))} == set(sent)


async def test_what_is_no_movement_becomes_a_dead_letter_with_its_bytes(lane: Lane) -> None:
    settings = lane.settings()
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        for payload in (b"Hello mqtt0", b'{"id":null,"amount":null,"type":"OUT"}', b"\xff\x00\x1b[31m"):
            await publisher.publish(lane.mqtt_topic, payload)
        await until(lambda: journal.rejected.total == 3)
        assert journal.produced.total == 0
        assert [letter.origin for letter in journal.errors.slice(0, 9)] == [f"mqtt {lane.mqtt_topic}"] * 3
    records = await lane.records(lane.errors, 3)
    assert json.loads(records[0].value)["message"] == "Hello mqtt0"
    assert json.loads(records[0].value)["error"] == "the payload is not JSON: it is the text 'Hello mqtt0'"
    assert [header(record, "reason") for record in records] == [b"not-json", b"no-product", b"not-utf-8"]
    assert header(records[2], "payload") == b"\xff\x00\x1b[31m"


async def test_what_was_sent_while_the_engine_was_away_arrives(lane: Lane) -> None:
    settings = lane.settings()
    async with ingesting(settings) as journal:
        await connected(journal)
    async with Publisher(settings.mqtt) as publisher:
        for number in range(50):
            await publisher.publish(lane.mqtt_topic, b'{"id":1,"amount":1,"type":"IN"}', f"away-{number}")
    async with ingesting(settings) as journal:
        await until(lambda: journal.produced.total == 50)
    records = await lane.records(lane.stock, 50)
    assert [header(record, "movement-id") for record in records] == [b"away-%d" % number for number in range(50)]


async def test_an_overload_stops_the_reading_and_loses_nothing(lane: Lane) -> None:
    settings = lane.settings(ingest={"pending": 10}, mqtt={"in_flight": 500})
    async with ingesting(settings) as journal, Publisher(settings.mqtt, in_flight=500) as publisher:
        await connected(journal)
        payload = b'{"id":1,"amount":1,"type":"IN"}'
        await asyncio.gather(*(publisher.publish(lane.mqtt_topic, payload, f"m-{n}") for n in range(2000)))
        await until(lambda: journal.produced.total == 2000)
    records = await lane.records(lane.stock, 2000)
    assert len({header(record, "movement-id") for record in records}) == 2000


async def test_a_message_is_acknowledged_only_after_kafka_has_it(lane: Lane, stack: LocalStack) -> None:
    settings = lane.settings()
    payload = b'{"id":1,"amount":1,"type":"IN"}'
    async with Publisher(settings.mqtt) as publisher:
        stack.pause_server("kafka")
        try:
            # An engine that ends while Kafka does not answer leaves its messages with the broker.
            with pytest.raises(asyncio.CancelledError):
                async with ingesting(settings) as journal:
                    await until(lambda: journal.connections[Server.MQTT].state is State.UP)
                    for number in range(5):
                        await publisher.publish(lane.mqtt_topic, payload, f"waits-{number}")
                    await until(lambda: journal.received.total == 5)
                    await asyncio.sleep(1)
                    assert journal.produced.total == 0
                    raise asyncio.CancelledError
        finally:
            stack.resume_server("kafka")
    async with ingesting(settings) as journal:
        await until(lambda: journal.produced.total == 5)
        assert all(journey.redelivered for journey in journal.mqtt.slice(0, 5))
    records = await lane.records(lane.stock, 5)
    assert {header(record, "movement-id") for record in records} == {b"waits-%d" % n for n in range(5)}


async def test_kafka_goes_and_comes_back_while_movements_come(lane: Lane, stack: LocalStack) -> None:
    settings = lane.settings()
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        for number in range(100):
            await publisher.publish(lane.mqtt_topic, b'{"id":%d,"amount":1,"type":"IN"}' % (number + 1), f"k-{number}")
            if number == 30:
                stack.kill_server("kafka")
            if number == 60:
                await asyncio.to_thread(stack.start_server, "kafka")
        await until(lambda: journal.produced.total == 100)
    records = await lane.records(lane.stock, 100)
    assert len(records) == 100
    assert len({header(record, "movement-id") for record in records}) == 100


async def test_the_broker_goes_and_comes_back(lane: Lane, stack: LocalStack) -> None:
    settings = lane.settings()
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        await publisher.publish(lane.mqtt_topic, b'{"id":1,"amount":1,"type":"IN"}')
        await until(lambda: journal.produced.total == 1)
        await asyncio.to_thread(stack.stop_server, "mosquitto")
        await until(lambda: journal.connections[Server.MQTT].state is State.DOWN)
        assert "is the broker running there" in journal.connections[Server.MQTT].advice
        await asyncio.to_thread(stack.start_server, "mosquitto")
        await until(lambda: journal.connections[Server.MQTT].state is State.UP)
        await publisher.publish(lane.mqtt_topic, b'{"id":1,"amount":1,"type":"IN"}')
        await until(lambda: journal.produced.total == 2)
    assert len(await lane.records(lane.stock, 2)) == 2


async def test_another_engine_with_the_same_client_id_starts_no_war(lane: Lane) -> None:
    settings = lane.settings()
    async with ingesting(settings) as first:
        await connected(first)
        async with ingesting(settings) as second:
            both = [first, second]

            def states() -> set[State]:
                return {journal.connections[Server.MQTT].state for journal in both}

            await until(lambda: states() == {State.REFUSED, State.UP}, what="one has the session, the other says so")
            (loser,) = [journal for journal in both if journal.connections[Server.MQTT].state is State.REFUSED]
            assert "mqtt.client_id" in loser.connections[Server.MQTT].advice


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x20\x00", b"\x81\x00", b""])
async def test_what_is_no_broker_is_said_at_once(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = MqttSettings(url=f"mqtt://127.0.0.1:{port}")
        with pytest.raises(UnreachableError, match="without websockets"):
            async with asyncio.timeout(3), Session(settings, ["topic"], lambda *_: None):
                pass


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
async def test_a_message_that_arrives_slowly_is_said_to_do_so(lane: Lane, tmp_path: Path, transport: str) -> None:
    """Mosquitto's own websockets listener, without the server of ours that stands before it elsewhere."""
    with LocalStack(tmp_path / "own", ports=random_ports(), servers=["mosquitto"], any_origin=True) as broker:
        await lane.make_topics()
        url = broker.addresses.mqtt_tcp if transport == "tcp" else broker.addresses.mqtt_ws
        async with ingesting(lane.settings(mqtt={"url": url})) as journal:
            await connected(journal)
            async with aiomqtt.Client("127.0.0.1", broker.ports.mqtt_tcp) as publisher:
                await publisher.publish(
                    lane.mqtt_topic, json.dumps({"id": 1, "amount": 1, "type": "IN", "x": "x" * 400_000}), qos=1
                )
            if transport == "websockets":
                await until(lambda: "of 400 kB so far" in str(journal.notes.get("arriving")), what="it is said")
            # It is too long for a movement, and a dead letter.
            await until(lambda: journal.rejected.total, 120, "it is in Kafka")
            await until(lambda: "arriving" not in journal.notes, 30, "nothing is said any more")
