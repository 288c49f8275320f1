"""Asynchronous commits: the latest offsets, never under another assignment, and refusals reported."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

import bridge.kafka.commits
from bridge.errors import ServerError
from bridge.kafka.commits import Commits
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.kafka.consumer import Consumer

PLACE = ("stock", 0)
OTHER = ("stock", 1)


class Recorded:
    """A fake consumer: the test decides when Kafka answers, and what."""

    def __init__(self) -> None:
        self.committed: list[dict[tuple[str, int], int]] = []
        self.answer: bool | Exception = True
        self.open = asyncio.Event()
        self.open.set()
        self.generation = 1
        self.asked = asyncio.Event()

    def takes(self, generation: int) -> bool:
        return generation == self.generation

    async def commit(self, positions: Mapping[tuple[str, int], int]) -> bool:
        self.asked.set()
        await self.open.wait()
        self.committed.append(dict(positions))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    monkeypatch.setattr(bridge.kafka.commits, "_APART", 0.0)
    return Recorded()


@pytest.fixture
def commits(consumer: Recorded) -> Commits:
    return Commits(cast("Consumer", consumer))


async def test_what_settles_meanwhile_is_one_commit_of_the_newest(consumer: Recorded, commits: Commits) -> None:
    consumer.open.clear()
    assert await commits.note({PLACE: 5}, 1)
    await consumer.asked.wait()
    for offset in (6, 7, 8):
        assert await commits.note({PLACE: offset}, 1)
    assert await commits.note({OTHER: 2}, 1)
    consumer.open.set()
    await commits.flush()
    assert consumer.committed == [{PLACE: 5}, {PLACE: 8, OTHER: 2}]
    assert await commits.look()


async def test_whoever_waits_does_not_wait_for_the_next_tenth(
    consumer: Recorded, commits: Commits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.kafka.commits, "_APART", 3600.0)
    await commits.note({PLACE: 1}, 1)
    await commits.flush()
    await commits.note({PLACE: 2}, 1)
    await asyncio.sleep(0.01)
    assert consumer.committed == [{PLACE: 1}]
    await asyncio.wait_for(commits.flush(), 5)
    assert consumer.committed == [{PLACE: 1}, {PLACE: 2}]


async def test_a_refusal_is_told_once_and_ends_what_was_noted(consumer: Recorded, commits: Commits) -> None:
    consumer.answer = False
    await commits.note({PLACE: 5}, 1)
    await commits.flush()
    assert not await commits.note({PLACE: 6}, 1)
    await commits.flush()
    consumer.answer = True
    assert not await commits.look()
    assert await commits.look()


async def test_nothing_is_committed_once_partitions_were_given_anew(consumer: Recorded, commits: Commits) -> None:
    consumer.generation = 3
    await commits.note({PLACE: 5}, 1)
    await commits.flush()
    assert consumer.committed == []
    assert not await commits.note({OTHER: 9}, 3)
    await commits.flush()
    assert consumer.committed == [{OTHER: 9}], "the positions of before are not among them"


async def test_a_consumer_that_cant_go_on_says_so_at_the_next_look(consumer: Recorded, commits: Commits) -> None:
    consumer.answer = ServerError("kafka", Phrase("gone"), Phrase("wait"))
    await commits.note({PLACE: 5}, 1)
    await commits.flush()
    with pytest.raises(ServerError, match="gone"):
        await commits.look()


async def test_stopping_gives_up_what_hangs_and_what_failed(consumer: Recorded, commits: Commits) -> None:
    consumer.open.clear()
    await commits.note({PLACE: 5}, 1)
    await consumer.asked.wait()
    await asyncio.wait_for(commits.stop(), 5)
    assert consumer.committed == []
    consumer.open.set()
    consumer.answer = ServerError("kafka", Phrase("gone"), Phrase("wait"))
    other = Commits(cast("Consumer", consumer))
    await other.note({PLACE: 5}, 1)
    await other.flush()
    await other.stop()
