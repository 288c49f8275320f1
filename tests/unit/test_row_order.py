"""The order in which the rows of a file are sent to a broker that accepts none for a while."""

from __future__ import annotations

import asyncio

import pytest

from bridge.command.rows import RowOrder


async def send_all(lines: int, takes: list[bool]) -> tuple[list[int], list[int]]:
    """Send rows to a broker that answers in the order of sending, by the next value of `takes`, then always yes.

    Returns:
        The lines in the order in which they were sent, and in which they were accepted.
    """
    order = RowOrder()
    sent: list[int] = []
    taken: list[int] = []
    answers = iter(takes)

    async def one(line: int) -> None:
        while True:
            await order.turn(line)
            sent.append(line)
            yes = next(answers, True)
            await asyncio.sleep(0)
            if yes:
                taken.append(line)
                order.passed(line)
                return
            if order.failed(line):
                await asyncio.sleep(0.001)

    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        for line in range(1, lines + 1):
            tasks.create_task(one(line))
    return sent, taken


async def test_the_first_row_is_tried_alone_until_it_gets_through() -> None:
    sent, taken = await send_all(5, [False, False, False])
    assert sent == [1, 1, 1, 1, 2, 3, 4, 5]
    assert taken == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("refused", range(1, 10))
async def test_what_failed_follows_in_its_order(refused: int) -> None:
    _, taken = await send_all(10, [True] + [False] * refused)
    under_way, failed = range(2 + refused, 11), range(2, 2 + refused)
    assert taken == [1, *under_way, *failed]


async def test_what_was_under_way_opens_the_way_for_no_other() -> None:
    order = RowOrder()
    await order.turn(1)
    order.passed(1)
    await order.turn(2)
    await order.turn(3)
    assert order.failed(2)
    order.passed(3)
    fourth = asyncio.create_task(order.turn(4))
    await asyncio.sleep(0)
    await asyncio.wait_for(order.turn(2), 1)
    assert not fourth.done()
    order.passed(2)
    await asyncio.wait_for(fourth, 1)


async def test_a_row_that_failed_later_but_stands_before_is_tried_first() -> None:
    order = RowOrder()
    await order.turn(5)
    assert order.failed(5)
    lower = asyncio.create_task(order.turn(3))
    await asyncio.sleep(0)
    assert not lower.done()
    higher = asyncio.create_task(order.turn(5))
    await asyncio.wait_for(lower, 1)
    assert not higher.done()
    order.passed(3)
    await asyncio.wait_for(higher, 1)
