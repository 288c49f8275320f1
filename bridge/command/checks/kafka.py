"""Tries Kafka: whether it answers, has each topic, and knows the consumer group."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    KafkaError,
    NotCoordinatorForGroupError,
    for_code,
)

from bridge.backoff import Backoff
from bridge.command.checks.finding import Finding, failure
from bridge.errors import SettingsError
from bridge.journal import Server
from bridge.kafka.connect import connect_options, connection_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bridge.settings import Settings

__all__ = ["check_kafka"]

_TRIES: Final = 10
_PASSING: Final = frozenset({GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError})


async def check_kafka(settings: Settings) -> AsyncIterator[Finding]:
    """Try the cluster; nothing is made or changed.

    Args:
        settings: the cluster's, and the routes whose topics are looked for.
    """
    kafka = settings.kafka
    brokers = ", ".join(dict.fromkeys(kafka.brokers))
    timeout = int(kafka.timeout * 1000)
    try:
        options = connect_options(kafka)
    except SettingsError as error:
        yield failure(Server.KAFKA, await connection_error(kafka, error))
        return
    admin = AIOKafkaAdminClient(**options, client_id=kafka.client_id, request_timeout_ms=timeout)
    try:
        async with asyncio.timeout(kafka.timeout):
            await admin.start()
            # All topics: to ask for one can make it, where the cluster makes topics by itself.
            found = {topic["topic"]: topic for topic in await admin.describe_topics()}
            how = f" and knows {kafka.username!r}" if kafka.security.startswith("sasl_") else ""
            yield Finding(Server.KAFKA, True, f"{brokers} answers{how}")
            for finding in _topics(settings, found):
                yield finding
            if settings.apply.enabled:
                yield await _group(admin, kafka.group)
    except (KafkaError, OSError, TimeoutError) as error:
        yield failure(Server.KAFKA, await connection_error(kafka, error))
    finally:
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(admin.close(), 2)


def _topics(settings: Settings, found: dict[str, Any]) -> Iterator[Finding]:
    for name in dict.fromkeys([*(route.kafka for route in settings.routes), settings.kafka.errors_topic]):
        topic = found.get(name)
        if topic is None:
            advice = f"create it: kafka-topics.sh --create --topic {name} --partitions 6 --bootstrap-server ..."
            yield Finding(Server.KAFKA, False, f"there is no topic {name!r}, or we may not see it", advice)
        elif topic["error_code"]:
            error = for_code(topic["error_code"])
            yield Finding(Server.KAFKA, False, f"the topic {name!r} is not usable: {error.__name__}", error.description)
        else:
            leaderless = [part["partition"] for part in topic["partitions"] if part["error_code"] or part["leader"] < 0]
            if leaderless:
                text = f"the topic {name!r} has partitions without a leader: {leaderless}"
                yield Finding(Server.KAFKA, False, text, "is every broker of the cluster running?")
            else:
                yield Finding(Server.KAFKA, True, f"the topic {name!r} has {len(topic['partitions'])} partitions")


async def _group(admin: Any, group: str) -> Finding:
    backoff = Backoff(first=0.2, longest=1.0)
    for _ in range(_TRIES):
        try:
            (answer,) = await admin.describe_consumer_groups([group])
            code, _, state, _, _, members, *_ = answer.groups[0]
            error = for_code(code)
        except KafkaError as raised:
            error, state, members = type(raised), "", ()
        if error not in _PASSING:
            break
        # A cluster that just started makes the groups' topic when it is asked for the first time.
        await asyncio.sleep(backoff.pause())
    if error.errno:
        text = f"the consumer group {group!r} can't be looked at: {error.__name__}"
        return Finding(Server.KAFKA, False, text, f"{error.description}; give the engine's user the right to the group")
    return Finding(Server.KAFKA, True, f"the consumer group {group!r} has {len(members)} members ({state or 'new'})")
