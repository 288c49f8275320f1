"""Tries the MQTT broker: whether it lets us in and grants each subscription."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.command.checks.finding import Finding, failure
from bridge.errors import RefusedError
from bridge.journal import Server
from bridge.mqtt.connect import connect_options, publishing, server_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.settings import MqttSettings, Settings

__all__ = ["check_mqtt"]

_REFUSED: Final = 128
"""SUBACK: this value and those above it are refusals (MQTT 5 section 3.9.3, MQTT 3.1.1 section 3.9.3)."""


async def check_mqtt(settings: Settings) -> AsyncIterator[Finding]:
    """Try the broker under a client id that is used once: an engine that runs keeps its session.

    Args:
        settings: the broker's, and the routes whose filters are tried.
    """
    mqtt = settings.mqtt
    own = f"opsci-check-{uuid.uuid4().hex[:12]}"
    try:
        client = aiomqtt.Client(identifier=own, **connect_options(mqtt, session=False))
        async with client:
            who = f"as {mqtt.username!r}" if mqtt.username else "without user name"
            yield Finding(Server.MQTT, True, f"{mqtt.url} lets us in {who}, MQTT {mqtt.version}")
            for topic_filter in dict.fromkeys(route.mqtt for route in settings.routes if route.mqtt):
                yield await _subscription(client, mqtt, topic_filter, own)
        if mqtt.publish_username:
            publisher = publishing(mqtt)
            async with aiomqtt.Client(identifier=f"{own}-p", **connect_options(publisher, session=False)):
                yield Finding(Server.MQTT, True, f"{mqtt.url} lets us in as {publisher.username!r}, to publish")
    except aiomqtt.MqttError as error:
        yield failure(Server.MQTT, server_error(error, mqtt))
    except RefusedError as error:
        yield failure(Server.MQTT, error)


async def _subscription(client: aiomqtt.Client, mqtt: MqttSettings, topic_filter: str, own: str) -> Finding:
    levels = topic_filter.split("/", 2)
    # A member of the real group would take messages away from the engines that share them.
    tried = f"$share/{own}/{levels[2]}" if levels[0] == "$share" else topic_filter
    options: Any = {"qos": 1}
    if mqtt.version == "5":
        options = {"options": SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)}
    (answer,) = await client.subscribe(tried, **options)
    code = answer.value if isinstance(answer, ReasonCode) else answer
    if code >= _REFUSED:
        advice = (
            f"give {mqtt.username!r} the right to read it" if mqtt.username else "the broker asks for a user's right"
        )
        return Finding(Server.MQTT, False, f"the subscription to {topic_filter!r} is refused (code {code})", advice)
    if code == 0:
        advice = "let the broker grant QoS 1: at QoS 0 it keeps nothing while the engine is away"
        return Finding(Server.MQTT, False, f"the subscription to {topic_filter!r} is granted at QoS 0 only", advice)
    return Finding(Server.MQTT, True, f"the subscription to {topic_filter!r} is granted at QoS 1")
