"""The assignment of partitions to workers: no partition is ever assigned to two."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from bridge.apply.worker import Assignment
from bridge.kafka.fetching import PartitionShare

TOPICS = frozenset({"stock"})
WHOLE = PartitionShare(TOPICS)


class Place(NamedTuple):
    """The attributes of a partition that a share needs."""

    topic: str
    partition: int


PLACES = [Place("stock", number) for number in range(5)]


class Backlog:
    """A backlog set by the test."""

    def __init__(self) -> None:
        self.there = False

    def __call__(self) -> bool:
        """Whether there is a backlog."""
        return self.there


async def settle() -> None:
    """Let all tasks run that can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_one_lane_has_all_until_there_is_a_backlog_and_again_after_it() -> None:
    backlog = Backlog()
    spread = Assignment(TOPICS, 2, backlog)
    async with AsyncExitStack() as first, AsyncExitStack() as second:
        assert await first.enter_async_context(spread.share(0)) == WHOLE
        waiting = asyncio.create_task(second.enter_async_context(spread.share(1)))
        await settle()
        backlog.there = True
        await settle()
        # What the first one has in hand may be of each partition.
        assert not waiting.done()
        await first.aclose()
        assert await waiting == PartitionShare(TOPICS, 1, 2)
        assert await first.enter_async_context(spread.share(0)) == PartitionShare(TOPICS, 0, 2)
        backlog.there = False
        await first.aclose()
        waiting = asyncio.create_task(first.enter_async_context(spread.share(0)))
        await settle()
        assert not waiting.done()
        await second.aclose()
        assert await waiting == WHOLE


async def test_who_gives_up_waiting_takes_nothing() -> None:
    spread = Assignment(TOPICS, 2, Backlog())
    async with spread.share(0):
        waiting = asyncio.create_task(AsyncExitStack().enter_async_context(spread.share(1)))
        await settle()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    async with asyncio.timeout(1), spread.share(0) as share:
        assert share == WHOLE


@given(st.integers(1, 4), st.lists(st.tuples(st.booleans(), st.integers(1, 4)), min_size=8, max_size=60))
def test_no_partition_is_with_two_lanes_and_no_lane_waits_for_ever(workers: int, steps: list[tuple[bool, int]]) -> None:
    backlog = Backlog()
    spread = Assignment(TOPICS, workers, backlog)
    had: dict[int, list[Place]] = {}
    turns = [0] * workers

    async def work(worker: int) -> None:
        for there, rounds in steps:
            backlog.there = there
            async with spread.share(worker) as share:
                places = share.among(PLACES)
                assert not any(set(places) & set(others) for others in had.values())
                had[worker] = places
                for _ in range(rounds):
                    await asyncio.sleep(0)
                del had[worker]
            turns[worker] += 1

    async def run() -> None:
        async with asyncio.timeout(20), asyncio.TaskGroup() as group:
            for worker in range(workers):
                group.create_task(work(worker))

    asyncio.run(run())
    assert turns == [len(steps)] * workers
