"""The offsets that a consumer group has committed, as its coordinator reports them.

A broker that is no coordinator yet, as after a restart or a suspension, answers OffsetFetch with an error for the whole
response and with no partitions (Kafka protocol, OffsetFetch from version 2). aiokafka's admin client ignores that error
and returns an empty result, as for a group that has committed nothing: an engine would start again at the beginning, or
skip what waits. So a result without the requested partitions is not taken for an answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka import TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError

from bridge.kafka.group import ask_coordinator

if TYPE_CHECKING:
    from collections.abc import Collection

    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.structs import OffsetAndMetadata

__all__ = ["committed_at", "committed_offsets"]


async def committed_offsets(
    admin: AIOKafkaAdminClient, group: str, topics: Collection[str] | None = None
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Request all offsets that a group has committed; the caller sets the timeout.

    Args:
        admin: a started one.
        group: the consumer group.
        topics: those whose offsets matter; None for all that this user may see.

    Returns:
        Its offsets by partition; partitions without one are left out.

    Raises:
        KafkaError: the cluster does not answer, or the user lacks the right.
    """
    found = await ask_coordinator(lambda: admin.list_consumer_group_offsets(group))
    if not found:
        places = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in await admin.describe_topics()
            if (not topic["is_internal"] if topics is None else topic["topic"] in topics)
            for partition in topic["partitions"]
        ]
        found = await committed_at(admin, group, places)
    return {place: told for place, told in found.items() if told.offset >= 0}


async def committed_at(
    admin: AIOKafkaAdminClient, group: str, partitions: Collection[TopicPartition]
) -> dict[TopicPartition, OffsetAndMetadata]:
    """Request the offsets that a group has committed in some partitions; the caller sets the timeout.

    Args:
        admin: a started one.
        group: the consumer group.
        partitions: the partitions.

    Returns:
        An entry for each of the partitions; the offset is -1 where the group has committed none.

    Raises:
        KafkaError: the cluster does not answer, or the user lacks the right.
    """
    if not partitions:
        return {}

    async def ask() -> dict[TopicPartition, OffsetAndMetadata]:
        found: dict[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(
            group, partitions=list(partitions)
        )
        if not found.keys() >= set(partitions):
            raise GroupCoordinatorNotAvailableError
        return found

    return await ask_coordinator(ask)
