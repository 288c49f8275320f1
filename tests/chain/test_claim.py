"""Several engines of one group at one broker: each message counts once, whatever their client ids."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from bridge.ingest import claim
from bridge.journal import Server, State
from bridge.mqtt.publisher import Publisher
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.programs import run_bridge

if TYPE_CHECKING:
    from typing import Any

    from bridge.chain import Chain
    from bridge.settings import Settings
    from tests.chain.lane import Lane


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "_LOOK", 0.2)


def another(settings: Settings, **ingest: bool) -> Settings:
    """The same settings with another client id, as of two installations."""
    return msgspec.structs.replace(
        settings,
        mqtt=msgspec.structs.replace(settings.mqtt, client_id=f"{settings.mqtt.client_id}-another"),
        ingest=msgspec.structs.replace(settings.ingest, **ingest),
    )


async def publish(settings: Settings, product: dict[str, Any], count: int) -> None:
    async with Publisher(settings.mqtt) as publisher:
        for _ in range(count):
            await publisher.publish(settings.mqtt.publish_topic, b'{"id":%d,"amount":1,"type":"IN"}' % product["id"])


async def stands_by(chain: Chain) -> None:
    await until(lambda: chain.journal.stands_by and chain.journal.connections[Server.MQTT].state is State.REFUSED)


async def stock_is(lane: Lane, product: dict[str, Any], stock: int) -> None:
    """Wait for a stock, and check that it stays."""
    async with asyncio.timeout(120):
        while await lane.stock_of(product) != stock:  # noqa: ASYNC110 - Strapi has no event for it
            await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    assert await lane.stock_of(product) == stock


async def test_a_second_engine_with_another_client_id_only_applies_and_says_so(
    lane: Lane, caplog: pytest.LogCaptureFixture
) -> None:
    product = await lane.make_product(0)
    settings = lane.settings()
    async with engine(settings) as first:
        async with engine(another(settings), wait=False) as second:
            await stands_by(second)
            await until(lambda: second.journal.connections[Server.STRAPI].state is State.UP)
            await publish(settings, product, 50)
            await stock_is(lane, product, 50)
            assert (first.journal.received.total, second.journal.received.total) == (50, 0)
        said = [one.getMessage() for one in caplog.records if "would count twice" in one.getMessage()]
        assert f"{lane.name}-another" in said[0]
        assert "$share/NAME/FILTER" in said[0]
        connection = second.journal.connections[Server.MQTT]
        found = await run_bridge(another(settings), "check", code=1)
        assert "would count twice" in found
        assert "would count twice" not in await run_bridge(settings, "check")
    assert connection is not None
    # While the first is away its queue waits for it, and the second still stands by.
    async with engine(another(settings), wait=False) as second:
        await stands_by(second)
        await publish(settings, product, 10)
        await asyncio.sleep(0.5)
    async with engine(settings):
        await stock_is(lane, product, 60)


async def test_one_takes_over_where_it_is_told_to_and_the_first_does_not_run(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = await lane.make_product(0)
    settings = lane.settings()
    monkeypatch.setattr(claim, "_RENEW", 0.5)
    async with engine(settings):
        await publish(settings, product, 5)
        await stock_is(lane, product, 5)
        async with engine(another(settings, take_over=True), wait=False) as second:
            await stands_by(second)
    monkeypatch.setattr(claim, "_AWAY", 2.0)
    async with engine(another(settings, take_over=True)):
        await publish(settings, product, 5)
        await stock_is(lane, product, 10)
        async with engine(settings, wait=False) as first:
            await stands_by(first)
            await publish(settings, product, 5)
            await stock_is(lane, product, 15)


async def test_two_that_start_at_once_agree(lane: Lane) -> None:
    product = await lane.make_product(0)
    settings = lane.settings()
    async with engine(settings, wait=False) as first, engine(another(settings), wait=False) as second:
        both = [first.journal, second.journal]
        await until(lambda: sorted(one.stands_by for one in both) == [False, True])
        await until(lambda: any(one.connections[Server.MQTT].state is State.UP for one in both))
        await asyncio.sleep(1)
        await publish(settings, product, 20)
        await stock_is(lane, product, 20)


async def test_those_that_share_a_subscription_all_take_part_and_what_one_has_waits_for_it(lane: Lane) -> None:
    product = await lane.make_product(0)
    plain = lane.settings()
    # One that was alone begins to share: its own subscription ends, and what waits in the session does not.
    async with engine(plain):
        await publish(plain, product, 1)
        await stock_is(lane, product, 1)
    await publish(plain, product, 4)
    shared = msgspec.structs.replace(
        plain,
        routes=[msgspec.structs.replace(one, mqtt=f"$share/{lane.name}/{one.mqtt}") for one in plain.routes],
    )
    async with engine(shared) as first:
        await stock_is(lane, product, 5)
        async with engine(another(shared)) as second:
            await publish(plain, product, 50)
            await stock_is(lane, product, 55)
            assert first.journal.received.total + second.journal.received.total == 4 + 50
            assert min(first.journal.received.total - 4, second.journal.received.total) > 10
            async with engine(another(another(plain)), wait=False) as third:
                await stands_by(third)
        await publish(plain, product, 20)
        await until(lambda: first.journal.received.total >= 4 + 25)
    async with engine(shared), engine(another(shared)):
        await stock_is(lane, product, 75)
