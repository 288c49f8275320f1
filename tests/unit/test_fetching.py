"""How long the consumer's next request waits at the broker, and for how many bytes."""

from __future__ import annotations

import asyncio

import pytest

from bridge.kafka.fetching import Fetching

QUIET, WORKING, BACKLOG = (500, 1), (100, 1), (20, 1)
MEGABYTE = 1_048_576


class Asked:
    """Keeps the last request."""

    def __init__(self) -> None:
        self.last = (0, 0)
        self.fetching = Fetching(self.ask)

    def ask(self, wait: int, least: int) -> None:
        self.last = (wait, least)

    def work(self, took: float, *, full: bool = False) -> None:
        self.fetching.taken(full=full)
        self.fetching.put_down(took)

    def expect(self, took: float) -> None:
        """Pretend that every batch so far took a number of seconds."""
        for _ in range(50):
            self.work(took)


@pytest.fixture
def asked() -> Asked:
    return Asked()


async def test_where_nothing_is_worked_on_it_waits_long_for_the_first_record(asked: Asked) -> None:
    asked.fetching.look_begins()
    assert asked.last == QUIET
    assert asked.fetching.look == 500


async def test_the_first_batch_has_no_measure_yet(asked: Asked) -> None:
    asked.fetching.taken(full=False)
    assert asked.last == WORKING
    asked.fetching.put_down(0.0)
    assert asked.last == QUIET


async def test_while_a_batch_is_worked_on_it_gathers_for_most_of_the_time_that_it_takes(asked: Asked) -> None:
    asked.expect(0.01)
    asked.fetching.taken(full=False)
    wait, least = asked.last
    assert 7 <= wait <= 8
    assert least == MEGABYTE
    asked.fetching.look_begins()
    assert asked.last == (wait, least), "somebody else who looks does not end it"
    await asyncio.sleep(0.05)
    assert asked.last == WORKING
    asked.fetching.put_down(0.05)
    assert asked.last == QUIET


async def test_a_batch_that_took_very_long_counts_for_no_more_than_a_long_one(asked: Asked) -> None:
    asked.expect(3_600.0)
    asked.fetching.taken(full=False)
    assert 39 <= asked.last[0] <= 40
    asked.fetching.end_gathering()


async def test_in_a_backlog_nothing_is_gathered_and_no_look_lasts(asked: Asked) -> None:
    asked.expect(0.01)
    asked.fetching.taken(full=True)
    assert asked.last == BACKLOG
    assert asked.fetching.backlog
    assert asked.fetching.look == 20
    asked.fetching.taken(full=False)
    assert asked.last == BACKLOG


async def test_a_backlog_is_over_where_no_batch_was_full_for_a_while(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked.work(0.0, full=True)
    monkeypatch.setattr("bridge.kafka.fetching._BACKLOG", 0.0)
    assert not asked.fetching.backlog
    asked.fetching.look_begins()
    assert asked.last == QUIET


async def test_the_next_batch_begins_the_gathering_anew(asked: Asked) -> None:
    asked.expect(0.05)
    asked.fetching.taken(full=False)
    asked.fetching.put_down(0.001)
    assert asked.last[1] == MEGABYTE, "the request that gathers is under way"
    asked.fetching.taken(full=False)
    assert asked.last[1] == MEGABYTE
    asked.fetching.end_gathering()
    await asyncio.sleep(0.1)
    assert asked.last[1] == MEGABYTE, "a consumer that stopped is told nothing more"
