"""Reading the end of some topics with a consumer in no group: it moves no one's position, and every engine sees all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from bridge.kafka.consumed import ConsumedRecord

__all__ = ["read_on", "read_tail"]

_POLL: Final = 500
"""Milliseconds that one look for records lasts at most."""

_LOOK: Final = 0.02


async def read_tail(consumer: Any, topics: Iterable[str], most: int) -> AsyncIterator[list[ConsumedRecord]]:
    """Read what stands at the end of some topics at this moment.

    Args:
        consumer: a started one without a group; it stays where the reading ended.
        topics: those that the cluster does not have hold nothing.
        most: how many records of each partition at most, 1 or more.

    Yields:
        Records of one partition, in its order.

    Raises:
        KafkaError: the cluster does not say, or no longer.
    """
    wanted = set(topics) & await consumer.topics()
    if not wanted:
        return
    consumer.subscribe(topics=sorted(wanted))
    # Without a group the consumer assigns itself every partition, once it has the topics' metadata.
    while {place.topic for place in consumer.assignment()} != wanted:  # noqa: ASYNC110 - aiokafka has no event for it
        await asyncio.sleep(_LOOK)
    places = consumer.assignment()
    first, end = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    for place in places:
        consumer.seek(place, max(first[place], end[place] - most))
    async for records in read_on(consumer):
        yield records


async def read_on(consumer: Any) -> AsyncIterator[list[ConsumedRecord]]:
    """Read from where a consumer stands up to the end of its partitions at this moment.

    Args:
        consumer: one that is subscribed and in no group.

    Yields:
        Records of one partition, in its order.

    Raises:
        KafkaError: the cluster does not say, or no longer.
    """
    places = consumer.assignment()
    end = await consumer.end_offsets(places) if places else {}
    # By position and not by count: a compacted topic has gaps.
    while unread := [place for place in places if await consumer.position(place) < end[place]]:
        for records in (await consumer.getmany(*unread, timeout_ms=_POLL)).values():
            yield records
