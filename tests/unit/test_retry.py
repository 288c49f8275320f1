"""Retries: during an outage only one request is repeated, an answer releases the others, and each can be cancelled."""

from __future__ import annotations

import asyncio

import pytest

from bridge.apply.retry import DroppedError, Retry
from bridge.errors import UnreachableError
from bridge.journal import Journal, Server, State
from bridge.settings import ApplySettings
from tests.chain.lane import until


class Strapi:
    """A fake request: the test decides its result."""

    def __init__(self) -> None:
        self.up = False
        self.asked = 0
        self.under_way = 0
        self.most_under_way = 0

    async def ask(self) -> str:
        self.asked += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0.001)
        self.under_way -= 1
        if not self.up:
            raise UnreachableError("strapi", "away")
        return "answer"


def retry(journal: Journal, pause: float = 0.01) -> Retry:
    return Retry(ApplySettings(first_pause=pause, longest_pause=pause), journal, lambda: False)


def never() -> bool:
    return False


async def test_where_it_does_not_answer_one_asks_alone_and_then_all_are_answered() -> None:
    journal, strapi = Journal(100), Strapi()
    asking = retry(journal)
    tasks = [asyncio.create_task(asking.ask(strapi.ask, never)) for number in range(4)]
    await until(lambda: strapi.asked >= 4)
    assert strapi.most_under_way == 4
    await until(lambda: strapi.asked > 4)
    strapi.most_under_way = 0
    await until(lambda: strapi.asked > 12)
    assert strapi.most_under_way == 1
    assert journal.connections[Server.STRAPI].state is State.DOWN
    assert journal.notes["apply"] == "what comes waits for Strapi"
    journal.lag = 1_204
    asking.tell_waiting()
    assert journal.notes["apply"] == "1,204 movements wait for Strapi"
    strapi.up = True
    assert await asyncio.gather(*tasks) == ["answer"] * 4
    assert journal.connections[Server.STRAPI].state is State.UP
    assert "apply" not in journal.notes


async def test_one_that_comes_while_it_is_away_waits_its_turn_and_does_not_ask() -> None:
    strapi = Strapi()
    asking = retry(Journal(100), pause=60)
    first = asyncio.create_task(asking.ask(strapi.ask, never))
    await until(lambda: strapi.asked == 1 and not strapi.under_way)
    second = asyncio.create_task(asking.ask(strapi.ask, never))
    await asyncio.sleep(0.01)
    assert strapi.asked == 1
    strapi.up = True
    asking.resume()
    assert list(await asyncio.gather(first, second)) == ["answer"] * 2


async def test_all_that_wait_are_dropped_at_once_where_they_are_gone() -> None:
    strapi, gone = Strapi(), False
    asking = retry(Journal(100), pause=60)
    tasks = [asyncio.create_task(asking.ask(strapi.ask, lambda: gone)) for _ in range(3)]
    await until(lambda: strapi.asked == 3 and not strapi.under_way)
    gone = True
    asking.wake()
    results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [type(result) for result in results] == [DroppedError] * 3
    assert strapi.asked == 3


async def test_resume_lets_all_on_that_wait_for_it() -> None:
    strapi, asking = Strapi(), retry(Journal(100))
    strapi.up = True
    asking.pause()
    waiting = [asyncio.create_task(asking.running(never)) for _ in range(3)]
    tasks = [asyncio.create_task(asking.ask(strapi.ask, never)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert strapi.asked == 0
    asking.resume()
    await asyncio.gather(*waiting)
    assert await asyncio.gather(*tasks) == ["answer"] * 3


async def test_a_pause_that_is_gone_is_left() -> None:
    asking = retry(Journal(100))
    asking.pause()
    with pytest.raises(DroppedError):
        await asking.running(lambda: True)
