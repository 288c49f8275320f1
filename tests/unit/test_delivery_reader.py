"""Redeliveries recognised from the end of the topics, whatever the clocks did meanwhile."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.ingest.dedup import PACKET_IDS, Delivered, Deliverer, Deliveries, Delivery, begins_at, fingerprint
from bridge.ingest.delivery_reader import recognised
from bridge.journal import Journey
from bridge.settings import MqttSettings

IDS = PACKET_IDS


class Kafka:
    """Six partitions, one of which is rarely written to, and the engines that write to them."""

    def __init__(self) -> None:
        self.records: list[Delivered] = []
        self._ends = [0] * 6

    def written(
        self, run: str, numbers: range, payload: bytes | None = None, *, first: int = 1, alone: int | None = None
    ) -> None:
        """Let an engine write numbered messages in order; `alone` puts all into one partition."""
        for sequence, number in enumerate(numbers, first):
            partition = alone if alone is not None else 5 if number % 97 == 0 else number % 5
            delivery = Delivery("engine", number % IDS + 1, run, sequence)
            message = fingerprint("topic", payload or b"%d" % number)
            self.records.append(
                Delivered(f"{run}:{number}", delivery, message, "stock", partition, self._ends[partition])
            )
            self._ends[partition] += 1

    def tail(self, most: int) -> list[Delivered]:
        """The end of each partition, read back partition by partition."""
        return [
            one
            for one in sorted(self.records, key=lambda one: one.partition)
            if one.offset >= self._ends[one.partition] - most
        ]


def again(number: int, payload: bytes | None = None) -> Journey:
    journey = Journey("new", payload or b"%d" % number, mqtt_topic="topic", redelivered=True)
    journey.delivery = Deliverer("engine").name(number % IDS + 1)
    return journey


@given(st.lists(st.integers(0, 400), min_size=1, max_size=30), st.integers(0, 199))
def test_the_latest_are_recognised_however_often_engines_were_killed(lengths: list[int], back: int) -> None:
    kafka, number = Kafka(), 0
    for place, length in enumerate(lengths):
        kafka.written(f"run{place}", range(number, number + length))
        number += length
    known = Deliveries(kafka.tail(200), most=200)
    if back < number:
        found = known.find(again(number - 1 - back))
        assert found is not None
        assert found.movement_id.endswith(f":{number - 1 - back}")


@given(st.lists(st.tuples(st.integers(1, 300), st.integers(0, 5)), min_size=1, max_size=12))
def test_what_engines_wrote_into_partitions_of_their_own_is_recognised(runs: list[tuple[int, int]]) -> None:
    """While one product moves at a time, no partition says which engine came first."""
    kafka, number = Kafka(), 0
    for place, (length, partition) in enumerate(runs):
        kafka.written(f"run{place}-{number + 1}", range(number, number + length), b"the same", alone=partition)
        number += length
    known = Deliveries(kafka.tail(4_000), most=40_000, run=f"asking-{number + 1}")
    assert all(known.find(again(one, b"the same")) is not None for one in range(number))
    assert known.newest == number


def test_the_latest_are_recognised_after_wraps_of_the_packet_id() -> None:
    kafka = Kafka()
    kafka.written("one", range(50_000))
    kafka.written("two", range(50_000, 150_000))
    known = Deliveries(kafka.tail(2_000), most=2_000)
    assert all(known.find(again(number)) is not None for number in range(148_000, 150_000))


def test_what_many_came_after_is_not_as_its_packet_id_may_mean_another_by_now() -> None:
    # A broker that was killed goes on with earlier packet ids, and objects say the same again and again.
    kafka = Kafka()
    kafka.written("one", range(3_000), b"alike")
    kafka.written("two", range(3_000, 5_000), b"alike")
    known = Deliveries(kafka.tail(2_000), most=2_000)
    assert known.find(again(1_000, b"alike")) is None
    assert known.find(again(2_999, b"alike")) is None
    assert known.find(again(3_000, b"alike")) is not None
    assert known.find(again(4_999, b"alike")) is not None


def test_what_a_killed_engine_had_under_way_and_came_late_is_recognised() -> None:
    kafka = Kafka()
    kafka.written("one", range(3_000))
    kafka.written("two", range(3_005, 3_010))
    kafka.written("one", range(3_000, 3_005), first=3_001)
    kafka.written("two", range(3_010, 3_500), first=6)
    known = Deliveries(kafka.tail(2_000), most=2_000)
    assert all(known.find(again(number)) is not None for number in range(1_510, 3_500))
    assert known.find(again(1_000)) is None


def test_two_engines_that_wrote_at_once_are_both_remembered() -> None:
    kafka = Kafka()
    for number in range(0, 400, 2):
        for run in ("one", "two")[:: 1 if number % 4 else -1]:
            kafka.written(run, range(number + (run == "two"), number + 1 + (run == "two")), first=number + 1)
    known = Deliveries(kafka.tail(100), most=100)
    assert all(known.find(again(number)) is not None for number in range(300, 400))


def test_a_publishers_own_identity_is_recognised_however_old() -> None:
    kafka = Kafka()
    kafka.written("one", range(5_000))
    named = Delivered("its own", None, fingerprint("topic", b"x"), "stock", 0, -1)
    journey = Journey("its own", b"x", mqtt_topic="topic", redelivered=True)
    known = Deliveries([named, *kafka.records], most=100)
    assert known.find(journey) is named
    assert known.find(Journey("its own", b"another", mqtt_topic="topic", redelivered=True)) is None


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (MqttSettings(), 45_535),
        (MqttSettings(in_flight=16_000), 33_535),
        (MqttSettings(in_flight=65_535), 30_000),
        (MqttSettings(version="3.1.1", in_flight=1_000), 45_535),
    ],
)
def test_as_many_count_as_surely_have_a_packet_id_of_their_own(settings: MqttSettings, most: int) -> None:
    assert recognised(settings) == most


def test_at_the_bound_the_last_that_counts_is_recognised_and_the_one_before_is_new() -> None:
    most = recognised(MqttSettings())
    kafka = Kafka()
    kafka.written("one-1", range(40_000), b"alike")
    kafka.written("two-40001", range(40_000, 90_000), b"alike")
    kafka.written("three-24466", range(90_000, 100_000), b"alike")
    known = Deliveries(kafka.records, most)
    assert known.find(again(100_000 - most, b"alike")) is not None
    assert known.find(again(100_000 - most - 1, b"alike")) is None
    assert len(known) == len(list(known)) == most
    assert max(age for _, _, age in known) == most - 1
    assert known.newest == 99_999 % IDS + 1


@pytest.mark.parametrize("asking", ["", "next-101"])
def test_ids_that_a_broker_gives_out_once_more_mean_other_messages(asking: str) -> None:
    # It was killed, and went on behind what it had written down last.
    kafka = Kafka()
    kafka.written("one-1", range(5_000), b"alike")
    if not asking:
        kafka.written("two-101", range(100, 110), b"alike")
    known = Deliveries(kafka.records, 50_000, asking)
    assert all(known.find(again(number, b"alike")) for number in range(100))
    assert not any(known.find(again(number, b"alike")) for number in range(110, 5_000))
    assert all(bool(known.find(again(number, b"alike"))) is not bool(asking) for number in range(100, 110))
    assert known.newest == (110 if not asking else 5_000)


def test_an_engine_that_received_redeliveries_alone_does_not_go_back() -> None:
    kafka = Kafka()
    kafka.written("one-1", range(5_000))
    kafka.written("two", range(4_000, 4_010), b"came again")
    known = Deliveries(kafka.records, 50_000, "two")
    assert known.newest == 5_000
    assert known.find(again(4_500)) is not None
    assert known.find(again(4_005, b"came again")) is not None


def test_a_packet_id_with_another_payload_is_another_message() -> None:
    kafka = Kafka()
    kafka.written("one", range(7, 8))
    known = Deliveries(kafka.records)
    assert known.find(again(7, b"other")) is None
    assert known.find(again(7)) is not None
    assert len(known) == 1


def test_what_the_broker_does_not_call_redelivered_is_new() -> None:
    kafka = Kafka()
    kafka.written("one", range(7, 8))
    journey = again(7)
    journey.redelivered = False
    assert Deliveries(kafka.records).find(journey) is None


@given(st.text(min_size=1, max_size=40), st.integers(1, IDS))
def test_a_name_says_its_session_and_packet_id_and_counts_on(client_id: str, packet_id: int) -> None:
    deliverer = Deliverer(client_id)
    first, second = (Delivery.of(deliverer.name(packet_id)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first[:2] == second[:2] == (client_id, packet_id)
    assert first.run == second.run
    assert second.sequence == first.sequence + 1
    other = Delivery.of(Deliverer(client_id).name(packet_id))
    assert other is not None
    assert other.run != first.run
    deliverer.begin(1234)
    begun = Delivery.of(deliverer.name(packet_id))
    assert begun is not None
    assert (begins_at(first.run), begins_at(begun.run), begun.sequence) == (None, 1234, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "engine/7",
        "7/ab/1",
        "engine/7/ab/",
        "engine/7/ab/x",
        "engine/7/ab/-1",
        "engine/7/ab/²",
        "engine/0/ab/1",
        "engine/65536/ab/1",
        "engine/x/ab/1",
        "engine/7/ab/" + "1" * 5000,
    ],
)
def test_what_is_no_name_is_none(text: str) -> None:
    assert Delivery.of(text) is None
