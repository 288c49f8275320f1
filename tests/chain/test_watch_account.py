"""The account is the same for everyone: watchers that come and go end with the engine's counts."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from bridge.journal import Server, State
from bridge.mqtt.publisher import Publisher
from tests.chain.applying import Shop, movement
from tests.chain.lane import until
from tests.chain.test_presence import bridge, is_up
from tests.chain.test_watch import account, watching

if TYPE_CHECKING:
    from tests.chain.lane import Lane

SECONDS = float(os.environ.get("OPSCI_ACCOUNT_SECONDS", "20"))
"""How long movements come; the README's figures are of 300."""

RATE = 200


@pytest.mark.timeout(900)
async def test_watchers_that_come_and_go_end_with_the_engines_counts(lane: Lane, shop: Shop) -> None:
    products = [await shop.add(100) for _ in range(10)]
    settings = lane.settings()
    async with contextlib.AsyncExitStack() as all_the_time, bridge(settings) as carries:
        await until(lambda: is_up(carries))
        first = await all_the_time.enter_async_context(watching(settings))
        sending = asyncio.create_task(send(lane, products))
        # It comes and goes, and each time it counts on from what the engine counted.
        while not sending.done():
            async with watching(settings):
                await asyncio.sleep(min(3.0, SECONDS / 6))
        late = await all_the_time.enter_async_context(watching(settings))
        lane.stack.pause_server("strapi")
        try:
            for product in products:
                await carries.publish(movement(product, 1))
        finally:
            lane.stack.resume_server("strapi")
        sent = await sending + len(products)

        def told() -> str:
            return "\n".join(str(account(one.journal)) for one in (carries, first, late))

        def agree() -> bool:
            wanted = account(carries.journal)
            same = all(account(one.journal) == wanted for one in (first, late))
            return same and wanted["waiting"] == 0 and wanted["received"] == sent

        with contextlib.suppress(pytest.fail.Exception):
            await until(agree, 120)
        assert agree(), f"sent {sent}\n{told()}"
        assert carries.journal.connections[Server.MQTT].state is State.UP


@pytest.mark.timeout(300)
async def test_counters_that_the_engine_resets_are_reset_for_its_watchers_while_movements_come(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(100)
    settings = lane.settings()
    async with bridge(settings) as carries, watching(settings) as watcher:
        await until(lambda: is_up(carries))
        before = 300
        for _ in range(before):
            await carries.publish(movement(product, 1))
        await until(lambda: account(watcher.journal) == account(carries.journal))
        stops = asyncio.Event()

        async def go_on() -> None:
            while not stops.is_set():
                await carries.publish(movement(product, 1))
                await asyncio.sleep(0.2)

        moving = asyncio.create_task(go_on())
        carries.journal.reset_counters()
        try:
            # It has seen more than that itself, and as long as movements come it goes by what it sees.
            await until(lambda: watcher.journal.received.total < before)
        finally:
            stops.set()
            await moving
        await until(lambda: account(watcher.journal) == account(carries.journal))


async def send(lane: Lane, products: list[int]) -> int:
    """Publish at the rate, partly invalid movements, and return how many there were."""
    sent = 0
    began = time.monotonic()
    async with Publisher(lane.settings().mqtt) as publisher, asyncio.TaskGroup() as tasks:
        while (now := time.monotonic() - began) < SECONDS:
            while sent < now * RATE:
                product = products[sent % len(products)]
                payload = b"Hello" if sent % 50 == 0 else movement(product, 5 if sent % 3 else -10_000 * (sent % 2) - 1)
                tasks.create_task(publisher.publish(lane.mqtt_topic, payload, f"{lane.name}-{sent}"))
                sent += 1
            await asyncio.sleep(0.02)
    return sent
