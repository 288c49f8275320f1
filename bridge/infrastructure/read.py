"""Asks one server for its facts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.infrastructure.kafka import read_kafka
from bridge.infrastructure.mqtt import read_mqtt
from bridge.infrastructure.strapi import read_strapi
from bridge.journal import Server

if TYPE_CHECKING:
    from bridge.infrastructure.facts import Facts
    from bridge.settings import Settings

__all__ = ["read_facts"]


async def read_facts(settings: Settings, server: Server) -> Facts:
    """Ask a server on separate connections.

    Args:
        settings: the engine's.
        server: the server.

    Raises:
        ServerError: it does not answer, or refuses this user.
    """
    if server is Server.MQTT:
        return await read_mqtt(settings)
    if server is Server.KAFKA:
        return await read_kafka(settings)
    return await read_strapi(settings)
