"""Writes that Kafka refuses: reported with a remedy, retried with pauses, dead letters as the last resort."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from aiokafka.admin import NewTopic
from aiokafka.producer.message_accumulator import BatchBuilder

from bridge.journal import Journal, Server, State
from bridge.kafka.producer import Record
from bridge.kafka.writer import Writer
from bridge.mqtt.publisher import Publisher
from tests.chain.applying import applying, movement, produce
from tests.chain.lane import until
from tests.chain.test_ingest import connected, ingesting
from tests.chain.topics import administering, set_up

if TYPE_CHECKING:
    import pytest

    from tests.chain.lane import Lane

MOVEMENT = b'{"id":1,"amount":1,"type":"IN"}'


_APPEND = BatchBuilder.append


def ahead(self: BatchBuilder, *, timestamp: int | None, **more: Any) -> Any:
    """Append as on a machine whose clock is two hours ahead."""
    return _APPEND(self, timestamp=int((time.time() + 7_200) * 1_000), **more)


def kafka(journal: Journal) -> Any:
    return journal.connections[Server.KAFKA]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING and "bridge" in one.name]


async def states(journal: Journal, seconds: float) -> set[State]:
    """Collect every state of the connection to Kafka within a number of seconds."""
    seen, stop = set(), time.monotonic() + seconds
    while time.monotonic() < stop:
        seen.add(kafka(journal).state)
        await asyncio.sleep(0.005)
    return seen


async def test_ingest_stops_where_dead_letters_can_not_be_written_and_goes_on_by_itself(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    await set_up(lane.stack, lane.errors, cleanup_policy="compact")
    settings = lane.settings()
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        await publisher.publish(lane.mqtt_topic, b"not json")
        await until(lambda: "letters" in journal.notes)
        assert f"no dead letter can be written into {lane.errors}" in journal.notes["letters"]
        await until(lambda: kafka(journal).state is State.REFUSED)
        assert f"{lane.errors} is compacted (cleanup.policy=compact) and takes no record without a key" in (
            kafka(journal).detail
        )
        assert "--add-config cleanup.policy=delete" in kafka(journal).advice
        await publisher.publish(lane.mqtt_topic, MOVEMENT)
        before, told = time.monotonic(), len(warnings(caplog))
        assert await states(journal, 3) == {State.REFUSED}, "another producer that is let in changes nothing"
        assert len(warnings(caplog)) - told < 2 + (time.monotonic() - before), warnings(caplog)
        assert (journal.produced.total, journal.rejected.total) == (0, 0), "what comes stays in the broker"
        await set_up(lane.stack, lane.errors, cleanup_policy="delete")
        await until(lambda: (journal.produced.total, journal.rejected.total) == (1, 1))
        assert "letters" not in journal.notes
        await until(lambda: kafka(journal).state is State.UP)
    assert len(await lane.all_records(lane.errors)) == 1


async def test_apply_waits_with_what_it_can_not_bury(lane: Lane) -> None:
    await set_up(lane.stack, lane.errors, cleanup_policy="compact")
    await produce(lane, lane.stock, [b"not json", movement("nothing has this name", 1)], partitions=[0, 0])
    async with applying(lane.settings(), drain=False) as (journal, _):
        await until(lambda: "letters" in journal.notes)
        await set_up(lane.stack, lane.errors, cleanup_policy="delete")
        await until(lambda: journal.rejected.total == 2)
        assert "letters" not in journal.notes
    assert len(await lane.all_records(lane.errors)) == 2


async def test_a_clock_that_is_ahead_is_said_and_makes_no_dead_letter(
    lane: Lane, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchBuilder, "append", ahead)
    settings = lane.settings()
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        await publisher.publish(lane.mqtt_topic, MOVEMENT)
        await until(lambda: kafka(journal).state is State.REFUSED)
        assert "message.timestamp.after.max.ms=3600000" in kafka(journal).detail
        assert "this machine's clock says" in kafka(journal).detail
        assert "message.timestamp.type=LogAppendTime" in kafka(journal).advice
        before, told = time.monotonic(), len(warnings(caplog))
        assert await states(journal, 3) == {State.REFUSED}, "another producer that is let in changes nothing"
        assert len(warnings(caplog)) - told < 2 + (time.monotonic() - before), warnings(caplog)
        await set_up(lane.stack, lane.stock, message_timestamp_type="LogAppendTime")
        await until(lambda: journal.produced.total == 1)
        assert journal.rejected.total == 0
    (record,) = await lane.records(lane.stock, 1)
    assert abs(record.timestamp / 1_000 - time.time()) < 600, "the broker's own time"


async def test_a_topic_that_is_deleted_while_the_engine_runs_is_said_and_what_comes_waits(lane: Lane) -> None:
    settings = lane.settings(kafka={"timeout": 3.0})
    async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
        await connected(journal)
        await publisher.publish(lane.mqtt_topic, MOVEMENT)
        await until(lambda: journal.produced.total == 1)
        async with administering(lane.stack) as admin:
            await admin.delete_topics([lane.stock])
            await publisher.publish(lane.mqtt_topic, MOVEMENT, "second")
            await until(lambda: f"Kafka has no topic {lane.stock}" in kafka(journal).detail)
            assert journal.rejected.total == 0
            await admin.create_topics([NewTopic(lane.stock, 6, 1)])
        await until(lambda: journal.produced.total == 2)
    (record,) = await lane.all_records(lane.stock)
    assert dict(record.headers)["movement-id"] == b"second"


async def test_a_write_that_gets_through_says_nothing_about_one_that_is_refused(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BatchBuilder, "append", ahead)
    journal = Journal(100)
    writer = Writer(lane.settings().kafka, journal)
    await set_up(lane.stack, lane.errors, message_timestamp_type="LogAppendTime")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(writer.run())
        refused = tasks.create_task(writer.produce([Record(lane.stock, b"1", MOVEMENT, [])]))
        await until(lambda: kafka(journal).state is State.REFUSED)
        for _ in range(3):
            await writer.produce([Record(lane.errors, None, b"gets through", [])])
            assert await states(journal, 0.5) == {State.REFUSED}
        await set_up(lane.stack, lane.stock, message_timestamp_type="LogAppendTime")
        await refused
        assert kafka(journal).state is State.UP
        running.cancel()
    await writer.stop(5)
