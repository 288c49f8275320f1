"""What the end of the topics says of a redelivery, whatever the clock did meanwhile."""

from __future__ import annotations

import pytest

from bridge.ingest.read_back import Delivered, Deliveries
from bridge.journal import Journey

HOUR = 3_600_000
RECORDS = 36_000
"""More than are remembered, as long runs leave."""


def delivered(number: int, received_at: int) -> Delivered:
    packet_id, payload = number % 65_535 + 1, b"%d" % number
    keys = (f"given-{number}", f"engine/{packet_id}")
    return Delivered(keys, f"given-{number}", payload, received_at, "stock", number % 6, number // 6)


def again(number: int) -> Journey:
    journey = Journey("new", b"%d" % number, redelivered=True)
    journey.delivery = f"engine/{number % 65_535 + 1}"
    return journey


@pytest.mark.parametrize("step", [0, HOUR, -HOUR, -90_000])
@pytest.mark.parametrize("comes_back", [False, True])
def test_the_newest_are_recognised_though_the_clock_was_set(step: int, *, comes_back: bool) -> None:
    stepped = range(RECORDS - 2000, RECORDS - 500 if comes_back else RECORDS)
    known = Deliveries(
        delivered(number, 10 * HOUR + number * 5 + step * (number in stepped)) for number in range(RECORDS)
    )
    for number in (RECORDS - 1, RECORDS - 400, RECORDS - 1500):
        found = known.find(again(number))
        assert found is not None
        assert found.movement_id == f"given-{number}"


def test_the_oldest_are_not_as_their_packet_ids_may_mean_others_by_now() -> None:
    known = Deliveries(delivered(number, number) for number in range(RECORDS))
    assert known.find(again(100)) is None


def test_a_packet_id_with_another_payload_is_another_message() -> None:
    known = Deliveries([delivered(7, 7)])
    journey = again(7)
    journey.payload = b"other"
    assert known.find(journey) is None
    assert known.find(again(7)) is not None


def test_what_the_broker_does_not_call_redelivered_is_new() -> None:
    journey = again(7)
    journey.redelivered = False
    assert Deliveries([delivered(7, 7)]).find(journey) is None
