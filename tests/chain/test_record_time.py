"""Whose clock sets the timestamps: Kafka's in our topics; in others this machine's, and a wrong one is reported."""

from __future__ import annotations

import asyncio
import logging
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer

from stack.servers.kafka import TOPICS, make_topics
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.programs import run_bridge
from tests.chain.topics import own_settings, set_up

if TYPE_CHECKING:
    from stack.local import LocalStack
    from tests.chain.lane import Lane

DAY = 86_400


async def test_our_topics_have_kafkas_time_whatever_the_writers_clock_says(stack: LocalStack, lane: Lane) -> None:
    for topic in TOPICS:
        assert (await own_settings(stack, topic))["message.timestamp.type"] == "LogAppendTime"
    await set_up(stack, lane.product, message_timestamp_type="LogAppendTime")
    producer = AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka)
    await producer.start()
    try:
        for off in (-10 * DAY, DAY // 12):
            stamp = int((time.time() + off) * 1_000)
            placed = await producer.send_and_wait(lane.product, b"{}", timestamp_ms=stamp)
            assert abs(placed.timestamp / 1_000 - time.time()) < 600
    finally:
        await producer.stop()


async def test_topics_that_an_earlier_version_made_are_brought_over_and_keep_what_a_person_set(
    stack: LocalStack,
) -> None:
    made = await own_settings(stack, "errors")
    await set_up(stack, "errors", retention_ms="123456789000", max_message_bytes="2000000")
    await asyncio.to_thread(make_topics, stack.addresses.kafka)
    assert await own_settings(stack, "errors") == {
        "message.timestamp.type": "LogAppendTime",
        "retention.ms": "123456789000",
        "max.message.bytes": "2000000",
    }
    await set_up(stack, "errors", **{name.replace(".", "_"): value for name, value in made.items()})
    await asyncio.to_thread(make_topics, stack.addresses.kafka)
    assert (
        await own_settings(stack, "errors")
        == made
        == {
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": "-1",
        }
    )


@pytest.mark.parametrize(
    ("off", "told"),
    [(-10 * DAY, "clock is 240.0 h behind Strapi's"), (DAY // 12, "clock is 2.0 h ahead of Strapi's")],
)
async def test_a_clock_that_is_off_is_told_where_kafka_goes_by_it(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, off: int, told: str
) -> None:
    monkeypatch.setattr("bridge.strapi.client.time", SimpleNamespace(time=lambda: time.time() + off))
    monkeypatch.setattr("bridge.kafka.record_time._LOOK", 0.2)
    monkeypatch.setattr("bridge.kafka.record_time._TOPICS", 1)
    async with engine(lane.settings()) as chain:
        notes = chain.journal.notes
        await until(lambda: told in notes.get("clock", ""))
        assert lane.stock in notes["clock"]
        assert "--add-config message.timestamp.type=LogAppendTime" in notes["clock"]
        for topic in (lane.stock, lane.errors, lane.product, lane.event):
            await set_up(lane.stack, topic, message_timestamp_type="LogAppendTime")
        await until(lambda: "clock" not in notes, what="with Kafka's clock it does no harm")
    said = [one.getMessage() for one in caplog.records if one.name == "bridge.kafka.record_time"]
    assert lane.stock in said[0] and "by the clock of this machine" in said[0]


async def test_a_right_clock_is_told_of_once_in_the_log(lane: Lane, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with engine(lane.settings()) as chain:
        await until(lambda: chain.journal.clock_ahead is not None)
        await until(lambda: "bridge.kafka.record_time" in {one.name for one in caplog.records})
        assert abs(chain.journal.clock_ahead or 0) < 60
        assert "clock" not in chain.journal.notes
    assert [one.name for one in caplog.records].count("bridge.kafka.record_time") == 1


async def test_check_tells_how_topics_are_set_up(lane: Lane) -> None:
    said = await run_bridge(lane.settings(), "check")
    assert f"in {lane.stock}" in said.replace("\n", " ") and "message.timestamp.type=CreateTime" in said
    await set_up(lane.stack, lane.errors, cleanup_policy="compact")
    said = await run_bridge(lane.settings(), "check", code=1)
    assert f"the topic '{lane.errors}' is compacted and takes no dead letters" in said
    assert "--add-config cleanup.policy=delete" in said
