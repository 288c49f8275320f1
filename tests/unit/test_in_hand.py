"""What is in hand: counted, waited for, and never of two assignments at once."""

from __future__ import annotations

import asyncio
import time

from bridge.apply.in_hand import InHand


async def test_it_counts_and_is_waited_for() -> None:
    in_hand = InHand()
    await in_hand.all_settled()
    await in_hand.take(0, 5, 1)
    await in_hand.take(1, 7, 1)
    assert in_hand.records == 12
    waiting = asyncio.create_task(in_hand.all_settled())
    in_hand.put_down(1)
    await asyncio.sleep(0)
    assert in_hand.records == 5
    assert not waiting.done()
    in_hand.put_down(0)
    await waiting


async def test_records_of_a_new_assignment_wait_for_those_of_the_old_one() -> None:
    in_hand = InHand()
    await in_hand.take(0, 1, 1)
    await in_hand.take(1, 1, 1)
    taking = asyncio.create_task(in_hand.take(2, 4, 3))
    for lane in (0, 1):
        await asyncio.sleep(0)
        assert not taking.done()
        in_hand.put_down(lane)
    await taking
    assert in_hand.records == 4


async def test_it_is_quiet_since_the_last_was_settled() -> None:
    in_hand = InHand()
    made = in_hand.quiet_since
    await in_hand.take(0, 1, 1)
    await in_hand.take(1, 1, 1)
    in_hand.put_down(0)
    assert in_hand.quiet_since == float("inf")
    before = time.monotonic()
    in_hand.put_down(1)
    assert made <= before <= in_hand.quiet_since <= time.monotonic()
