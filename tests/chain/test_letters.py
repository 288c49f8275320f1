"""Dead letters that stood in the real Kafka before: ours, the course's, and whatever else lies in the errors topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from aiokafka import AIOKafkaProducer

from bridge.dead_letter import dead_letter_record
from bridge.errors import UnreachableError
from bridge.journal import DeadLetter, Journey
from bridge.kafka.letters import LetterReader
from bridge.movement import Reason, Rejection
from tests.chain.lane import Lane

if TYPE_CHECKING:
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
    reader = LetterReader(settings, most)
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
    assert fourth.journey.rejection.reason is Reason.NOT_JSON
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
    reader = LetterReader(lane.settings().kafka, 100)
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
    reader = LetterReader(made.settings().kafka, 10)
    try:
        assert await reader.read() == []
        await made.make_topics()
        await write(made, (b'{"error":"x","message":"1"}', []))
        assert [letter.journey.payload for letter in await reader.read()] == [b"1"]
    finally:
        await reader.close()
