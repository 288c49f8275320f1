"""Which engines carry a chain: those that say so at the broker, and the members of its consumer group."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from bridge.errors import ServerError, SettingsError
from bridge.kafka.cluster import admin_client
from bridge.kafka.group import named, read_group
from bridge.mqtt.presence import Presence
from bridge.phrase import listed
from bridge.route import RouteKind

if TYPE_CHECKING:
    from bridge.settings import Settings

__all__ = ["engines_at_broker", "engines_in_group"]

_WITHIN: Final = 3.0
"""Seconds that a server may take to answer, which delay the start."""


async def engines_at_broker(settings: Settings) -> str:
    """Find out whether an engine of the group publishes at the broker that it carries the chain.

    Returns:
        Which ones, for the user; empty if none does, or the broker does not answer in time.
    """
    presence = Presence(settings)
    hearing = asyncio.create_task(presence.run())
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WITHIN):
                await presence.heard.wait()
        return listed(one.name for one in presence.others if one.carries)
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def engines_in_group(settings: Settings) -> str | None:
    """Find out whether an engine applies the records in Kafka.

    Returns:
        Client ids and hosts of the engines, for the user; empty if there are none, None if Kafka does not answer
        in time or not to this user.
    """
    topics = [route.kafka for route in settings.routes if route.does is not RouteKind.CARRY]
    try:
        async with asyncio.timeout(_WITHIN), admin_client(settings.kafka, remember=False) as admin:
            group = await read_group(admin, settings.kafka.group, topics)
    except (KafkaError, OSError, TimeoutError, SettingsError, ServerError):
        return None
    return named([member for member in group.members if member.is_engine is not False])
