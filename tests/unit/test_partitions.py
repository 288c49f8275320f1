"""Shares of the partitions: each assigned partition is in exactly one."""

from __future__ import annotations

from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from bridge.kafka.fetching import PartitionShare

PLACES = st.sets(st.builds(TopicPartition, st.sampled_from(["stock", "more", "event"]), st.integers(0, 20)))


@given(PLACES, st.integers(1, 5))
def test_each_partition_is_in_one_share_and_no_share_has_two_more_than_another(
    assigned: set[TopicPartition], of: int
) -> None:
    topics = frozenset({"stock", "more"})
    shares = [PartitionShare(topics, number, of).among(assigned) for number in range(of)]
    assert sorted(place for share in shares for place in share) == sorted(
        place for place in assigned if place.topic in topics
    )
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_it_has_them_all() -> None:
    places = [TopicPartition("event", 2), TopicPartition("event", 0), TopicPartition("stock", 0)]
    assert PartitionShare(frozenset({"event"})).among(places) == [places[1], places[0]]
