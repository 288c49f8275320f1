"""Records in flight: counted, waited for, and never of two assignments at once."""

from __future__ import annotations

import asyncio
import time

from bridge.apply.worker import InFlightRecords


async def test_it_counts_and_is_waited_for() -> None:
    in_hand = InFlightRecords()
    await in_hand.all_settled()
    await in_hand.take(0, {"stock": 5}, 1)
    await in_hand.take(1, {"stock": 7}, 1)
    assert in_hand.records == {"stock": 12}
    waiting = asyncio.create_task(in_hand.all_settled())
    in_hand.put_down(1)
    await asyncio.sleep(0)
    assert in_hand.records == {"stock": 5}
    assert not waiting.done()
    in_hand.put_down(0)
    await waiting


async def test_records_of_a_new_assignment_wait_for_those_of_the_old_one() -> None:
    in_hand = InFlightRecords()
    await in_hand.take(0, {"stock": 1}, 1)
    await in_hand.take(1, {"stock": 1}, 1)
    taking = asyncio.create_task(in_hand.take(2, {"stock": 4, "product": 2}, 3))
    await asyncio.sleep(0)
    assert in_hand.records == {"stock": 6, "product": 2}
    for worker in (0, 1):
        await asyncio.sleep(0)
        assert not taking.done()
        in_hand.put_down(worker)
    await taking
    assert in_hand.records == {"stock": 4, "product": 2}


async def test_it_is_quiet_since_the_last_was_settled() -> None:
    in_hand = InFlightRecords()
    made = in_hand.quiet_since
    await in_hand.take(0, {"stock": 1}, 1)
    await in_hand.take(1, {"stock": 1}, 1)
    in_hand.put_down(0)
    assert in_hand.quiet_since == float("inf")
    before = time.monotonic()
    in_hand.put_down(1)
    assert made <= before <= in_hand.quiet_since <= time.monotonic()
