"""Offsets that Kafka lost or another program set: nothing is skipped or repeated unreported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import NewPartitions

from bridge.command.health import registry_of
from stack.install import kafka_libs
from stack.paths import Paths
from tests.chain.applying import applying, movement, produce
from tests.chain.lane import until
from tests.chain.programs import run_bridge
from tests.chain.test_replay import admin, delete_records, ends

if TYPE_CHECKING:
    from bridge.journal import Journal
    from bridge.settings import Settings
    from tests.chain.applying import Shop
    from tests.chain.lane import Lane

MODES = pytest.mark.parametrize("mode", ["ledger", "rest5"])


async def delete_group(lane: Lane) -> None:
    """Delete the group, with the same effect as its expiry."""
    process = await asyncio.create_subprocess_exec(
        *("java", "-cp", f"{kafka_libs(Paths.of())}/*", "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand"),
        *("--bootstrap-server", lane.stack.addresses.kafka, "--delete", "--group", lane.name),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert b"was successful" in said, said


async def set_position(lane: Lane, partition: int, offset: int) -> None:
    """Commit from outside of the empty group, as kafka-consumer-groups.sh does."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=lane.stack.addresses.kafka, group_id=lane.name, enable_auto_commit=False
    )
    await consumer.start()
    place = TopicPartition(lane.stock, partition)
    consumer.assign([place])
    try:
        await consumer.commit({place: offset})
    finally:
        await consumer.stop()


async def filled(lane: Lane) -> int:
    """The partition that has the records."""
    (partition,) = [number for number, end in (await ends(lane)).items() if end]
    return partition


async def applied(settings: Settings, count: int) -> None:
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle and journal.decided.total == count)


def resets(journal: Journal, reason: str) -> float | None:
    return registry_of(journal).get_sample_value("opsci_position_resets_total", {"reason": reason})


@MODES
@pytest.mark.parametrize("before", [0, 3])
async def test_a_position_that_expired_passes_nothing_over(lane: Lane, shop: Shop, mode: str, before: int) -> None:
    product = await shop.add(0)
    settings = lane.settings(strapi={"mode": mode}, kafka={"beginning": False})
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle)
        await produce(lane, lane.stock, [movement(product, 1)] * before)
        await until(lambda: journal.decided.total == before)
    await produce(lane, lane.stock, [movement(product, 1)] * 5)
    await delete_group(lane)
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle and journal.decided.total >= 5)
        assert journal.decided.total == 5
        assert f"no position of the group {lane.name!r} any more" in journal.notes["lost"]
        assert resets(journal, "lost") == 8, "six of movements, one of products, one of events"
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle)
        assert "lost" not in journal.notes, "told once"
    assert await shop.stock(product) == before + 5


@MODES
async def test_a_position_that_expired_and_records_that_were_deleted_are_counted(
    lane: Lane, shop: Shop, mode: str
) -> None:
    product = await shop.add(0)
    settings = lane.settings(strapi={"mode": mode})
    await produce(lane, lane.stock, [movement(product, 1)] * 2)
    await applied(settings, 2)
    await produce(lane, lane.stock, [movement(product, 1)] * 10)
    await delete_records(lane, {await filled(lane): 10})
    await delete_group(lane)
    once = msgspec.structs.replace(settings, ingest=msgspec.structs.replace(settings.ingest, enabled=False))
    said = await run_bridge(once, "run", "--once")
    assert "Kafka deleted 8 records before they were applied" in said
    assert "decided 2 (applied 2)" in said
    assert "deleted by Kafka before they were applied 8" in said.splitlines()[-1]
    assert await shop.stock(product) == 4


@MODES
async def test_a_position_that_was_set_later_is_told_with_the_count(lane: Lane, shop: Shop, mode: str) -> None:
    product = await shop.add(0)
    settings = lane.settings(strapi={"mode": mode})
    await produce(lane, lane.stock, [movement(product, 1)] * 3)
    await applied(settings, 3)
    await produce(lane, lane.stock, [movement(product, 1)] * 5)
    partition = await filled(lane)
    await set_position(lane, partition, 7)
    async with applying(settings) as (journal, _):
        await until(lambda: journal.decided.total == 1)
        note = journal.notes["set-later"]
        assert "past 4 records that this engine has not applied" in note
        assert f"{lane.stock}:{partition}:3-6" in note
        assert journal.passed_over == {(lane.stock, partition): 4}
        assert resets(journal, "set-later") == 1
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle)
        assert "set-later" not in journal.notes, "told once"
    assert await shop.stock(product) == 4


@MODES
async def test_a_position_that_was_set_back_is_told_with_the_count(lane: Lane, shop: Shop, mode: str) -> None:
    product = await shop.add(0)
    settings = lane.settings(strapi={"mode": mode})
    await produce(lane, lane.stock, [movement(product, 1)] * 5)
    await applied(settings, 5)
    await set_position(lane, await filled(lane), 1)
    async with applying(settings) as (journal, _):
        await until(lambda: journal.decided.total == 4)
        assert "back by 4 records" in journal.notes["set-back"]
        assert resets(journal, "set-back") == 1
    # By plain REST our products keep the position last applied.
    assert await shop.stock(product) == 5


@MODES
async def test_a_topic_that_was_made_again_while_the_engine_was_away_is_read_from_its_first_record(
    lane: Lane, shop: Shop, mode: str
) -> None:
    product = await shop.add(0)
    settings = lane.settings(strapi={"mode": mode}, kafka={"beginning": False})
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle)
        await produce(lane, lane.stock, [movement(product, 1)] * 2)
        await until(lambda: journal.decided.total == 2)
    async with admin(lane) as client:
        await client.delete_topics([lane.stock])
        while lane.stock in await client.list_topics():  # noqa: ASYNC110 - Kafka has no event for it
            await asyncio.sleep(0.1)
    await lane.make_topics()
    # More than there were: their offsets alone do not tell it from the old one.
    await produce(lane, lane.stock, [movement(product, 1)] * 7)
    async with applying(settings) as (journal, _):
        await until(lambda: journal.decided.total == 7)
        assert "made again" in journal.notes["made-again"]
        assert resets(journal, "made-again") == 1
    assert await shop.stock(product) == 9


@MODES
async def test_a_partition_that_was_added_is_read_from_its_first_record_with_beginning_false(
    lane: Lane, shop: Shop, mode: str
) -> None:
    product = await shop.add(0)
    settings = lane.settings(strapi={"mode": mode}, kafka={"beginning": False})
    async with applying(settings) as (_, apply):
        await until(lambda: apply.idle)
    async with admin(lane) as client:
        await client.create_partitions({lane.stock: NewPartitions(total_count=7)})
    await produce(lane, lane.stock, [movement(product, 1)] * 4, partitions=[6] * 4)
    # The group's positions are gone as well, which would have told that the topic is not new.
    await delete_group(lane)
    await applied(settings, 4)
    assert await shop.stock(product) == 4


async def test_what_a_first_start_at_the_end_leaves_out_is_counted(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 4)
    settings = lane.settings(kafka={"beginning": False})
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle)
        assert "4 records that were in Kafka before are not applied" in journal.notes["left-out"]
        assert sum(journal.passed_over.values()) == 4
    assert await shop.stock(product) == 0


async def test_what_another_member_of_the_group_took_is_told_when_its_partitions_come_back(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(0)
    async with applying(lane.settings(strapi={"mode": "rest5"})) as (journal, apply):
        await until(lambda: apply.idle)
        other = AIOKafkaConsumer(
            lane.stock, bootstrap_servers=lane.stack.addresses.kafka, group_id=lane.name, enable_auto_commit=False
        )
        await other.start()
        await until(lambda: len(other.assignment()) == 3)
        mine = {place.partition for place in other.assignment()}
        await produce(lane, lane.stock, [movement(product, 1)] * 12, partitions=[*range(6)] * 2)
        taken = 0
        while taken < 6:
            taken += sum(map(len, (await other.getmany(timeout_ms=200)).values()))
        await other.commit()
        await other.stop()
        await until(lambda: "set-later" in journal.notes)
        assert "past 6 records" in journal.notes["set-later"]
        assert {partition for _, partition in journal.passed_over} == mine
        await until(lambda: journal.decided.total == 6)
    assert await shop.stock(product) == 6


async def test_a_file_of_positions_that_is_no_such_file_is_said_and_kafkas_word_counts(
    lane: Lane, shop: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    product = await shop.add(0)
    settings = lane.settings()
    await produce(lane, lane.stock, [movement(product, 1)] * 2)
    await applied(settings, 2)
    from bridge.kafka.kept_positions import KeptPositions

    file = KeptPositions.of(settings.kafka)._path
    for content in (b"", b"\0" * 200, file.read_bytes()[:9]):
        file.write_bytes(content)
        caplog.clear()
        await produce(lane, lane.stock, [movement(product, 1)])
        await applied(settings, 1)
        assert "where this engine stood in Kafka can't be read" in caplog.text
    assert await shop.stock(product) == 5
