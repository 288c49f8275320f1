"""A loop ends although a library swallowed the cancellation."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from bridge.backoff import pause


async def test_a_cancellation_that_was_lost_counts_at_the_next_pause() -> None:
    begun = asyncio.Event()

    async def loses() -> None:
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(3600)

    async def loop() -> None:
        while True:
            await loses()
            await pause(0)

    task = asyncio.create_task(loop())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(task), 60)


async def test_a_timeout_is_no_cancellation() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.sleep(3600)
    await pause(0)
