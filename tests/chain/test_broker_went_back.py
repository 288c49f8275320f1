"""A killed Mosquitto returns to its last saved state: what it redelivers is in Kafka once."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from bridge.ingest import delivery_reader, ingest
from bridge.journal import Server, State
from bridge.mqtt.publisher import Publisher
from tests.chain.lane import until
from tests.chain.test_ingest import connected, ingesting
from tests.chain.written import Written

if TYPE_CHECKING:
    from bridge.journal import Journal
    from bridge.settings import Settings
    from stack.local import LocalStack
    from tests.chain.lane import Lane

ALIKE = b'{"id":1,"amount":1,"type":"IN"}'


async def publish(settings: Settings, *payloads: bytes, topic: str = "") -> None:
    """Publish without an identity, in order."""
    async with Publisher(settings.mqtt) as publisher:
        for payload in payloads:
            await publisher.publish(topic or settings.mqtt.publish_topic, payload)


async def written_in_flight(lane: Lane, settings: Settings, journal: Journal, count: int) -> Written:
    """Publish what Kafka accepts only after Mosquitto has saved it as sent and not acknowledged."""
    written, before = Written(lane.stack), journal.received.total
    lane.stack.pause_server("kafka")
    try:
        await publish(settings, *([ALIKE] * count))
        await until(lambda: journal.received.total == before + count)
        await written.take()
    finally:
        lane.stack.resume_server("kafka")
    await until(lambda: journal.produced.total == before + count)
    return written


async def back_with(written: Written, journal: Journal) -> None:
    await written.fall_back()
    await until(lambda: journal.connections[Server.MQTT].state is State.UP, what="MQTT is up again")


async def one_more(settings: Settings, journal: Journal) -> None:
    """Publish a new message with the same content as the redelivered ones."""
    before = journal.produced.total
    await publish(settings, ALIKE)
    await until(lambda: journal.produced.total == before + 1, what="one more is in Kafka")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_what_it_sends_again_counts_once_however_often_both_were_started(
    lane: Lane, stack: LocalStack, version: str
) -> None:
    settings = lane.settings(mqtt={"version": version})
    async with ingesting(settings) as journal:
        await connected(journal)
        written = await written_in_flight(lane, settings, journal, 300)
    # A session that begins with something new, and in the next one of that engine the redeliveries come.
    for _ in range(2):
        async with ingesting(settings) as journal:
            await connected(journal)
            await one_more(settings, journal)
    async with ingesting(settings) as journal:
        await connected(journal)
        await one_more(settings, journal)
        for again in (1, 2):
            await back_with(written, journal)
            await one_more(settings, journal)
            # The second time it recognises them at once.
            assert journal.received.total == 301 + again
            assert journal.produced.total == 1 + again
    await written.fall_back()
    async with ingesting(settings) as journal:
        await connected(journal)
        await one_more(settings, journal)
        assert journal.received.total == 301
    assert len(await lane.all_records(lane.stock)) == 300 + 3 + 2 + 1


async def test_what_is_rejected_or_goes_to_another_topic_is_recognised_as_well(lane: Lane, stack: LocalStack) -> None:
    settings = lane.settings()
    large = b'{"id":' + b" " * 200_000
    ways = {
        lane.mqtt_topic: [b"no movement", large],
        f"{lane.name}/product": [b"{}"],
        f"{lane.name}/event/1": [b"", b""],
    }
    written = Written(stack)
    async with ingesting(settings) as journal:
        await connected(journal)
        stack.pause_server("kafka")
        try:
            for topic, payloads in ways.items():
                await publish(settings, *payloads, topic=topic)
            await until(lambda: journal.received.total == 5)
            await written.take()
        finally:
            stack.resume_server("kafka")
        await until(lambda: journal.produced.total == 3 and journal.rejected.total == 2)
    async with ingesting(settings) as journal:
        await connected(journal)
        await one_more(settings, journal)
        await back_with(written, journal)
        await one_more(settings, journal)
        assert journal.received.total == 7
    for topic, count in ((lane.stock, 2), (lane.errors, 2), (lane.product, 1), (lane.event, 2)):
        assert len(await lane.all_records(topic)) == count


async def test_an_engine_that_ends_while_it_reads_back_leaves_that_to_the_next(
    lane: Lane, stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = lane.settings()
    async with ingesting(settings) as journal:
        await connected(journal)
        written = await written_in_flight(lane, settings, journal, 30)
        await one_more(settings, journal)
    await written.fall_back()

    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(delivery_reader.DeliveryReader, "read", never)
        with pytest.raises(asyncio.CancelledError):
            async with ingesting(settings) as journal:
                await until(lambda: journal.received.total == 30)
                await publish(settings, b'{"id":2,"amount":1,"type":"IN"}')
                raise asyncio.CancelledError
    async with ingesting(settings) as journal:
        await until(lambda: journal.produced.total == 1)
        await one_more(settings, journal)
    assert len(await lane.all_records(lane.stock)) == 31 + 2


async def test_the_packet_ids_begin_again_in_between(lane: Lane, stack: LocalStack) -> None:
    settings = lane.settings()
    async with ingesting(settings) as journal:
        await connected(journal)
        await one_more(settings, journal)
        near_the_end = Written(stack)
        await near_the_end.take()
        near_the_end.count_from(lane.name, 65_530)
        await back_with(near_the_end, journal)
        written = await written_in_flight(lane, settings, journal, 20)
        await publish(settings, *([ALIKE] * 20))
        await until(lambda: journal.produced.total == 41)
    async with ingesting(settings) as journal:
        await connected(journal)
        await one_more(settings, journal)
        await back_with(written, journal)
        await one_more(settings, journal)
        assert sum(one.redelivered for one in journal.mqtt.slice(0, 99)) == 20
    records = await lane.all_records(lane.stock)
    ids = [dict(record.headers)["mqtt-delivery"].split(b"/")[1] for record in records]
    assert {b"65531", b"65535", b"1", b"15"} <= set(ids)
    assert len(records) == 41 + 2


@pytest.mark.parametrize("restarted", [False, True])
async def test_at_the_bound_the_last_that_counts_is_recognised_and_the_one_before_is_new(
    lane: Lane, stack: LocalStack, monkeypatch: pytest.MonkeyPatch, *, restarted: bool
) -> None:
    for module in (ingest, delivery_reader):
        monkeypatch.setattr(module, "recognised", lambda _: 250)
    settings = lane.settings()
    async with ingesting(settings) as journal:
        await connected(journal)
        written = await written_in_flight(lane, settings, journal, 40)
        # After the 20th of those 250 came, after the 21st 249.
        await publish(settings, *([ALIKE] * 230))
        await until(lambda: journal.produced.total == 270)
        if not restarted:
            await back_with(written, journal)
            await until(lambda: journal.produced.total == 290)
    if restarted:
        await written.fall_back()
        async with ingesting(settings) as journal:
            await until(lambda: journal.produced.total == 20)
    ids = Counter(dict(record.headers)["mqtt-delivery"].split(b"/")[1] for record in await lane.all_records(lane.stock))
    assert {int(packet_id) for packet_id, times in ids.items() if times == 2} == set(range(1, 21))
    assert sum(ids.values()) == 290
