"""Other programs' transactions on the real Kafka: aborted records are ignored, open ones are waited for."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from bridge.apply.replay import Replay
from bridge.dead_letter import dead_letter_record
from bridge.ingest.in_flight import InFlight
from bridge.journal import Journey
from bridge.kafka.dead_letter_reader import DeadLetterReader
from bridge.mqtt.publisher import Publisher
from tests.chain.applying import applying, movement, produce
from tests.chain.lane import until
from tests.chain.programs import run_bridge
from tests.chain.test_ingest import connected, ingesting
from tests.chain.transactions import commit_position, log_ends, positions, transactional

if TYPE_CHECKING:
    from tests.chain.applying import Shop
    from tests.chain.lane import Lane


async def test_what_a_transaction_took_back_changes_no_stock(lane: Lane, shop: Shop) -> None:
    product = await shop.add(42)
    async with transactional(lane) as other, applying(lane.settings()) as (journal, apply):
        await other.open(lane.stock, [movement(product, 7)])
        await other.abort()
        await other.open(lane.stock, [movement(product, 1)])
        await other.commit()
        await until(lambda: journal.decided.total == 1 and apply.idle, what="idle behind the marker of a commit")
        await other.open(lane.stock, [movement(product, 7)] * 3)
        await other.abort()
        ends = await log_ends(lane, lane.stock)
        async with asyncio.timeout(60):
            while await positions(lane, lane.stock) != ends:  # noqa: ASYNC110 - Kafka has no event for it
                await asyncio.sleep(0.1)
        await until(lambda: apply.idle, what="idle behind the marker of an abort")
        assert (journal.lag, journal.held) == (0, {})
        await asyncio.sleep(2.5)
        assert not {"ledger", "made-again", "position"} & journal.notes.keys()
    assert await shop.stock(product) == 43
    async with Replay(lane.settings()) as replay:
        assert await replay.missing() == []


async def test_what_stands_behind_an_open_transaction_is_told_and_applied_after_it(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    async with transactional(lane) as other, applying(lane.settings()) as (journal, apply):
        await produce(lane, lane.stock, [movement(product, 1)], partitions=[2])
        await until(lambda: journal.decided.total == 1)
        await other.open(lane.stock, [movement(product, 10)] * 2, 2)
        await produce(lane, lane.stock, [movement(product, 1)], partitions=[2])
        await until(lambda: "held" in journal.notes)
        assert "3 records wait in Kafka for the end of a transaction" in journal.notes["held"]
        assert f"({lane.stock}:2)" in journal.notes["held"]
        assert journal.lag == 0 and apply.idle
        assert journal.decided.total == 1
        await other.abort()
        await until(lambda: journal.decided.total == 2)
        await until(lambda: "held" not in journal.notes)
        assert journal.held == {}
    assert await shop.stock(product) == 2


async def test_a_position_within_an_open_transaction_is_no_sign_of_a_topic_made_again(lane: Lane, shop: Shop) -> None:
    # As an engine left it that read what was not committed.
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)], partitions=[2])
    async with transactional(lane) as other:
        await other.open(lane.stock, [movement(product, 10)] * 4, 2)
        await commit_position(lane, 2, 4)
        async with applying(lane.settings()) as (journal, apply):
            await until(lambda: apply.idle)
            assert "made-again" not in journal.notes
            await other.commit()
            await until(lambda: journal.decided.total == 1)
            await until(lambda: apply.idle)
            assert journal.decided.total == 1
    assert await shop.stock(product) == 10, "only the record behind the position"


@pytest.mark.parametrize("ending", ["abort", "commit"])
async def test_once_ends_behind_a_marker(lane: Lane, shop: Shop, ending: str) -> None:
    product = await shop.add(0)
    async with transactional(lane) as other:
        await other.open(lane.stock, [movement(product, 7)])
        await getattr(other, ending)()
    said = await run_bridge(lane.settings(watch={"enabled": False}), "run", "--once", "--only", "apply")
    assert f"decided {int(ending == 'commit')}" in said
    assert "lag 0" in said
    assert await positions(lane, lane.stock) == await log_ends(lane, lane.stock)


async def test_once_ends_where_a_transaction_stays_open_and_waits_where_it_holds_what_the_run_wrote(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(0)
    settings = lane.settings(watch={"enabled": False})
    async with ingesting(settings) as journal:
        await connected(journal)
    async with transactional(lane) as other:
        await other.open(lane.stock, [movement(product, 7)], 0)
        said = await run_bridge(settings, "run", "--once")
        assert "decided 0" in said and "lag 0" in said
        for partition in range(1, 6):
            await other.add(lane.stock, [movement(product, 7)], partition)
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, movement(product, 2))
        running = asyncio.create_task(run_bridge(settings, "run", "--once"))
        async with asyncio.timeout(60):
            while sum((await log_ends(lane, lane.stock)).values()) < 7:  # noqa: ASYNC110 - Kafka has no event for it
                await asyncio.sleep(0.1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), 5)
        assert not running.done(), "it wrote a movement that it could not read yet"
        await other.abort()
        assert "decided 1" in await running
    assert await shop.stock(product) == 2


async def test_dead_letters_that_were_taken_back_are_not_shown(lane: Lane) -> None:
    journeys = [Journey(f"{lane.name}-{number}", b"{}", mqtt_topic="topic") for number in range(3)]
    records = [dead_letter_record(lane.errors, journey, "mqtt topic") for journey in journeys]
    reader = DeadLetterReader(lane.settings().kafka, 10)
    try:
        async with transactional(lane) as other:
            for record, ending in zip(records, (other.abort, other.commit, None), strict=True):
                await other.open(lane.errors, [record.value], headers=record.headers)
                if ending is not None:
                    await ending()
            found = await asyncio.wait_for(reader.read(), 60)
            assert [letter.journey.movement_id for letter in found] == [journeys[1].movement_id]
            assert await asyncio.wait_for(reader.read(), 60) == []
            await other.commit()
            found = await asyncio.wait_for(reader.read(), 60)
            assert [letter.journey.movement_id for letter in found] == [journeys[2].movement_id]
    finally:
        await reader.close()


async def test_what_ingest_wrote_behind_an_open_transaction_is_recognised_when_it_comes_again(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = lane.settings()
    async with transactional(lane) as other:
        await other.open(lane.stock, [b"{}"])
        for partition in range(1, 6):
            await other.add(lane.stock, [b"{}"], partition)
        with monkeypatch.context() as patch:
            # Kafka has them, and their acknowledgement is lost with this engine.
            patch.setattr(InFlight, "settle", lambda *_: None)
            async with ingesting(settings) as journal, Publisher(settings.mqtt) as publisher:
                await connected(journal)
                for _ in range(5):
                    await publisher.publish(lane.mqtt_topic, movement(1, 1))
                await until(lambda: journal.produced.total == 5)
        async with ingesting(settings) as journal:
            await until(lambda: journal.received.total == 5)
            await until(lambda: all(journey.offset >= 0 for journey in journal.mqtt.slice(0, 5)))
            assert journal.produced.total == 0
    assert sum((await log_ends(lane, lane.stock)).values()) == 6 + 5 + 6, "with a marker in each partition"
