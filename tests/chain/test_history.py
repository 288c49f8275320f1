"""Records from before the start on the screen of a restarted engine: read without side effects, counted nowhere."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from bridge.embedded import EmbeddedChain
from bridge.history import read_latest
from bridge.journal import Elsewhere, Hop, Journal, Server, State, Verdict
from bridge.kafka.reread import Rereader, group_members, group_positions
from bridge.settings import ScreenSettings
from tests.chain.applying import movement, produce
from tests.chain.lane import until
from tests.tui.looking import main_screen, screen_text
from tests.tui.looking import until as seen
from tui.app import OpsciApp

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.journal import Journey, Ring
    from bridge.settings import Settings
    from tests.chain.lane import Lane

pytestmark = pytest.mark.timeout(300)


@contextlib.asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[EmbeddedChain]:
    """An engine with a screen's journal; the block begins once its three servers are up."""
    chain = EmbeddedChain(settings)
    chain.start()
    try:
        await until(lambda: all(one.state is State.UP for one in chain.journal.connections.values()), what="all up")
        yield chain
    finally:
        await asyncio.to_thread(chain.stop)


def rows(ring: Ring[Journey]) -> list[Journey]:
    return ring.slice(0, ring.next)


async def send(chain: EmbeddedChain, *payloads: bytes) -> None:
    """Publish, and wait until each has its verdict."""
    before = chain.journal.decided.total
    for payload in payloads:
        await asyncio.wrap_future(chain.publish(payload))
    await until(lambda: chain.journal.decided.total == before + len(payloads))


class Figures(NamedTuple):
    """Every figure that is zero after a restart, and the lag."""

    totals: tuple[int, ...]
    verdicts: int
    reasons: int
    latencies: tuple[int, ...]
    lag: int


def figures(journal: Journal) -> Figures:
    rates = journal.received, journal.produced, journal.decided, journal.answered, journal.rejected
    return Figures(
        tuple(rate.total for rate in rates),
        sum(journal.verdicts.values()),
        sum(journal.reasons.values()),
        tuple(journal.latency[hop].total for hop in Hop),
        journal.lag,
    )


async def test_a_restarted_engine_shows_what_was_and_counts_none_of_it(lane: Lane) -> None:
    product = await lane.make_product(10)
    number = product["id"]
    settings = lane.settings()
    payloads = [b'{"id":%d,"amount":%d,"type":"IN"}' % (number, amount) for amount in range(1, 6)]
    refused = b'{"id":%d,"amount":5000,"type":"OUT"}' % number
    async with running(settings) as chain:
        await send(chain, *payloads, refused, b"Hello mqtt0")
        assert not any(journey.earlier for journey in rows(chain.journal.mqtt))
        await until(lambda: chain.journal.errors.next == 2)
    positions = await group_positions(settings.kafka)
    async with running(settings) as chain:
        journal = chain.journal
        await until(lambda: len(journal.mqtt) == 7 and all(one.verdict for one in rows(journal.mqtt)))
        await until(lambda: journal.lag == 0)
        assert figures(journal) == Figures((0, 0, 0, 0, 0), 0, 0, (0, 0, 0, 0), 0)
        assert await group_positions(settings.kafka) == positions
        assert await group_members(settings.kafka) == 1
        assert [one.payload for one in rows(journal.mqtt)] == [*payloads, refused, b"Hello mqtt0"]
        assert [one.payload for one in rows(journal.kafka)] == [*payloads, refused]
        assert all(one.earlier for one in (*rows(journal.mqtt), *rows(journal.kafka)))
        stocks = [(one.verdict, one.stock_before, one.stock_after) for one in rows(journal.kafka)]
        assert stocks[:2] == [(Verdict.APPLIED, 10, 11), (Verdict.APPLIED, 11, 13)]
        reasons = [one.rejection and one.rejection.reason for one in rows(journal.mqtt)[-2:]]
        assert reasons == ["insufficient-stock", "not-json"]
        assert rows(journal.strapi) == []
        found = journal.stock.get(number)
        assert found is not None
        assert (found.stock, found.last_change) == (25, 5)

        # What comes now stands behind it, and is the only thing that counts.
        await send(chain, b'{"id":%d,"amount":7,"type":"IN"}' % number)
        assert [one.earlier for one in rows(journal.mqtt)] == [True] * 7 + [False]
        assert [one.earlier for one in rows(journal.kafka)] == [True] * 6 + [False]
        assert figures(journal).totals == (1, 1, 1, 1, 0)
        assert figures(journal).latencies == (1, 1, 1, 1)
    assert await lane.stock_of(product) == 10 + 15 + 7


async def test_what_still_waits_is_shown_once_by_the_engine_that_carries_it(lane: Lane) -> None:
    product = await lane.make_product(0)
    settings = lane.settings()
    payload = b'{"id":%d,"amount":1,"type":"IN"}' % product["id"]
    async with running(settings) as chain:
        await send(chain, *[payload] * 3)
        await asyncio.wrap_future(chain.pause_apply())
        for _ in range(4):
            await asyncio.wrap_future(chain.publish(payload))
        await until(lambda: chain.journal.produced.total == 7)
    await produce(lane, lane.stock, [movement(product["id"], 1)] * 2)
    async with running(settings) as chain:
        journal = chain.journal
        await until(lambda: journal.decided.total == 6 and len(journal.kafka) == 9)
        places = [(one.kafka_topic, one.partition, one.offset) for one in rows(journal.kafka)]
        assert len(set(places)) == 9
        await until(lambda: all(one.verdict is Verdict.APPLIED for one in rows(journal.kafka)))
        assert [one.earlier for one in rows(journal.kafka)] == [True] * 3 + [False] * 6
        assert journal.verdicts[Verdict.APPLIED] == 6
        assert journal.latency[Hop.TOTAL].total == 0
    assert await lane.stock_of(product) == 9


async def test_an_engine_that_goes_on_for_another_has_its_rows_once(lane: Lane) -> None:
    product = await lane.make_product(0)
    settings = lane.settings()
    payload = b'{"id":%d,"amount":1,"type":"IN"}' % product["id"]
    async with running(settings) as first:
        await send(first, payload, payload)
    later = EmbeddedChain(settings, first)
    later.start()
    try:
        await until(lambda: all(one.state is State.UP for one in later.journal.connections.values()))
        await send(later, payload)
        await asyncio.sleep(2)
        assert [one.earlier for one in rows(later.journal.kafka)] == [False] * 3
    finally:
        await asyncio.to_thread(later.stop)


async def test_with_kafka_away_it_starts_at_once_and_reads_when_it_is_back(lane: Lane) -> None:
    product = await lane.make_product(0)
    settings = lane.settings(strapi={"url": "http://127.0.0.1:9"})
    payload = b'{"id":%d,"amount":1,"type":"IN"}' % product["id"]
    async with running(lane.settings()) as chain:
        await send(chain, payload, payload)
    lane.stack.pause_server("kafka")
    chain = EmbeddedChain(settings)
    try:
        chain.start()
        await until(lambda: chain.journal.connections[Server.MQTT].state is State.UP)
        assert rows(chain.journal.kafka) == []
        lane.stack.resume_server("kafka")
        await until(lambda: len(chain.journal.kafka) == 2)
        # Strapi does not answer: that they are settled is known, and no more.
        assert [one.elsewhere for one in rows(chain.journal.kafka)] == [Elsewhere.SETTLED] * 2
    finally:
        lane.stack.resume_server("kafka")
        await asyncio.to_thread(chain.stop)


async def test_the_screen_marks_what_is_of_before(lane: Lane) -> None:
    product = await lane.make_product(0)
    payload = b'{"id":%d,"amount":3,"type":"IN"}' % product["id"]
    settings = msgspec.structs.replace(lane.settings(), screen=ScreenSettings())
    async with running(settings) as chain:
        await send(chain, payload, payload)
    later = EmbeddedChain(settings)
    app = OpsciApp(later)
    try:
        async with app.run_test(size=(150, 40)) as pilot:
            await seen(pilot, lambda: screen_text(app).count("↶ ") == 2, 60)
            await asyncio.wrap_future(later.publish(payload))
            await seen(pilot, lambda: main_screen(app).kafka.rows == 3, 60)
            assert screen_text(app).count("↶ ") == 2
            # Beside the other panes Kafka's has no column of times.
            await pilot.press("2", "z")
            await seen(pilot, lambda: not main_screen(app).panes[0].display)
            await seen(pilot, lambda: screen_text(app).count("↶") == 2)
            assert "↶" not in screen_text(app).splitlines()[-1]
    finally:
        await asyncio.to_thread(later.stop)


async def test_the_latest_records_are_read_back_without_a_gap_and_within_bounds(lane: Lane) -> None:
    few, many = [b"old"] * 3, [b"%d" % number for number in range(700)]
    await produce(lane, lane.stock, few, partitions=[1] * 3)
    await asyncio.sleep(0.05)
    await produce(lane, lane.stock, many, partitions=[0] * 700)
    await asyncio.sleep(0.05)
    await produce(lane, lane.errors, [b"," + bytes(900_000)] * 20)
    async with Rereader(lane.settings().kafka) as reader:

        async def latest(count: int, *topics: str) -> list[bytes | None]:
            return [record.value for record in await read_latest(reader._consumer, topics, count)]

        found = await latest(80, lane.stock, "no-such-topic")
        assert 80 <= len(found) < 700
        assert found == many[-len(found) :]
        assert await latest(702, lane.stock) == [*few, *many]
        # Of large records no more than the first look has.
        assert len(await latest(500, lane.errors)) == 10
        assert (await group_positions(lane.settings().kafka)) == {}
