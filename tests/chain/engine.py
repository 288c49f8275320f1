"""A whole engine for a test: ingest, apply and the stock table, on the real servers."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from bridge.chain import Chain
from bridge.journal import Journal, Server, State
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.settings import Settings


@contextlib.asynccontextmanager
async def engine(settings: Settings, *, wait: bool = True) -> AsyncIterator[Chain]:
    """Run a chain; with `wait`, the block begins once its three servers are up."""
    chain = Chain(settings, Journal(settings.screen.keep))
    task = asyncio.create_task(chain.run())
    try:
        if wait:
            await until(
                lambda: all(chain.journal.connections[server].state is State.UP for server in Server),
                what="the three servers are up",
            )
        yield chain
    finally:
        chain.stop()
        await asyncio.wait_for(task, settings.drain + 10)
