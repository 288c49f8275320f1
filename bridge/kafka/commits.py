"""Asynchronous commits: while Kafka handles one, the next records are already processed."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.kafka.consumer import Consumer

__all__ = ["Commits"]

_APART: Final = 0.1
"""Seconds between the starts of two commits, unless someone waits for them."""


class Commits:
    """Commits settled offsets, one commit at a time and at most ten a second, each with all that is settled by then.

    A commit takes about as long as a batch in Strapi; waiting for it would add that time to each batch. What is settled
    but not committed is redelivered after a crash, like records in flight.

    Args:
        consumer: whose offsets.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._settled: dict[tuple[str, int], int] = {}
        self._generation = -1
        self._task: asyncio.Task[bool] | None = None
        self._begun = float("-inf")
        self._hurry = asyncio.Event()

    async def note(self, positions: Mapping[tuple[str, int], int], generation: int) -> bool:
        """Schedule offsets to be committed.

        Args:
            positions: by topic and partition, the offset of the first record that is not settled.
            generation: of the assignment under which the records were fetched; under a later one they are not
                committed.

        Returns:
            False if the group refused an earlier commit: the partitions are no longer ours.

        Raises:
            ServerError: this consumer can't continue.
        """
        if generation != self._generation:
            self._settled, self._generation = {}, generation
        self._settled.update(positions)
        return await self.look()

    async def look(self) -> bool:
        """Start the next commit unless one is in flight; returns and raises what `note` does."""
        accepted = True
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            accepted = await task
        if self._task is None and self._settled:
            self._task = asyncio.create_task(self._commit())
        return accepted

    async def flush(self) -> None:
        """Wait until everything noted was committed, refused or failed; the next `look` reports which."""
        if self._task is not None:
            self._hurry.set()
            await asyncio.wait([self._task])
            self._hurry.clear()

    async def stop(self) -> None:
        """Abandon the commit in flight."""
        self._settled.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                # Whatever the error, this consumer is being stopped.
                self._task.exception()

    async def _commit(self) -> bool:
        loop = asyncio.get_running_loop()
        while self._settled:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), max(0.0, self._begun + _APART - loop.time()))
            self._begun = loop.time()
            positions, self._settled = self._settled, {}
            if not self._consumer.takes(self._generation) or not await self._consumer.commit(positions):
                self._settled.clear()
                return False
        return True
