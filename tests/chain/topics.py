"""The configuration of topics in the shared Kafka."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from stack.local import LocalStack

__all__ = ["administering", "own_settings", "set_up"]


@contextlib.asynccontextmanager
async def administering(stack: LocalStack) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.addresses.kafka)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def set_up(stack: LocalStack, topic: str, **configs: str) -> None:
    """Give a topic these settings, and the broker's defaults for all others."""
    named = {name.replace("_", "."): value for name, value in configs.items()}
    async with administering(stack) as admin:
        (answer,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, named)])
    assert not answer.resources[0][0], answer
    # The controller has it then, and the broker soon.
    async with asyncio.timeout(60):
        while await own_settings(stack, topic) != named:  # noqa: ASYNC110 - Kafka has no event for it
            await asyncio.sleep(0.05)


async def own_settings(stack: LocalStack, topic: str) -> dict[str, str]:
    """The settings of the topic itself."""
    async with administering(stack) as admin:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    ((code, _, _, _, entries),) = answer.resources
    if code:
        return {}
    return {name: value for name, value, _, source, *_ in entries if source == 1}
