"""What the MQTT broker reports about itself, and what it retains on the chain's topics."""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.infrastructure.facts import MqttFacts, RetainedMessage, not_allowed
from bridge.mqtt._private import connect, session_client
from bridge.mqtt.connect import mqtt_options, server_error
from bridge.mqtt.presence import presence_topic
from bridge.mqtt.session import REFUSED, codes_of
from bridge.phrase import Phrase
from bridge.route import unshared

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.mqtt._private import ChunkClient
    from bridge.mqtt.frames import Inbound
    from bridge.settings import MqttSettings, Settings

__all__ = ["read_mqtt"]

_SYS: Final = "$SYS/broker/"

_PROMPT: Final = "mosquitto"
"""Version prefix of the broker that sends retained messages before it answers the next packet."""

_LATER: Final = 0.3
"""Seconds that other brokers get to send them."""

_MOST: Final = 10_000
"""Retained messages read at most."""

_WITHIN: Final = 10.0


async def read_mqtt(settings: Settings) -> MqttFacts:
    """Ask the broker with a one-time client id and no session, so that a running engine keeps its own session.

    Args:
        settings: the broker's, and the routes whose topics are read.

    Raises:
        ServerError: it does not answer, or refuses this user.
    """
    mqtt = settings.mqtt
    told: dict[str, str] = {}
    retained: dict[str, int] = {}

    def take(chunk: list[Inbound]) -> None:
        for message in chunk:
            if message.topic.startswith(_SYS):
                told[message.topic.removeprefix(_SYS)] = message.payload.decode("utf-8", "replace")
            elif message.retained and len(retained) < _MOST:
                retained[message.topic] = len(message.payload)

    client = session_client(
        mqtt.reader,
        version_5=mqtt.version == "5",
        on_chunk=take,
        identifier=f"opsci-look-{uuid.uuid4().hex[:12]}",
        **mqtt_options(mqtt, session=False),
    )
    filters = _filters(settings)
    try:
        async with asyncio.timeout(_WITHIN):
            await connect(client)
            try:
                codes = await _asked(client, [f"{_SYS}#", *filters], mqtt)
                if not told.get("version", "").startswith(_PROMPT):
                    await asyncio.sleep(_LATER)
            finally:
                with contextlib.suppress(aiomqtt.MqttError, OSError):
                    await client.__aexit__(None, None, None)
    except aiomqtt.MqttError as error:
        raise server_error(error, mqtt) from error
    except TimeoutError as error:
        raise server_error(aiomqtt.MqttError("no answer in time"), mqtt) from error
    return _facts(settings, filters, codes, told, retained)


async def _asked(client: ChunkClient, filters: Sequence[str], settings: MqttSettings) -> list[int]:
    """Subscribe briefly, and return the reason codes."""
    quality: Any = SubscribeOptions(qos=0) if settings.version == "5" else 0
    codes = codes_of(await client.subscribe([(one, quality) for one in filters]))
    # Retained messages come before the acknowledgement of this, and nothing more after it.
    await client.unsubscribe(list(filters))
    return codes


def _facts(
    settings: Settings,
    filters: Sequence[str],
    codes: Sequence[int],
    told: Mapping[str, str],
    retained: Mapping[str, int],
) -> MqttFacts:
    mqtt = settings.mqtt
    trouble = ""
    what = Phrase("to read {topic}", topic=f"{_SYS}#")
    if codes[0] >= REFUSED:
        trouble = not_allowed(mqtt.username, what)
    elif not told:
        trouble = Phrase(
            "the broker sends nothing below {topic}: this broker has no such topics, or {refusal}",
            topic=_SYS,
            refusal=not_allowed(mqtt.username, what),
        )
    return MqttFacts(
        time.time(),
        told,
        trouble,
        tuple(RetainedMessage(topic, size) for topic, size in sorted(retained.items())),
        tuple(one for one, code in zip(filters, codes[1:], strict=False) if code >= REFUSED),
    )


def _filters(settings: Settings) -> list[str]:
    """Return the chain's topic filters: the routes' without their share names, and that of the presence topics."""
    # Nothing retained is sent to a shared subscription (MQTT 5 section 4.8.2).
    found = [unshared(route.mqtt) for route in settings.routes if route.mqtt]
    if settings.mqtt.presence:
        found.append(f"{presence_topic(settings)}/+")
    return list(dict.fromkeys(found))
