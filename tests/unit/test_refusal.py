"""The explanation of a refused or waiting write: what caused it, and what the user can do."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownError,
)

from bridge.errors import RefusedError, RejectedError, ServerError, TooLargeError, UnreachableError
from bridge.kafka import refusal
from bridge.settings import KafkaSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (MessageSizeTooLargeError(), TooLargeError),
        (RecordListTooLargeError(), TooLargeError),
        (UnknownError(), RejectedError),
        (InvalidTimestampError(), RefusedError),
        (TopicAuthorizationFailedError("stock"), RefusedError),
        (ClusterAuthorizationFailedError(), RefusedError),
        (InvalidTopicError(), RefusedError),
        (PolicyViolationError(), RefusedError),
        (OutOfOrderSequenceNumber(), ServerError),
    ],
)
def test_only_what_is_wrong_with_a_record_makes_it_a_dead_letter(error: KafkaError, kind: type[ServerError]) -> None:
    found = refusal.refusal(error, "stock", {}, "bridge")
    assert type(found) is kind
    assert found.advice or kind is ServerError


def test_a_user_without_the_right_is_named() -> None:
    assert "'bridge'" in refusal.refusal(TopicAuthorizationFailedError("stock"), "stock", {}, "bridge").advice


def test_a_compacted_topic_is_named_with_the_command_that_helps() -> None:
    found = refusal.refusal(UnknownError(), "errors", {"cleanup.policy": "compact,delete"}, "")
    assert (
        found.what == "the topic errors is compacted (cleanup.policy=compact,delete) and takes no record without a key"
    )
    assert found.advice.endswith("--entity-name errors --add-config cleanup.policy=delete")


def cluster(monkeypatch: pytest.MonkeyPatch, *partitions: dict[str, Any], **configs: str) -> None:
    """Set up a cluster with a topic `stock` that has these partitions and settings."""

    async def describe_topics() -> list[dict[str, Any]]:
        return [{"topic": "stock", "error_code": 0, "partitions": list(partitions)}]

    async def describe_configs(_: object) -> list[Any]:
        entries = [(name.replace("_", "."), value) for name, value in configs.items()]
        return [SimpleNamespace(resources=[(0, None, 2, "stock", entries)])]

    @contextlib.asynccontextmanager
    async def asked(_: object, **_options: object) -> AsyncIterator[Any]:
        yield SimpleNamespace(describe_topics=describe_topics, describe_configs=describe_configs)

    monkeypatch.setattr(refusal, "admin_client", asked)


def waiting(topic: str = "stock") -> str:
    found = asyncio.run(refusal.why_waiting(KafkaSettings(), [topic]))
    assert found is None or type(found) is UnreachableError, "what waits is no dead letter"
    return found.what if found else ""


def test_too_few_replicas_in_sync_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    # One broker, as the tests have, can't have too few: it wants no more replicas than there are.
    part = {"leader": 1, "replicas": [1, 2, 3], "isr": [1, 2, 3]}
    cluster(monkeypatch, part, {**part, "isr": [1]}, min_insync_replicas="2")
    assert waiting() == "stock takes records with 2 replicas in sync (min.insync.replicas), and has 1"
    cluster(monkeypatch, part, {**part, "isr": [1, 3]}, min_insync_replicas="2")
    assert not waiting()
    cluster(monkeypatch, {"leader": 1, "replicas": [1], "isr": [1]}, min_insync_replicas="2")
    assert not waiting()


def test_a_partition_without_a_leader_and_a_topic_that_is_gone_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster(monkeypatch, {"leader": -1, "replicas": [1], "isr": [1]})
    assert waiting() == "partitions of stock have no leader"
    assert waiting("product") == "Kafka has no topic product, or has it no longer"
