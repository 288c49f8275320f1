"""A screen's chain beside other engines: it watches if one carries the chain, and takes over when told to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from bridge.embedded import EmbeddedChain
from bridge.journal import WATCHES, State, Verdict
from bridge.kafka.reread import group_members
from tests.chain.applying import Shop, movement
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.programs import write_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.embedded import Role
    from bridge.settings import Settings
    from tests.chain.lane import Lane

pytestmark = pytest.mark.timeout(300)


@contextlib.asynccontextmanager
async def screen(settings: Settings, role: Role = "auto") -> AsyncIterator[EmbeddedChain]:
    """A screen's chain; the block begins once its three servers are up."""
    chain = EmbeddedChain(settings, role=role)
    chain.start()
    try:
        await until(lambda: all(one.state is State.UP for one in chain.journal.connections.values()), what="all up")
        yield chain
    finally:
        await asyncio.to_thread(chain.stop)


async def test_where_no_engine_runs_it_carries_the_chain(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    async with screen(lane.settings()) as chain:
        assert not chain.watches
        await asyncio.wrap_future(chain.publish(movement(product, 1)))
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)


async def test_beside_an_engine_it_watches_says_so_and_publishes(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    async with engine(settings) as carries:
        await until(lambda: carries.journal.lag == 0)
        async with screen(settings) as one, screen(settings) as other:
            assert one.watches
            assert other.watches
            assert "another engine carries this chain" in one.journal.notes[WATCHES]
            assert await group_members(settings.kafka) == 1
            await asyncio.wrap_future(one.publish(movement(product, 3)))
            for each in (one, other):
                await until(lambda each=each: each.journal.verdicts[Verdict.APPLIED] == 1)  # type: ignore[misc]
            # What was published here is taken out of the outbox once the stock shows it.
            await until(lambda: one.chain is not None and one.chain.outbox is not None and not one.chain.outbox.waiting)
    assert await shop.stock(product) == 3


async def test_taking_over_loses_nothing_and_counts_nothing_twice(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings(mqtt={"client_id": f"{lane.name}-screen"})
    async with screen(settings, "watch") as chain, engine(lane.settings()) as carries:
        await until(lambda: carries.journal.lag == 0)
        for _ in range(3):
            await asyncio.wrap_future(chain.publish(movement(product, 1)))
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 3)
        await asyncio.wrap_future(chain.take_over())
        await until(lambda: not chain.watches and chain.journal.lag >= 0)
        await asyncio.wrap_future(chain.publish(movement(product, 1)))
        assert "watching" not in chain.journal.notes
        # The other one has the session, and so the messages; both have a share of the partitions.
        await until_stock(shop, product, 4)
        await until(lambda: carries.journal.lag == chain.journal.lag == 0)
        assert await group_members(settings.kafka) == 2


async def until_stock(shop: Shop, product: int, stock: int) -> None:
    async with asyncio.timeout(60):
        while await shop.stock(product) != stock:  # noqa: ASYNC110 - Strapi calls nobody
            await asyncio.sleep(0.2)


async def test_a_killed_engine_that_kafka_still_counts_is_replaced(lane: Lane, shop: Shop, tmp_path: Path) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "bridge", "run", "--config", str(write_settings(settings, tmp_path)), "--set", "watch.enabled=false"),
    )
    async with asyncio.timeout(90):
        while not await group_members(settings.kafka):  # noqa: ASYNC110 - Kafka calls nobody
            await asyncio.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    async with screen(settings) as chain:
        await until(lambda: not chain.watches)
        await asyncio.wrap_future(chain.publish(movement(product, 1)))
        await until_stock(shop, product, 1)
