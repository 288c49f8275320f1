"""Messages on the routes' filters, received by a separate client with a clean session at QoS 0.

The broker queues nothing for it and waits for no acknowledgement, and no engine misses a message. Instead of a shared
filter it subscribes to the plain one: as a member of the share it would take messages from the engines.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Any

import aiomqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.backoff import Backoff, pause
from bridge.errors import RefusedError, ServerError
from bridge.journal import Server, State
from bridge.mqtt._private import connect, session_client
from bridge.mqtt.connect import mqtt_options, server_error
from bridge.mqtt.session import REFUSED, codes_of, refusal_advice
from bridge.phrase import Phrase
from bridge.route import unshared

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.journal import Journal
    from bridge.mqtt.frames import Inbound
    from bridge.settings import Settings

__all__ = ["Messages"]


class Messages:
    """Receives messages until cancelled, through every outage of the broker.

    Args:
        settings: which broker and which routes.
        journal: where the connection is noted.
        take: called on the event loop with received messages; it must not block.
    """

    def __init__(self, settings: Settings, journal: Journal, take: Callable[[Sequence[Inbound]], None]) -> None:
        self._mqtt = settings.mqtt
        self._journal = journal
        self._take = take
        self._filters = list(dict.fromkeys(unshared(route.mqtt) for route in settings.routes if route.mqtt))

    async def run(self) -> None:
        """Connect, and reconnect after each loss."""
        backoff = Backoff()
        self._journal.connection(Server.MQTT, State.CONNECTING)
        while self._filters:
            try:
                client = await self._connected()
            except ServerError as error:
                state = State.REFUSED if isinstance(error, RefusedError) else State.DOWN
                self._journal.connection(Server.MQTT, state, error.what, error.advice)
                await pause(backoff.pause())
                continue
            self._journal.connection(Server.MQTT, State.UP)
            try:
                await client.disconnected()
            except (aiomqtt.MqttError, OSError) as error:
                lost = server_error(error, self._mqtt) if isinstance(error, aiomqtt.MqttError) else None
                what = lost.what if lost else Phrase("the connection broke: {error}", error=str(error))
                self._journal.connection(Server.MQTT, State.DOWN, what, lost.advice if lost else "")
            finally:
                await _leave(client)
            backoff.reset()
            await pause(backoff.pause())

    async def _connected(self) -> Any:
        """Connect and subscribe.

        Raises:
            UnreachableError: the broker does not answer.
            RefusedError: it refuses the client or a subscription.
        """
        version_5 = self._mqtt.version == "5"
        client = session_client(
            self._mqtt.reader,
            version_5=version_5,
            on_chunk=self._received,
            identifier=f"opsci-watch-{secrets.token_hex(8)}",
            **mqtt_options(self._mqtt, session=False),
        )
        try:
            await connect(client)
        except aiomqtt.MqttError as error:
            raise server_error(error, self._mqtt) from error
        try:
            wanted: list[Any] = [(one, _options() if version_5 else 0) for one in self._filters]
            answers = await client.subscribe(wanted)
            for topic_filter, code in zip(self._filters, codes_of(answers), strict=True):
                if code >= REFUSED:
                    raise RefusedError(
                        "mqtt",
                        Phrase(
                            "the broker refuses the subscription to {topic_filter!r} (code {code})",
                            topic_filter=topic_filter,
                            code=code,
                        ),
                        refusal_advice(code),
                    )
        except BaseException as error:
            await _leave(client)
            if isinstance(error, aiomqtt.MqttError):
                raise server_error(error, self._mqtt) from error
            raise
        return client

    def _received(self, chunk: list[Inbound]) -> None:
        # A retained copy is not new, and MQTT 3.1.1 has no option to exclude it.
        if news := [message for message in chunk if not message.retained]:
            self._take(news)


def _options() -> SubscribeOptions:
    return SubscribeOptions(qos=0, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)


async def _leave(client: Any) -> None:
    with contextlib.suppress(aiomqtt.MqttError, OSError, asyncio.TimeoutError):
        await client.__aexit__(None, None, None)
