"""Existing dead letters in the real Kafka: ours, the course's, and anything else in the errors topic."""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic, RecordsToDelete

from bridge.dead_letter import DeadLetters, dead_letter_record
from bridge.errors import UnreachableError
from bridge.journal import DeadLetter, Journal, Journey
from bridge.journal.journey import KEPT
from bridge.kafka.dead_letter_reader import DeadLetterReader
from bridge.kafka.writer import Writer
from bridge.movement import Reason, Rejection
from tests.chain.engine import engine
from tests.chain.lane import Lane, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.settings import KafkaSettings
    from stack.local import LocalStack

PAYLOAD = b'{"id":12,"amount":5,"type":"OUT"}'


@pytest.fixture
async def lane(stack: LocalStack) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    return made


async def write(lane: Lane, *records: tuple[bytes | None, list[tuple[str, bytes]]]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=lane.stack.addresses.kafka)
    await producer.start()
    try:
        for value, headers in records:
            await producer.send_and_wait(lane.errors, value, headers=headers)
    finally:
        await producer.stop()


async def read_letters(settings: KafkaSettings, most: int) -> list[DeadLetter]:
    reader = DeadLetterReader(settings, most)
    try:
        return await reader.read()
    finally:
        await reader.close()


async def test_letters_of_all_programs_are_read(lane: Lane) -> None:
    journey = Journey("ours-1", PAYLOAD, mqtt_topic="topic")
    journey.rejection = Rejection(Reason.INSUFFICIENT_STOCK, "2 in stock, 5 to take")
    ours = dead_letter_record(lane.errors, journey, "kafka stock/3@128")
    course = msgspec.json.encode({"error": "Request failed with status code 404", "message": PAYLOAD.decode()})
    nested = msgspec.json.encode({"error": {"code": 4}, "message": {"id": 12}})
    await write(lane, (ours.value, list(ours.headers)), (course, []), (nested, []), (b"\xff\x00", []))
    letters = await read_letters(lane.settings().kafka, 100)
    assert [letter.offset for letter in letters] == [0, 1, 2, 3]
    first, second, third, fourth = letters
    assert (first.journey.movement_id, first.origin, first.journey.payload) == ("ours-1", "kafka stock/3@128", PAYLOAD)
    assert first.journey.rejection == journey.rejection
    assert first.journey.mqtt_topic == "topic"
    assert second.journey.rejection == Rejection(Reason.UNSTATED, "Request failed with status code 404")
    assert second.journey.payload == PAYLOAD
    assert second.journey.movement is not None
    assert second.origin == "another program"
    assert third.journey.payload == b'{"id":12}'
    assert fourth.journey.payload == b"\xff\x00"
    assert fourth.journey.rejection is not None
    assert fourth.journey.rejection.reason is Reason.NOT_UTF8
    assert len({letter.journey.movement_id for letter in letters}) == 4
    assert [letter.journey.movement_id for letter in await read_letters(lane.settings().kafka, 100)] == [
        letter.journey.movement_id for letter in letters
    ]


async def test_the_latest_are_read_where_there_are_more(lane: Lane) -> None:
    await write(lane, *((b'{"error":"x","message":"%d"}' % number, []) for number in range(30)))
    letters = await read_letters(lane.settings().kafka, 7)
    assert [letter.journey.payload for letter in letters] == [b"%d" % number for number in range(23, 30)]


async def test_no_topic_has_no_letters(stack: LocalStack) -> None:
    assert await read_letters(Lane(stack).settings().kafka, 10) == []


async def test_an_absent_kafka_is_said(stack: LocalStack) -> None:
    settings = Lane(stack).settings(kafka={"brokers": ["127.0.0.1:1"], "timeout": 1}).kafka
    with pytest.raises(UnreachableError, match="dead letters"):
        await read_letters(settings, 10)


async def test_a_later_reading_gives_what_came_since(lane: Lane) -> None:
    await write(lane, (b'{"error":"x","message":"1"}', []), (b'{"error":"x","message":"2"}', []))
    reader = DeadLetterReader(lane.settings().kafka, 100)
    try:
        assert len(await reader.read()) == 2
        assert await reader.read() == []
        await write(lane, (b'{"error":"x","message":"3"}', []))
        assert [letter.journey.payload for letter in await reader.read()] == [b"3"]
        assert await reader.read() == []
    finally:
        await reader.close()


async def test_a_topic_that_is_made_later_is_read(stack: LocalStack) -> None:
    made = Lane(stack)
    reader = DeadLetterReader(made.settings().kafka, 10)
    try:
        assert await reader.read() == []
        await made.make_topics()
        await write(made, (b'{"error":"x","message":"1"}', []))
        assert [letter.journey.payload for letter in await reader.read()] == [b"1"]
    finally:
        await reader.close()


@contextlib.asynccontextmanager
async def burying(settings: KafkaSettings) -> AsyncIterator[DeadLetters]:
    journal = Journal()
    writer = Writer(settings, journal)
    task = asyncio.create_task(writer.run())
    try:
        yield DeadLetters(settings.errors_topic, writer, journal)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await writer.stop(2)


def around(*bounds: int) -> list[int]:
    return [bound + more for bound in bounds for more in (-1, 0, 1)]


@pytest.mark.parametrize("largest", [None, 100_000, 6_000])
async def test_letters_of_any_size_are_kept_whole_and_come_back(lane: Lane, largest: int | None) -> None:
    settings = lane.settings(kafka={"errors_topic": f"{lane.name}.large"}).kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=lane.stack.addresses.kafka)
    await admin.start()
    limits = {} if largest is None else {"max.message.bytes": str(largest)}
    await admin.create_topics([NewTopic(settings.errors_topic, 2, 1, topic_configs=limits)])
    await admin.close()
    sizes = around(KEPT, 125_000, 500_000, 800_000, 1_000_000) if largest is None else [10, *around(5_000, 99_999)]
    payloads = [os.urandom(size) for size in sizes]
    # What becomes six bytes each as JSON, and what is no text.
    payloads += [b"\x00" * sizes[-1], b"\xff" * sizes[-2], "\U0001f4a1".encode() * 1_000]
    journeys = [Journey(f"{lane.name}-{number}", payload) for number, payload in enumerate(payloads)]
    for journey in journeys:
        journey.rejection = Rejection(Reason.TOO_LONG, "it is too long")
        journey.kafka_topic, journey.partition, journey.offset = "stock", 3, 128
        journey.key, journey.properties = "caf\udce9", (("object", "scale 4"), ("raw", "\udcff"))
    async with burying(settings) as letters:
        await letters.write(journeys)
    # Parts are records too, and the smaller Kafka's are the more of them there are.
    reader = DeadLetterReader(settings, 1_000)
    try:
        found = {letter.journey.movement_id: letter for letter in await reader.read()}
        assert sorted(found) == sorted(journey.movement_id for journey in journeys)
        for journey, payload in zip(journeys, payloads, strict=True):
            letter = found[journey.movement_id]
            assert letter.journey.size == len(payload)
            assert len(letter.journey.payload) <= KEPT
            assert (letter.journey.key, letter.journey.properties) == (journey.key, journey.properties)
            whole = await reader.payload_of(letter) if letter.journey.cut else letter.journey.payload
            assert whole == payload
        assert await reader.read() == []
    finally:
        await reader.close()


async def test_a_large_letter_is_sent_again_whole(lane: Lane) -> None:
    payload = os.urandom(300_000)
    async with engine(lane.settings()) as chain:
        await chain.publish(payload)
        await until(lambda: chain.journal.errors.next == 1)
        letter = chain.journal.errors.get(0)
        assert letter is not None
        await until(lambda: letter.journey.cut == len(payload) - KEPT, what="the journal let go of most of it")
        await chain.replay(letter)
        await until(lambda: chain.journal.errors.next == 2)
    records = await lane.records(lane.errors, 2)
    assert [dict(record.headers)["payload"] for record in records] == [payload, payload]


async def test_a_part_that_kafka_has_deleted_is_said(lane: Lane) -> None:
    settings = lane.settings().kafka
    journey = Journey(f"{lane.name}-parts", os.urandom(1_700_000))
    async with burying(settings) as letters:
        await letters.write([journey])
    reader = DeadLetterReader(settings, 10)
    try:
        (letter,) = await reader.read()
        assert letter.offset == 2
        admin = AIOKafkaAdminClient(bootstrap_servers=lane.stack.addresses.kafka)
        await admin.start()
        await admin.delete_records({TopicPartition(lane.errors, 0): RecordsToDelete(before_offset=1)})
        await admin.close()
        with pytest.raises(UnreachableError, match="Kafka has deleted it, or a part of it"):
            await reader.payload_of(letter)
    finally:
        await reader.close()


def of_kafkajs(payload: bytes | None, key: bytes | None, headers: dict[str, bytes]) -> dict[str, object]:
    """A record in kafkajs's JSON form."""

    def buffer(content: bytes | None) -> object:
        return None if content is None else {"type": "Buffer", "data": [*content]}

    return {
        "magicByte": 2,
        "attributes": 0,
        "timestamp": "1700000000000",
        "offset": "128",
        "key": buffer(key),
        "value": buffer(payload),
        "headers": {name: buffer(content) for name, content in headers.items()},
        "isControlRecord": False,
    }


async def test_letters_of_the_courses_stock_consumer_say_what_they_are_about_and_are_sent_again_as_that(
    lane: Lane,
) -> None:
    product = await lane.make_product(10)
    payload = b'{"id":%d,"amount":3,"type":"OUT"}' % product["id"]
    headers = {"mqtt-topic": lane.mqtt_topic.encode(), "movement-id": f"{lane.name}-m".encode(), "object": b"caf\xe9"}
    whole = of_kafkajs(payload, b"1", headers)
    values = [
        {"error": {}, "message": of_kafkajs(b'{"', b"1", {})},
        {"error": {}, "message": whole},
        {"error": {"message": "404"}, "message": {"topic": "stock", "partition": 3, "message": whole}},
        # Sent again as it stood, by a program that did not look.
        {"error": "again", "message": msgspec.json.encode({"error": {}, "message": whole}).decode()},
        {"error": {}, "message": of_kafkajs(None, None, {})},
    ]
    await write(lane, *((msgspec.json.encode(value), []) for value in values))
    async with engine(lane.settings()) as chain:
        short, first, given, again, tombstone = await chain.letters()
        assert short.journey.payload == b'{"'
        assert short.journey.rejection is not None
        assert short.journey.rejection.reason is Reason.CUT_OFF
        assert "ends" in short.journey.rejection.text or "no" in short.journey.rejection.text
        for letter in (first, given, again):
            assert letter.journey.payload == payload
            assert letter.journey.key == "1"
            assert letter.journey.properties == (("object", "caf\udce9"),)
            assert letter.journey.mqtt_topic == lane.mqtt_topic
            assert letter.journey.movement is not None
            assert letter.journey.product == str(product["id"])
        assert given.origin == "another program, kafka stock/3@128"
        assert given.journey.rejection == Rejection(Reason.UNSTATED, "404")
        assert (tombstone.journey.payload, tombstone.journey.key) == (b"", None)
        await chain.replay(first)
        await chain.replay(again)
        await until(lambda: chain.journal.decided.total == 2)
    assert await lane.stock_of(product) == 4
    assert [record.value for record in await lane.records(lane.stock, 2)] == [payload, payload]
