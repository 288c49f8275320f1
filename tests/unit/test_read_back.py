"""What the end of the topics says of a redelivery, whatever the clock did meanwhile."""

from __future__ import annotations

import pytest

from bridge.ingest.read_back import Delivered, Deliveries, unacknowledged
from bridge.journal import Journey
from bridge.settings import MqttSettings

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


def test_what_the_broker_holds_no_more_is_another_message_under_the_same_packet_id_and_payload() -> None:
    # A broker that was killed goes on with earlier packet ids, and objects say the same again and again.
    before = [delivered(number, number)._replace(payload=b"alike") for number in range(5_000)]
    journey = again(1_000)
    journey.payload = b"alike"
    assert Deliveries(before, most=2_000).find(journey) is None
    journey.delivery = again(4_000).delivery
    assert Deliveries(before, most=2_000).find(journey) is not None


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (MqttSettings(in_flight=1_000), 2_000),
        (MqttSettings(in_flight=65_535), 30_000),
        (MqttSettings(version="3.1.1", in_flight=1_000), 30_000),
    ],
)
def test_as_many_count_as_the_broker_may_hold(settings: MqttSettings, most: int) -> None:
    assert unacknowledged(settings) == most


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
