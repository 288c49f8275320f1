"""The benchmark of a movement's way to the screen: found in terminal output, and split into hops."""

from __future__ import annotations

import pytest

from tests.bench.arrival import HOPS, Sent, hops_of, paintings
from tests.bench.bench import FailedError
from tests.bench.figures import percentile
from tests.bench.terminal import Painted

NOON = 1_700_000_000.0


def test_a_stock_counts_from_the_read_that_brought_its_last_digit() -> None:
    sent = [Sent(NOON, 1, 5_007), Sent(NOON, 2, 8_007)]
    reads = [Painted(NOON + 1, b"\x1b[1m 5,"), Painted(NOON + 2, b"007 "), Painted(NOON + 3, b"5,007 8,007")]
    assert paintings(sent, reads) == [NOON + 2, NOON + 3]


def test_one_that_no_frame_showed_counts_with_the_next_of_its_product() -> None:
    sent = [Sent(NOON, 1, 5_007), Sent(NOON, 2, 8_007), Sent(NOON, 1, 5_014)]
    assert paintings(sent, [Painted(NOON + 1, b"8,007"), Painted(NOON + 2, b"5,014")]) == [NOON + 2, NOON + 1, NOON + 2]


def test_one_that_was_never_painted_ends_the_run() -> None:
    with pytest.raises(FailedError, match="the stock 5,007 of product 1 was never painted"):
        paintings([Sent(NOON, 1, 5_007)], [Painted(NOON, b"5,000")])


def test_the_hops_add_up_to_the_whole_way() -> None:
    journey = {
        "received_at": "2023-11-14T22:13:20.002+00:00",
        "acknowledged_at": "2023-11-14T22:13:20.005+00:00",
        "consumed_at": "2023-11-14T22:13:20.007+00:00",
        "decided_at": "2023-11-14T22:13:20.017+00:00",
    }
    hops = hops_of([Sent(NOON, 1, 5_007)], [NOON + 0.04], {5_007: journey})
    assert [round(hops[name][0]) for name in HOPS] == [2, 3, 2, 10, 23]
    assert sum(values[0] for values in hops.values()) == pytest.approx(40, abs=0.01)


def test_a_movement_that_the_screen_did_not_keep_ends_the_run() -> None:
    with pytest.raises(FailedError, match="not among those that the screen exported"):
        hops_of([Sent(NOON, 1, 5_007)], [NOON], {})


@pytest.mark.parametrize(("per_cent", "value"), [(50, 50), (99, 99), (100, 100)])
def test_a_percentile_is_one_of_the_values(per_cent: int, value: int) -> None:
    assert percentile(range(1, 101), per_cent) == value
