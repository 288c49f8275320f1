"""`opsci-bridge trial`: five movements through the real chain, each one's way told in plain lines."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from bridge.chain import Chain
from bridge.command.try_out import Attempt, plan
from bridge.errors import OpsciError, PublishError
from bridge.journal import Journal, Server, Stage, State
from bridge.strapi.client import StrapiClient
from bridge.strapi.products import find_rows, product_of
from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.journal import Product
    from bridge.settings import Settings

__all__ = ["trial"]

_CONNECTED_WITHIN: Final = 60.0
_REFUSED_FOR: Final = 3.0
"""Seconds after which a refusal counts: it does not end by itself."""
_DECIDED_WITHIN: Final = 30.0
_LOOK: Final = 0.05


class _FailedError(OpsciError):
    """A hop failed; the text says which, and what it says itself."""


def trial(settings: Settings) -> int:
    """Send five movements and tell each one's way.

    Args:
        settings: the engine's; it ingests and applies, whatever they say.

    Returns:
        The exit code: 0 each came to the verdict that it should, 1 a hop failed, which was said.
    """
    whole = replace(
        settings, ingest=replace(settings.ingest, enabled=True), apply=replace(settings.apply, enabled=True)
    )
    try:
        return asyncio.run(_trial(whole))
    except _FailedError as error:
        print(f"FAILED  {error}")
        return 1


async def _trial(settings: Settings) -> int:
    chain = Chain(settings, Journal())
    running = asyncio.create_task(chain.run())
    try:
        await _connected(chain)
        attempts = plan(chain.journal.stock)
        if not attempts:
            msg = "Strapi: it has no product with a stock to try with; seed it first"
            raise _FailedError(msg)
        for attempt in attempts:
            await _sent(chain, attempt)
        failed = [await _told(chain, number, attempt) for number, attempt in enumerate(attempts, 1)]
        await _tell_stock(settings, [attempt.product for attempt in attempts if attempt.product is not None])
    finally:
        chain.stop()
        await running
    wrong = [text for text in failed if text]
    for text in wrong:
        print(f"FAILED  {text}")
    if not wrong:
        print(f"{len(attempts)} of {len(attempts)} movements ended as they should")
    return 1 if wrong else 0


async def _connected(chain: Chain) -> None:
    """Wait for the three connections and a first look at the products."""
    journal = chain.journal
    started = time.monotonic()

    def up() -> bool:
        return all(journal.connections[server].state is State.UP for server in Server) and journal.lag >= 0

    def refused() -> bool:
        since = [found.since for found in journal.connections.values() if found.state is State.REFUSED]
        return any(time.time() - moment > _REFUSED_FOR for moment in since)

    await _until(lambda: up() or refused(), _CONNECTED_WITHIN)
    if not up():
        away = [journal.connections[server] for server in Server if journal.connections[server].state is not State.UP]
        told = [
            f"{server}: {connection.state} at {connection.address}"
            + "".join(f", {text}" for text in (connection.detail, connection.advice) if text)
            for server, connection in journal.connections.items()
            if connection in away
        ]
        notes = list(journal.notes.values())
        raise _FailedError("; ".join(told or notes or ["kafka: the consumer group did not start"]))
    for server in Server:
        print(f"{server.value:<6}  up at {journal.connections[server].address}")
    print(f"ready after {time.monotonic() - started:.1f} s, {len(journal.stock)} products")


async def _sent(chain: Chain, attempt: Attempt) -> None:
    began = time.monotonic()
    try:
        attempt.journey = await chain.publish(attempt.payload)
    except PublishError as error:
        msg = f"MQTT: {error}"
        raise _FailedError(msg) from error
    attempt.sent = time.monotonic() - began


async def _told(chain: Chain, number: int, attempt: Attempt) -> str:
    """Wait for one movement's verdict and print its way; say what is wrong with it."""
    decided = await _until(lambda: attempt.follow(chain.journal).stage is Stage.DECIDED, _DECIDED_WITHIN)
    print(f"{number:02d}  {attempt.way()}")
    if not decided:
        return f"{number:02d} {attempt.waits_for(chain.journal)}"
    if not attempt.as_expected:
        return f"{number:02d} should be {attempt.expected}"
    return ""


async def _tell_stock(settings: Settings, products: Sequence[Product]) -> None:
    """Print what stands in Strapi, read from it and not from what the engine believes."""
    async with StrapiClient(settings.strapi) as client:
        names = dict.fromkeys(str(product.id) for product in products)
        rows = await find_rows(client, names, documents=False)
    for name in names:
        product = product_of(rows[name], settings.strapi.stock_field)
        print(f'stock of {product.id} "{readable(product.name)}" in Strapi: {product.stock}')


async def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(_LOOK)
    return True
