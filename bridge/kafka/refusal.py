"""Why Kafka refuses records, and what the user can do, from the error and the topic's configuration.

Kafka's clients get only an error code; the broker's explanation is only in its log (KIP-467). What the code leaves open
is looked up: the topic's settings, its replicas, and whether it exists.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    CorruptRecordException,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
    UnsupportedForMessageFormatError,
)

from bridge.errors import (
    ForeignServerError,
    RefusedError,
    RejectedError,
    ServerError,
    SettingsError,
    TooLargeError,
    UnreachableError,
)
from bridge.kafka.cluster import admin_client
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from bridge.settings import KafkaSettings

__all__ = ["is_compacted", "missing_topic", "refusal", "set_topic", "topic_configs", "why_waiting"]

_TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
_RIGHTS: Final = (TopicAuthorizationFailedError, ClusterAuthorizationFailedError)
_OF_ALL: Final = (InvalidTopicError, PolicyViolationError, UnsupportedForMessageFormatError)
"""Errors of the topic or the cluster, which concern every record."""

_OF_ONE: Final = (UnknownError, CorruptRecordException)
"""Errors that may concern a single record. aiokafka has no name for INVALID_RECORD (87) and reports it as unknown."""

_UNKNOWN_TOPIC: Final = 3


async def topic_configs(settings: KafkaSettings, topics: Collection[str]) -> dict[str, dict[str, str]]:
    """Request the effective settings of topics.

    Args:
        settings: the cluster's.
        topics: which ones; those that don't exist or whose settings we may not see are left out of the answer.
    """
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    try:
        async with asyncio.timeout(settings.timeout), admin_client(settings, remember=False) as admin:
            answers: list[Any] = await admin.describe_configs(asked)
    except (KafkaError, OSError, TimeoutError, SettingsError, ForeignServerError):
        return {}
    return {
        name: {entry[0]: entry[1] or "" for entry in entries}
        for answer in answers
        for code, _, _, name, entries in answer.resources
        if not code
    }


def is_compacted(config: Mapping[str, str]) -> bool:
    """Whether a topic with these settings refuses records without a key."""
    return "compact" in config.get("cleanup.policy", "")


def set_topic(topic: str, setting: str) -> str:
    """The command that changes a setting of a topic."""
    return (
        "kafka-configs.sh --bootstrap-server ... --alter --entity-type topics "
        f"--entity-name {topic} --add-config {setting}"
    )


def refusal(error: KafkaError, topic: str, config: Mapping[str, str], user: str) -> ServerError:
    """Translate a refused write into one of our errors.

    Args:
        error: what the producer got.
        topic: where the record was to be written.
        config: the topic's settings, as far as they are known.
        user: the user who writes, if the cluster has users.

    Returns:
        A `TooLargeError` or a `RejectedError` where the record is the cause, a `RefusedError` where the user must act
        before any record of the topic can be written, and a `ServerError` where another producer may succeed.
    """
    if isinstance(error, _TOO_LARGE):
        return TooLargeError(
            "kafka",
            Phrase("Kafka refuses a batch as too large: {error}", error=str(error)),
            set_topic(topic, "max.message.bytes=..."),
        )
    if isinstance(error, _RIGHTS):
        return RefusedError(
            "kafka",
            Phrase("Kafka refuses a write to {topics}: {error}", topics=topic, error=str(error)),
            Phrase("allow the engine's user {user!r} to write there", user=user)
            if user
            else Phrase("allow the engine's user to write there"),
        )
    if isinstance(error, InvalidTimestampError):
        return _wrong_time(topic, config)
    if isinstance(error, _OF_ALL):
        return RefusedError(
            "kafka",
            Phrase("Kafka refuses every record of {topic}: {error}", topic=topic, error=_said(error)),
            Phrase("the broker's log says more; the topic or the cluster has to be set up differently"),
        )
    if isinstance(error, _OF_ONE):
        if is_compacted(config):
            return RejectedError(
                "kafka",
                Phrase(
                    "the topic {topic} is compacted (cleanup.policy={policy}) and takes no record without a key",
                    topic=topic,
                    policy=config["cleanup.policy"],
                ),
                set_topic(topic, "cleanup.policy=delete"),
            )
        return RejectedError(
            "kafka",
            Phrase("Kafka refuses a record of {topic}: {error}", topic=topic, error=_said(error)),
            Phrase("the broker's log says why; is the topic compacted, or does it ask for a schema?"),
        )
    return ServerError("kafka", Phrase("the producer failed: {error}", error=repr(error)))


async def why_waiting(settings: KafkaSettings, topics: Collection[str]) -> ServerError | None:
    """Look for what keeps Kafka from acknowledging records.

    Args:
        settings: the cluster's.
        topics: where they are written.

    Returns:
        What is wrong with one of the topics; None where nothing is found, or the cluster does not answer.
    """
    try:
        async with asyncio.timeout(settings.timeout), admin_client(settings, remember=False) as admin:
            # All topics are requested: some clusters create a missing topic that is requested by name.
            found = {topic["topic"]: topic for topic in await admin.describe_topics()}
    except ForeignServerError as error:
        return error
    except (KafkaError, OSError, TimeoutError, SettingsError):
        return None
    for name in topics:
        topic = found.get(name)
        if topic is None or topic["error_code"] == _UNKNOWN_TOPIC:
            return missing_topic(name)
        if any(part["leader"] < 0 for part in topic["partitions"]):
            return UnreachableError(
                "kafka",
                Phrase("partitions of {topic} have no leader", topic=name),
                Phrase("is every broker of the cluster running? The messages wait, and none is lost"),
            )
    configs = await topic_configs(settings, topics)
    for name, config in configs.items():
        partitions = found[name]["partitions"]
        there = min(len(part["isr"]) for part in partitions)
        # If a topic has fewer replicas than this setting, brokers require only those it has.
        least = min(int(config.get("min.insync.replicas", "1")), *(len(part["replicas"]) for part in partitions))
        if there < least:
            return UnreachableError(
                "kafka",
                Phrase(
                    "{topic} takes records with {least} replicas in sync (min.insync.replicas), and has {there}",
                    topic=name,
                    least=least,
                    there=there,
                ),
                Phrase("is every broker of the cluster running? The messages wait, and none is lost"),
            )
    return None


def missing_topic(topic: str) -> UnreachableError:
    """The error for a topic that does not exist (any more)."""
    return UnreachableError(
        "kafka",
        Phrase("Kafka has no topic {topic}, or has it no longer", topic=topic),
        Phrase("create it; the messages wait in the broker until then"),
    )


def _wrong_time(topic: str, config: Mapping[str, str]) -> RefusedError:
    now = time.strftime("%Y-%m-%d %H:%M:%S %z", time.localtime())
    limits = [
        f"{name}={config[name]}"
        for name in ("message.timestamp.after.max.ms", "message.timestamp.before.max.ms")
        if name in config
    ]
    return RefusedError(
        "kafka",
        Phrase(
            "Kafka refuses the time of the records of {topic}{limits}: this machine's clock says {now}",
            topic=topic,
            limits=f" ({', '.join(limits)})" if limits else "",
            now=now,
        ),
        Phrase(
            "set this machine's clock, or have Kafka's counted: {command}; the messages wait, and none is lost",
            command=set_topic(topic, "message.timestamp.type=LogAppendTime"),
        ),
    )


def _said(error: KafkaError) -> str:
    return f"{type(error).__name__} {error}"
