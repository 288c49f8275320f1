"""The Kafka topics of the chain, made explicitly: the broker makes none by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TOPICS", "make_topics"]

TOPICS: Final = {"stock": 6, "product": 1, "event": 1, "errors": 1}
"""Partitions by topic. Six share the stock movements between that many bridges."""

_FOREVER: Final = {"retention.ms": "-1"}


async def _make(broker: str, options: Mapping[str, Any]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker, request_timeout_ms=10_000, **options)
    await admin.start()
    try:
        missing = TOPICS.keys() - set(await admin.list_topics())
        if not missing:
            return
        # What could not be applied is kept until a person has dealt with it.
        topics = [
            NewTopic(name, TOPICS[name], 1, topic_configs=_FOREVER if name == "errors" else {})
            for name in sorted(missing)
        ]
        answer = await admin.create_topics(topics)
        # aiokafka returns the errors of each topic and raises nothing.
        for topic, code, *message in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise ConnectionError(f"Kafka did not make the topic {topic}: error {code} {message}")
    finally:
        await admin.close()


def make_topics(broker: str, options: Mapping[str, Any] | None = None) -> None:
    """Make the topics of the chain that do not exist yet.

    Args:
        broker: `host:port`.
        options: who we are, as aiokafka's clients take it, where the broker asks.

    Raises:
        ConnectionError: Kafka did not make one, or does not answer.
    """
    try:
        asyncio.run(_make(broker, options or {}))
    except KafkaError as error:
        raise ConnectionError(f"Kafka did not make the topics: {error}") from error
