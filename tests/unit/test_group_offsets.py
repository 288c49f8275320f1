"""What a group has committed is believed only from a broker that answers as its coordinator.

The admin client here stands for aiokafka's on a broker that was suspended: the whole answer is an error, which aiokafka
passes on as an empty result. `tests/chain/test_history.py` suspends a real one.
"""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.structs import OffsetAndMetadata

from bridge.kafka import group
from bridge.kafka.group_offsets import committed_at, committed_offsets

STOCK = [TopicPartition("stock", 0), TopicPartition("stock", 1)]


class Broker:
    """aiokafka's admin client; for the first `errors` requests the broker is no coordinator."""

    def __init__(self, committed: dict[TopicPartition, int], errors: int = 0) -> None:
        self.committed = committed
        self.errors = errors
        self.asked: list[Any] = []

    async def list_consumer_group_offsets(
        self, group_id: str, partitions: list[TopicPartition] | None = None
    ) -> dict[TopicPartition, OffsetAndMetadata]:
        self.asked.append(partitions)
        if len(self.asked) <= self.errors:
            return {}
        wanted = list(self.committed) if partitions is None else partitions
        return {place: OffsetAndMetadata(self.committed.get(place, -1), "") for place in wanted}

    async def describe_topics(self) -> list[dict[str, Any]]:
        return [
            {"topic": "stock", "is_internal": False, "partitions": [{"partition": 0}, {"partition": 1}]},
            {"topic": "other", "is_internal": False, "partitions": [{"partition": 0}]},
            {"topic": "__consumer_offsets", "is_internal": True, "partitions": [{"partition": 0}]},
        ]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "_AGAIN", 0)


@pytest.mark.parametrize("errors", range(5))
async def test_an_error_for_the_whole_answer_does_not_mean_that_nothing_is_committed(errors: int) -> None:
    broker: Any = Broker({STOCK[0]: 7}, errors)
    assert {place: told.offset for place, told in (await committed_offsets(broker, "g")).items()} == {STOCK[0]: 7}


@pytest.mark.parametrize("errors", range(5))
async def test_an_error_for_the_whole_answer_is_no_answer_for_named_partitions(errors: int) -> None:
    broker: Any = Broker({STOCK[1]: 3}, errors)
    found = await committed_at(broker, "g", STOCK)
    assert {place: told.offset for place, told in found.items()} == {STOCK[0]: -1, STOCK[1]: 3}


async def test_a_group_that_has_committed_nothing_has_no_offsets() -> None:
    broker: Any = Broker({})
    assert await committed_offsets(broker, "g") == {}
    assert broker.asked == [None, [*STOCK, TopicPartition("other", 0)]]


async def test_only_the_topics_that_matter_are_asked_about() -> None:
    broker: Any = Broker({})
    assert await committed_offsets(broker, "g", {"stock"}) == {}
    assert broker.asked == [None, STOCK]
    assert await committed_offsets(broker, "g", {"none of them"}) == {}
