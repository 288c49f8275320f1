"""What Kafka reports about the chain's topics and the consumer group."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka import TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    for_code,
)

from bridge.errors import ForeignServerError, SettingsError, cause_of
from bridge.infrastructure.facts import KafkaFacts, PartitionFacts, TopicFacts, not_allowed
from bridge.kafka.cluster import admin_client
from bridge.kafka.connect import connection_error
from bridge.kafka.group import read_group
from bridge.kafka.group_offsets import committed_offsets
from bridge.kafka.lag import Watermarks
from bridge.phrase import Phrase
from bridge.route import RouteKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from aiokafka.admin import AIOKafkaAdminClient

    from bridge.kafka.group import Group
    from bridge.settings import KafkaSettings, Settings

__all__ = ["read_kafka"]

_GROUP: Final = 5.0
"""Seconds that the group's coordinator gets to answer: a cluster that has just started has none for a while."""


async def read_kafka(settings: Settings) -> KafkaFacts:
    """Ask the cluster on separate connections, without committing offsets or creating anything.

    Args:
        settings: the cluster's, the routes' topics, and the group.

    Raises:
        ServerError: it does not answer, or refuses this user.
    """
    kafka = settings.kafka
    try:
        async with asyncio.timeout(kafka.timeout), admin_client(kafka, remember=False) as admin:
            return await _read(admin, settings)
    except ForeignServerError:
        raise
    except (KafkaError, OSError, TimeoutError, SettingsError) as error:
        raise await connection_error(kafka, error) from error


async def _read(admin: AIOKafkaAdminClient, settings: Settings) -> KafkaFacts:
    kafka = settings.kafka
    does = {route.kafka: route.does for route in settings.routes}
    cluster = await admin.describe_cluster()
    # All topics: asking for one can create it if the cluster auto-creates topics.
    found = {topic["topic"]: topic for topic in await admin.describe_topics()}
    read = [name for name, kind in does.items() if kind is not RouteKind.CARRY]
    group, group_trouble = await _group(admin, kafka, read)
    # Committed offsets before end offsets, so that no lag is negative.
    committed, offsets_trouble = await _committed(admin, kafka, read)
    names = list(dict.fromkeys([*does, kafka.errors_topic]))
    ends, ends_trouble = await _ends(kafka, [partition for name in names for partition in _led(found.get(name))])
    return KafkaFacts(
        time.time(),
        {node: f"{host}:{port}" for node, host, port in _brokers(cluster)},
        int(cluster.get("controller_id", -1)),
        tuple(_topic(name, found.get(name), committed, ends, is_read=name in read) for name in names),
        kafka.group,
        group,
        group_trouble,
        offsets_trouble,
        ends_trouble,
    )


def _brokers(cluster: Mapping[str, Any]) -> list[tuple[int, str, int]]:
    found = [(broker["node_id"], broker["host"], broker["port"]) for broker in cluster["brokers"]]
    return sorted(found)


def _led(topic: Mapping[str, Any] | None) -> list[TopicPartition]:
    """Return the partitions that have a leader: requests for the others would fail."""
    parts = topic["partitions"] if topic is not None else ()
    return [TopicPartition(topic["topic"], part["partition"]) for part in parts if topic and part["leader"] >= 0]


def _topic(
    name: str,
    topic: Mapping[str, Any] | None,
    committed: Mapping[Any, int],
    ends: Mapping[Any, int],
    *,
    is_read: bool,
) -> TopicFacts:
    if topic is None:
        return TopicFacts(name, (), is_read, Phrase("there is no such topic, or this user may not see it"))
    if topic["error_code"]:
        error = for_code(topic["error_code"])
        return TopicFacts(name, (), is_read, Phrase("Kafka says of it: {error}", error=error.description))
    partitions = []
    for part in sorted(topic["partitions"], key=_number):
        place = TopicPartition(name, part["partition"])
        partitions.append(
            PartitionFacts(
                part["partition"],
                ends.get(place),
                committed.get(place) if is_read else None,
                part["leader"],
                tuple(part["replicas"]),
                tuple(sorted(part["isr"])),
            )
        )
    return TopicFacts(name, tuple(partitions), is_read)


def _number(part: Mapping[str, Any]) -> int:
    return int(part["partition"])


async def _group(admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Iterable[str]) -> tuple[Group | None, str]:
    try:
        async with asyncio.timeout(_GROUP):
            return await read_group(admin, kafka.group, list(topics)), ""
    except GroupAuthorizationFailedError:
        return None, not_allowed(kafka.username, Phrase("to describe the consumer group {group!r}", group=kafka.group))
    except (KafkaError, OSError, TimeoutError) as error:
        return None, _untold(error)


async def _committed(
    admin: AIOKafkaAdminClient, kafka: KafkaSettings, topics: Collection[str]
) -> tuple[dict[Any, int], str]:
    try:
        async with asyncio.timeout(_GROUP):
            told = await committed_offsets(admin, kafka.group, topics)
    except (GroupAuthorizationFailedError, TopicAuthorizationFailedError):
        what = Phrase("to see where the consumer group {group!r} stands", group=kafka.group)
        return {}, not_allowed(kafka.username, what)
    except (KafkaError, OSError, TimeoutError) as error:
        return {}, _untold(error)
    return {partition: position.offset for partition, position in told.items()}, ""


async def _ends(kafka: KafkaSettings, partitions: list[TopicPartition]) -> tuple[dict[Any, int], str]:
    """Return the end offsets over all records, including those of open transactions."""
    if not partitions:
        return {}, ""
    watermarks = Watermarks(kafka, remember=False)
    try:
        await watermarks.start()
        return await watermarks.of(partitions), ""
    except TopicAuthorizationFailedError:
        return {}, not_allowed(kafka.username, Phrase("to see where the topics end"))
    except (KafkaError, OSError, TimeoutError) as error:
        return {}, _untold(error)
    finally:
        await watermarks.stop()


def _untold(error: BaseException) -> Phrase:
    return Phrase("Kafka does not say: {why}", why=cause_of(error) or type(error).__name__)
