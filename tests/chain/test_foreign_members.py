"""Another program in the engine's consumer group: it is named, and neither disturbed nor ignored."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaConsumer

from bridge.command.health import registry_of
from stack.install import kafka_libs
from stack.paths import Paths
from tests.chain.applying import applying, movement, produce
from tests.chain.lane import until
from tests.chain.programs import run_bridge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.chain.applying import Shop
    from tests.chain.lane import Lane

RIGHT = "stop that program"


class CourseConsumer:
    """The course's stock-consumer: kafkajs, which has an assignor of its own only."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.lines: list[str] = []
        self._process = process
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.lines.append(line.decode().strip())

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading


@contextlib.asynccontextmanager
async def course_consumer(lane: Lane, folder: Path) -> AsyncIterator[CourseConsumer]:
    process = await asyncio.create_subprocess_exec(
        *("node", "kafka_consume.mjs", lane.stack.addresses.kafka, lane.name, lane.stock),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    consumer = CourseConsumer(process)
    try:
        yield consumer
    finally:
        await consumer.stop()


@contextlib.asynccontextmanager
async def member(lane: Lane, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A program with the engines' assignor."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=lane.stack.addresses.kafka,
        group_id=lane.name,
        client_id="somebody",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


@pytest.mark.timeout(600)
async def test_the_courses_consumer_in_the_group_is_named_and_not_disturbed(
    lane: Lane, shop: Shop, clients: Path, caplog: pytest.LogCaptureFixture
) -> None:
    product = await shop.add(0)
    async with course_consumer(lane, clients) as course:
        await until(lambda: "joined" in course.lines)
        async with applying(lane.settings()) as (journal, _):
            await until(lambda: "consume" in journal.notes)
            note = journal.notes["consume"]
            assert f"the consumer group {lane.name!r} is another program's: 'stock-consumer' at 127.0.0.1" in note
            assert RIGHT in note
            # It goes on working: a join of ours, tried or refused, would make it join again.
            await produce(lane, lane.stock, [movement(product, 1)] * 3)
            await until(lambda: sum(line.startswith("read") for line in course.lines) == 3)
            await asyncio.sleep(6)
            assert course.lines.count("joined") == 1
            said = [record.getMessage() for record in caplog.records if "apply:" in record.getMessage()]
            assert len(said) == 1, said
            found = await run_bridge(lane.settings(), "check", code=1)
            assert f"FAILED  kafka   the consumer group {lane.name!r} is another program's" in found
            assert "'stock-consumer' at 127.0.0.1" in found
            assert f"-> {RIGHT}" in found
            await course.stop()
            await produce(lane, lane.stock, [movement(product, 1)])
            # Its session ends in 6 s.
            await until(lambda: journal.decided.total > 0)
            await until(lambda: "consume" not in journal.notes)


async def test_a_member_that_takes_partitions_of_ours_is_named_while_it_is_there(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    async with applying(lane.settings()) as (journal, apply):
        await until(lambda: apply.idle)
        assert journal.foreign_members == 0
        async with member(lane, lane.stock):
            await until(lambda: "group" in journal.notes)
            note = journal.notes["group"]
            assert f"another program is in the consumer group {lane.name!r}: 'somebody' at 127.0.0.1" in note
            assert "it has 3 of the partitions" in note
            assert RIGHT in note
            registry = registry_of(journal)
            assert registry.get_sample_value("opsci_foreign_group_members") == 1
            found = await run_bridge(lane.settings(), "check", code=1)
            assert "FAILED  kafka   another program is in the consumer group" in found
        await until(lambda: "group" not in journal.notes, what="it is gone")
        assert journal.foreign_members == 0
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.decided.total == 1)


async def test_a_member_that_reads_another_topic_is_named_and_nothing_is_missed(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    async with member(lane, lane.errors), applying(lane.settings()) as (journal, _):
        await until(lambda: "group" in journal.notes)
        assert f"it reads {lane.errors}, and each time that it comes or goes" in journal.notes["group"]
        await produce(lane, lane.stock, [movement(product, 1)] * 6, partitions=range(6))
        await until(lambda: journal.decided.total == 6)
        found = await run_bridge(lane.settings(), "check", code=1)
        assert "'somebody' at 127.0.0.1" in found


async def test_a_member_by_kafkas_newer_group_protocol_is_told(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)])
    process = await asyncio.create_subprocess_exec(
        *("java", "-cp", f"{kafka_libs(Paths.of())}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer"),
        *("--bootstrap-server", lane.stack.addresses.kafka, "--topic", lane.stock, "--group", lane.name),
        *("--consumer-property", "group.protocol=consumer", "--from-beginning"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readline(), 60)
        async with applying(lane.settings()) as (journal, _):
            await until(lambda: "group" in journal.notes or "consume" in journal.notes)
            assert f"in the consumer group {lane.name!r}, by Kafka's newer group protocol" in journal.notes["group"]
            assert "kafka-consumer-groups.sh --describe --members" in journal.notes["group"]
            assert journal.foreign_members == 1
            found = await run_bridge(lane.settings(), "check", code=1)
            assert f"FAILED  kafka   another program is in the consumer group {lane.name!r}, by Kafka's newer" in found
            process.terminate()
            await process.wait()
            await until(lambda: "group" not in journal.notes)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def test_two_engines_are_no_foreign_members(lane: Lane) -> None:
    async with applying(lane.settings()) as (first, _), applying(lane.settings()) as (second, apply):
        await until(lambda: apply.idle)
        await asyncio.sleep(1.5)
        assert first.foreign_members == second.foreign_members == 0
        assert not {"group", "consume"} & {*first.notes, *second.notes}
        found = await run_bridge(lane.settings(), "check")
        assert f"the consumer group {lane.name!r} has 2 members (Stable)" in found
