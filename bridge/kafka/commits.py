"""Commits behind the work: while Kafka takes one, the next records are worked on already."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.kafka.consumer import Consumer

__all__ = ["Commits"]

_APART: Final = 0.1
"""Seconds between the beginnings of two commits, where no one waits for them."""


class Commits:
    """Commits what is settled, one commit at a time and at most ten a second, each of all that was settled until then.

    A commit takes about as long as a batch in Strapi, and whoever waits for it has that time added to each batch. What
    is settled and not committed comes again after a crash, as what is in hand does.

    Args:
        consumer: whose.
    """

    def __init__(self, consumer: Consumer) -> None:
        self._consumer = consumer
        self._settled: dict[tuple[str, int], int] = {}
        self._generation = -1
        self._task: asyncio.Task[bool] | None = None
        self._begun = float("-inf")
        self._hurry = asyncio.Event()

    async def note(self, positions: Mapping[tuple[str, int], int], generation: int) -> bool:
        """Have positions committed soon.

        Args:
            positions: for each topic and partition, the offset of the first record that is not settled.
            generation: of the assignment that the records came under; under a later one they are not committed.

        Returns:
            False where the group refused what was noted before: the partitions are no longer ours.

        Raises:
            ServerError: this consumer can't go on.
        """
        if generation != self._generation:
            self._settled, self._generation = {}, generation
        self._settled.update(positions)
        return await self.look()

    async def look(self) -> bool:
        """Go on with what is noted where nothing is under way; returns and raises what `note` does."""
        accepted = True
        if self._task is not None and self._task.done():
            task, self._task = self._task, None
            accepted = await task
        if self._task is None and self._settled:
            self._task = asyncio.create_task(self._commit())
        return accepted

    async def flush(self) -> None:
        """Wait until all that was noted is committed or refused, or can't be; the next `look` says so."""
        if self._task is not None:
            self._hurry.set()
            await asyncio.wait([self._task])
            self._hurry.clear()

    async def stop(self) -> None:
        """Give up what is under way."""
        self._settled.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                # Whatever it was, this consumer is given up.
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
