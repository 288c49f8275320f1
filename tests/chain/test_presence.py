"""Engines that know of each other by their signs at the broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from typing import TYPE_CHECKING

import aiomqtt
import msgspec
import pytest
from msgspec.structs import replace

from bridge.chain import Chain
from bridge.embedded import EmbeddedChain
from bridge.journal import Journal, Server, State, Verdict
from bridge.mqtt.presence import Presence
from bridge.watch.running_engines import engines_at_broker
from tests.chain.applying import Shop, movement
from tests.chain.lane import until
from tests.chain.programs import write_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.settings import Settings
    from tests.chain.lane import Lane

pytestmark = pytest.mark.timeout(300)


@contextlib.asynccontextmanager
async def bridge(settings: Settings, *, took_over: float = 0.0, earlier: bool = False) -> AsyncIterator[Chain]:
    """An engine as run by `opsci-bridge`."""
    chain = Chain(settings, Journal(10_000, 500), program="opsci-bridge", took_over=took_over, earlier=earlier)
    task = asyncio.create_task(chain.run())
    try:
        yield chain
    finally:
        chain.stop()
        await asyncio.wait_for(task, settings.drain + 15)


def is_up(chain: Chain) -> bool:
    return all(chain.journal.connections[server].state is State.UP for server in Server) and chain.journal.lag >= 0


async def test_a_sign_stands_at_the_broker_as_long_as_the_engine_lives(lane: Lane, tmp_path: Path) -> None:
    settings = lane.settings()
    assert await engines_at_broker(settings) == ""
    async with bridge(settings) as chain:
        await until(lambda: is_up(chain))
        assert "opsci-bridge on " in await engines_at_broker(settings)
        async with aiomqtt.Client("127.0.0.1", port_of(settings)) as client:
            await client.subscribe(f"opsci/engines/{lane.name}/+")
            message = await anext(client.messages)
        assert message.retain
        assert isinstance(message.payload, bytes)
        said = json.loads(message.payload)
        assert (said["program"], said["client_id"]) == ("opsci-bridge", lane.name)
    assert await engines_at_broker(settings) == ""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bridge", "run", "--config", str(write_settings(settings, tmp_path)), "--set", "watch.enabled=false"),
    )
    async with asyncio.timeout(90):
        while not await engines_at_broker(settings):  # noqa: ASYNC110 - the broker calls nobody
            await asyncio.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with asyncio.timeout(30):
        while await engines_at_broker(settings):  # noqa: ASYNC110 - the broker calls nobody
            await asyncio.sleep(0.1)


async def test_a_sign_that_a_killed_broker_kept_delays_nobody(lane: Lane) -> None:
    settings = lane.settings()
    presence = Presence(settings, "opsci-bridge")
    own = presence._own()
    # A number that no process has: Linux counts to 4,194,304.
    ended = f"{own.process.rpartition('/')[0]}/9999999"
    async with aiomqtt.Client("127.0.0.1", port_of(settings)) as client:
        for name, sign in (
            ("ended", replace(own, engine="ended", carries=True, since=1.0, process=ended)),
            ("old", replace(own, engine="old", carries=True, since=1.0, process="", at=own.at - 60)),
        ):
            told = replace(sign, proof=presence._proof_of(sign))
            await client.publish(f"opsci/engines/{lane.name}/{name}", msgspec.json.encode(told), 1, True)
        assert await engines_at_broker(settings) == ""
        async with bridge(settings) as chain:
            await until(lambda: is_up(chain))
            assert "presence" not in chain.journal.notes
            assert not chain.superseded
            for name in ("ended", "old"):
                await client.publish(f"opsci/engines/{lane.name}/{name}", b"", 1, True)


async def test_a_stranger_who_repeats_or_makes_a_sign_makes_nobody_wait(lane: Lane) -> None:
    settings = lane.settings()
    async with bridge(settings) as chain, aiomqtt.Client("127.0.0.1", port_of(settings)) as client:
        await until(lambda: is_up(chain))
        await client.subscribe(f"opsci/engines/{lane.name}/+")
        heard = await anext(client.messages)
        assert isinstance(heard.payload, bytes)
        forged = json.loads(heard.payload) | {"engine": "forged", "took_over": 1e12, "carries": True, "process": ""}
        await client.publish(f"opsci/engines/{lane.name}/forged", json.dumps(forged).encode(), 1, True)
        await until(lambda: chain._presence is not None and len(chain._presence.others) == 1)
        await asyncio.sleep(1)
        assert not chain.superseded
        assert is_up(chain)
        await client.publish(f"opsci/engines/{lane.name}/forged", b"", 1, True)


async def test_it_can_be_switched_off(lane: Lane) -> None:
    settings = lane.settings(mqtt={"presence": ""})
    async with bridge(settings) as chain:
        await until(lambda: is_up(chain))
        assert await engines_at_broker(lane.settings()) == ""


async def test_a_second_engine_with_the_same_client_id_says_so_waits_and_then_carries(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    async with bridge(settings) as first:
        await until(lambda: is_up(first))
        async with bridge(settings) as second:
            await until(lambda: "presence" in second.journal.notes)
            assert "waits until it ends" in second.journal.notes["presence"]
            since = first.journal.connections[Server.MQTT].since
            await first.publish(movement(product, 1))
            await until(lambda: first.journal.verdicts[Verdict.APPLIED] == 1)
            assert first.journal.connections[Server.MQTT].since == since
            assert second.journal.received.total == second.journal.decided.total == 0
            first.stop()
            await until(lambda: is_up(second), what="the second carries")
            assert "presence" not in second.journal.notes
            await second.publish(movement(product, 1))
            await until(lambda: second.journal.verdicts[Verdict.APPLIED] == 1)
    assert await shop.stock(product) == 2


async def test_a_screen_takes_over_from_an_engine_that_waits_and_carries_again_later(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    sent = 0
    async with bridge(settings) as first:
        await until(lambda: is_up(first))
        screen = EmbeddedChain(settings, role="auto")
        screen.start()
        try:
            await until(lambda: screen.watches)
            await until(lambda: screen.journal.connections[Server.MQTT].state is State.UP)
            taking: asyncio.Future[None] | None = None
            while not first.superseded:
                await asyncio.wrap_future(screen.publish(movement(product, 1)))
                sent += 1
                if sent == 20:
                    taking = asyncio.wrap_future(screen.take_over())
            assert taking is not None
            await taking
            assert "opsci-tui on " in first.superseded
            async with bridge(settings) as again:
                await until(lambda: "presence" in again.journal.notes)
                await until(lambda: not screen.watches)
                for _ in range(5):
                    await asyncio.wrap_future(screen.publish(movement(product, 1)))
                    sent += 1
                await until(lambda: screen.journal.lag == 0)
                await asyncio.to_thread(screen.stop)
                await until(lambda: is_up(again), what="it carries again")
                await again.publish(movement(product, 1))
                sent += 1
                await until(lambda: again.journal.lag == 0 and again.journal.verdicts[Verdict.APPLIED] >= 1)
        finally:
            await asyncio.to_thread(screen.stop)
    async with asyncio.timeout(60):
        while await shop.stock(product) != sent:  # noqa: ASYNC110 - Strapi calls nobody
            await asyncio.sleep(0.2)


async def test_a_screen_that_is_taken_over_from_watches(lane: Lane) -> None:
    settings = lane.settings()
    screen = EmbeddedChain(settings)
    screen.start()
    try:
        await until(lambda: screen.journal.lag >= 0)
        async with bridge(settings, took_over=1.0) as other:
            await until(lambda: screen.watches)
            await until(lambda: is_up(other))
            assert "took over this chain" in screen.journal.notes["watching"]
    finally:
        await asyncio.to_thread(screen.stop)


async def test_an_engine_that_ingests_nothing_waits_for_nobody(lane: Lane) -> None:
    async with bridge(lane.settings(apply={"enabled": False})) as first:
        await until(lambda: first.journal.connections[Server.MQTT].state is State.UP)
        async with bridge(lane.settings(ingest={"enabled": False})) as second:
            await until(lambda: second.journal.lag >= 0)
            assert "presence" not in second.journal.notes
            assert not first.superseded


async def test_where_a_route_takes_the_topic_nothing_is_said(lane: Lane) -> None:
    settings = lane.settings()
    settings.routes[0] = type(settings.routes[0])("#", lane.stock)
    presence = Presence(settings, "opsci-bridge")
    await asyncio.wait_for(presence.run(), 5)
    assert presence.heard.is_set()
    assert presence.others == []


def port_of(settings: Settings) -> int:
    return int(settings.mqtt.url.rpartition(":")[2])
