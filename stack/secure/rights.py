"""What Kafka's users may do: the engine reads and writes the chain's topics and commits for its group, nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import CreateAclsRequest

from stack.servers.topics import TOPICS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GROUP", "give_rights"]

GROUP: Final = "stock-creator"
"""The consumer group that the engine may be in."""

# The codes of Kafka's AclOperation, ResourceType, PatternType and AclPermissionType.
_READ: Final = 3
_WRITE: Final = 4
_TOPIC: Final = 2
_OF_GROUP: Final = 3
_LITERAL: Final = 3
_ALLOW: Final = 3


def give_rights(broker: str, options: Mapping[str, Any]) -> None:
    """Give the engine's user its rights; those that it has stay.

    Args:
        broker: `host:port`.
        options: who we are, as aiokafka's clients take it: one who may give rights.

    Raises:
        ConnectionError: Kafka did not do it, or does not answer.
    """
    try:
        asyncio.run(_give(broker, options))
    except KafkaError as error:
        raise ConnectionError(f"Kafka did not give the rights: {error}") from error


async def _give(broker: str, options: Mapping[str, Any]) -> None:
    rights = [(_TOPIC, topic, operation) for topic in TOPICS for operation in (_READ, _WRITE)]
    rights.append((_OF_GROUP, GROUP, _READ))
    client = AIOKafkaClient(bootstrap_servers=broker, request_timeout_ms=10_000, **options)
    await client.bootstrap()
    try:
        node = client.get_random_node()
        await client.ready(node)
        for kind, name, operation in rights:
            request = CreateAclsRequest(kind, name, _LITERAL, "User:bridge", "*", operation, _ALLOW)
            answer = await client.send(node, request)
            for code, message in answer.creation_responses:
                if code:
                    raise ConnectionError(f"Kafka did not give a right: {for_code(code).__name__} {message or ''}")
    finally:
        await client.close()
