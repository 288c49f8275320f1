"""A watcher beside an engine: it sees what the engine does, counts the same, and changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
from typing import TYPE_CHECKING

import pytest

from bridge.chain import Chain
from bridge.command.watch import Watching, _Printing
from bridge.journal import Journal, Server, State, Verdict
from bridge.kafka.reread import group_members, group_positions
from bridge.mqtt.publisher import Publisher
from bridge.watch.verdicts import Verdicts
from tests.chain.applying import Shop, movement, produce
from tests.chain.engine import engine
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.journal import Journey, Ring
    from bridge.settings import Settings
    from tests.chain.lane import Lane

pytestmark = pytest.mark.timeout(300)


@contextlib.asynccontextmanager
async def watching(settings: Settings, *, earlier: bool = False) -> AsyncIterator[Chain]:
    """A watcher; the block begins once it sees all three servers."""
    chain = Chain(settings, Journal(settings.screen.keep, 500), earlier=earlier, watch=True)
    task = asyncio.create_task(chain.run())
    try:
        await until(lambda: all(one.state is State.UP for one in chain.journal.connections.values()), what="all up")
        yield chain
    finally:
        chain.stop()
        await asyncio.wait_for(task, settings.drain + 10)


def rows(ring: Ring[Journey]) -> list[Journey]:
    return ring.slice(0, ring.next)


def account(journal: Journal) -> dict[str, object]:
    """The figures on which everyone who looks at one chain must agree."""
    return {
        "received": journal.received.total,
        "produced": journal.produced.total,
        "decided": journal.decided.total,
        "letters": journal.rejected.total,
        "verdicts": {name: count for name, count in journal.verdicts.items() if count},
        "reasons": dict(sorted(journal.reasons.items())),
        "waiting": journal.lag,
    }


async def agree(carries: Chain, *watchers: Chain) -> None:
    def same() -> bool:
        wanted = account(carries.journal)
        return wanted["waiting"] == 0 and all(account(one.journal) == wanted for one in watchers)

    def told() -> str:
        return "\n".join(str(account(one.journal)) for one in (carries, *watchers))

    with contextlib.suppress(pytest.fail.Exception):
        await until(same)
    assert same(), told()


def same_stock(ours: Journey, theirs: Journey) -> bool:
    """Whether two know of the same stock; at which one a duplicate was recognised the ledger does not keep."""
    stocks = [(one.stock_before, one.stock_after) for one in (ours, theirs)]
    return theirs.verdict is Verdict.DUPLICATE or stocks[0] == stocks[1]


async def test_a_watcher_counts_as_the_engine_does_and_moves_nothing(lane: Lane, shop: Shop) -> None:
    product = await shop.add(10)
    settings = lane.settings()
    async with engine(settings) as carries:
        await until(lambda: carries.journal.lag == 0)
        before = await group_positions(settings.kafka)
        async with watching(settings) as watches:
            assert await group_members(settings.kafka) == 1
            assert await group_positions(settings.kafka) == before
            for payload in (movement(product, 5), movement(product, -99), b"Hello mqtt0", movement("nobody", 1)):
                await carries.publish(payload)
            # Without an identity, and twice alike.
            async with Publisher(settings.mqtt) as publisher:
                for _ in range(2):
                    await publisher.publish(lane.mqtt_topic, movement(product, 1))
                for _ in range(2):
                    await publisher.publish(lane.mqtt_topic, movement(product, 2), f"{lane.name}-twice")
                await publisher.publish(f"{lane.name}/event/door", b'{"value":"opened"}')
            await produce(lane, lane.stock, [movement(product, 3)])
            await agree(carries, watches)
            found = {(one.kafka_topic, one.position): one for one in rows(watches.journal.kafka)}
            for theirs in rows(carries.journal.kafka):
                ours = found[theirs.kafka_topic, theirs.position]
                assert (ours.verdict, ours.movement_id, ours.qos) == (theirs.verdict, theirs.movement_id, theirs.qos)
                # A dead letter may come first: the stock at which it was refused the ledger says after it.
                await until(lambda ours=ours, theirs=theirs: same_stock(ours, theirs), 30, f"{ours} {theirs}")  # type: ignore[misc]
                assert (ours.rejection and ours.rejection.reason) == (theirs.rejection and theirs.rejection.reason)
            assert watches.journal.verdicts[Verdict.DUPLICATE] == 1
            assert watches.journal.verdicts[Verdict.CARRIED] == 1
            stands = watches.journal.stock.get(product)
            assert stands is not None
            assert stands.stock == 10 + 5 + 2 + 2 + 3
            assert await group_members(settings.kafka) == 1
        assert carries.journal.gaps == dict.fromkeys(carries.journal.gaps, 0)
        assert carries.journal.connections[Server.MQTT].state is State.UP


async def test_a_dead_letter_that_comes_before_its_record_has_the_ledger_asked_for_the_stock(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(10)
    settings = lane.settings()
    async with engine(settings) as carries:
        await carries.publish(movement(product, -99))
        await until(lambda: carries.journal.verdicts[Verdict.REJECTED] == 1)
        (theirs,) = rows(carries.journal.kafka)
        (letter,) = await carries.letters()
    ours = copy.copy(theirs)
    for name in ("verdict", "rejection", "decided_at", "stock_before", "stock_after"):
        setattr(ours, name, None)
    verdicts = Verdicts(settings, Journal(100, 100))
    asking = asyncio.create_task(verdicts.run())
    try:
        assert verdicts.refused((ours.kafka_topic, ours.partition), ours.offset, letter) is None
        verdicts.follow([ours])
        assert ours.verdict is Verdict.REJECTED
        await until(lambda: ours.stock_before == theirs.stock_before == 10, 60)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def test_what_waits_when_a_watcher_comes_gets_its_verdict_and_counts_nowhere(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    async with engine(settings) as carries:
        await until(lambda: carries.journal.lag == 0)
        await carries.publish(movement(product, 1))
        await until(lambda: carries.journal.decided.total == 1)
        carries.apply.pause()
        for _ in range(3):
            await carries.publish(movement(product, 1))
        await until(lambda: carries.journal.lag == 3)
        async with watching(settings, earlier=True) as watches:
            await until(lambda: len(watches.journal.kafka) == 4 and watches.journal.lag == 3)
            await until(lambda: rows(watches.journal.kafka)[0].verdict is Verdict.APPLIED)
            assert [one.decided_at for one in rows(watches.journal.kafka)[1:]] == [None] * 3
            carries.apply.resume()
            await until(lambda: all(one.verdict is Verdict.APPLIED for one in rows(watches.journal.kafka)))
            await until(lambda: watches.journal.lag == 0)
            assert [one.stock_after for one in rows(watches.journal.kafka)] == [1, 2, 3, 4]
            assert watches.journal.received.total == watches.journal.decided.total == 0


async def test_without_a_ledger_the_position_tells_and_that_is_said(lane: Lane, shop: Shop) -> None:
    product = await shop.add(2)
    settings = lane.settings(strapi={"mode": "rest5"})
    async with engine(settings) as carries, watching(settings) as watches:
        await until(lambda: carries.journal.lag == 0)
        for payload in (movement(product, -1), movement(product, -5), b'{"id":1}'):
            await carries.publish(payload)
        await until(lambda: carries.journal.received.total == 3)
        await agree(carries, watches)
        assert watches.journal.verdicts == {
            **dict.fromkeys(Verdict, 0),
            Verdict.APPLIED: 1,
            Verdict.REJECTED: 2,
        }
        assert "no ledger" in watches.journal.notes["watch-ledger"]


async def test_it_says_that_nobody_applies_and_sees_the_engine_that_comes(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    async with engine(settings) as carries:
        await until(lambda: carries.journal.lag == 0)
    async with watching(settings) as watches:
        await until(lambda: "watch-nobody" in watches.journal.notes)
        await watches.publish(movement(product, 4))
        await until(lambda: watches.journal.received.total == 1)
        assert rows(watches.journal.mqtt)[0].published_at is not None
        assert len(watches.journal.kafka) == 0
        async with engine(settings) as carries:
            await agree(carries, watches)
            await until(lambda: "watch-nobody" not in watches.journal.notes)
    assert await shop.stock(product) == 4


async def test_watchers_come_back_after_each_server_was_away(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    async with engine(settings) as carries, watching(settings) as watches:
        await until(lambda: carries.journal.lag == 0)
        for number, server in enumerate(("mosquitto", "kafka", "strapi"), 1):
            lane.stack.stop_server(server)
            try:
                await until(lambda: watches.journal.connections[NAMES[server]].state is State.DOWN, what=server)  # noqa: B023
            finally:
                lane.stack.start_server(server)
            await until(lambda: all(one.state is State.UP for one in watches.journal.connections.values()), 90)
            await until(lambda: all(one.state is State.UP for one in carries.journal.connections.values()), 90)
            for _ in range(3):
                await carries.publish(movement(product, 1))
            await until(lambda: carries.journal.verdicts[Verdict.APPLIED] == 3 * number)  # noqa: B023
            await agree(carries, watches)
    assert watches.journal.verdicts[Verdict.APPLIED] == 9


NAMES = {"mosquitto": Server.MQTT, "kafka": Server.KAFKA, "strapi": Server.STRAPI}


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_watcher_takes_no_share_of_a_shared_subscription(lane: Lane, shop: Shop, version: str) -> None:
    product = await shop.add(0)
    settings = lane.settings(mqtt={"version": version})
    settings.routes[0] = type(settings.routes[0])(f"$share/engines/{lane.mqtt_topic}", lane.stock)
    async with engine(settings) as carries, watching(settings) as one, watching(settings) as other:
        await until(lambda: carries.journal.lag == 0)
        for _ in range(20):
            await carries.publish(movement(product, 1))
        await until(lambda: carries.journal.received.total == 20)
        await agree(carries, one, other)


async def test_the_command_prints_each_movement_and_then_the_account(
    lane: Lane, shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    product = await shop.add(5)
    settings = lane.settings()
    async with engine(settings) as carries:
        await until(lambda: carries.journal.lag == 0)
        printing = asyncio.create_task(_Printing(settings, Watching(as_json=True, hops=True, most=3)).run())
        told = ""

        def said() -> str:
            nonlocal told
            found = capsys.readouterr()
            told += found.err
            printed.extend(json.loads(line) for line in found.out.splitlines())
            return told

        printed: list[dict[str, object]] = []
        await until(lambda: "mqtt: up" in said() and "strapi: up" in told)
        for payload in (movement(product, 2), movement(product, -99), b"Hello mqtt0"):
            await carries.publish(payload)
        assert await asyncio.wait_for(printing, 60) == 0
        said()
        assert "decided 3 (applied 1, rejected 2)" in told
        hops = [line["hop"] for line in printed]
        assert (hops.count("received"), hops.count("in-kafka"), hops.count("decided")) == (3, 2, 3)
        ends = {line["payload"]: line for line in printed if line["hop"] == "decided"}
        applied = ends[movement(product, 2).decode()]
        assert (applied["verdict"], applied["stock_before"], applied["stock_after"]) == ("applied", 5, 7)
        assert applied["product_name"] == "Lamp"
        assert ends["Hello mqtt0"]["reason"] == "not-json"
        assert await _Printing(settings, Watching(most=1, seconds=0.2)).run() == 1
