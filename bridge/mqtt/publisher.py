"""The publisher for the form, `send` and `trial`; a publish completes when the broker has the message."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Self

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode

from bridge.errors import PublishError, RefusedError, UnconfirmedError
from bridge.identity import MOVEMENT_ID
from bridge.mqtt._private import PublishingClient, PublishRefusedError, connect
from bridge.mqtt.connect import mqtt_options, publishing, server_error, user_properties
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from paho.mqtt.properties import Properties

    from bridge.settings import MqttSettings

__all__ = ["Publisher"]

_quiet = logging.getLogger("bridge.mqtt.publisher.client")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False
# aiomqtt warns of more than ten concurrent calls, which is how `send` works.


class Publisher:
    """Publishes at QoS 1 over its own connection, opened on demand and again after a loss.

    Args:
        settings: the broker's.
        in_flight: how many messages may wait for the broker's acknowledgement at once.

    Attributes:
        lost_at: when the connection last broke, in seconds since the epoch; 0 where it never did.
    """

    def __init__(self, settings: MqttSettings, in_flight: int = 100) -> None:
        self._settings = publishing(settings)
        self._in_flight = asyncio.Semaphore(in_flight)
        self._connecting = asyncio.Lock()
        self._client: PublishingClient | None = None
        self.lost_at = 0.0

    async def __aenter__(self) -> Self:
        """Do nothing: the first message connects."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def publish(
        self, topic: str, payload: bytes, movement_id: str | None = None, others: Sequence[tuple[str, str]] = ()
    ) -> bool:
        """Publish a message and wait for the broker's acknowledgement.

        Args:
            topic: the MQTT topic, without wildcards.
            payload: any bytes.
            movement_id: sent as the user property `movement-id`, which MQTT 3.1.1 does not have.
            others: further user properties; not with MQTT 3.1.1 either.

        Returns:
            False if the broker reported that nobody subscribes to the topic, and so has discarded the message.

        Raises:
            UnconfirmedError: the broker did not acknowledge the message, but may have it.
            PublishError: it refused the message, or there is no connection and nothing was sent.
        """
        properties = None
        if movement_id is not None and self._settings.version == "5":
            properties = user_properties((MOVEMENT_ID, movement_id), *others)
        async with self._in_flight:
            try:
                try:
                    return await self._send(topic, payload, properties)
                except aiomqtt.MqttCodeError as error:
                    if error.rc != MQTTErrorCode.MQTT_ERR_NO_CONN:
                        raise
                    # The connection broke while it was idle: nothing was sent on it.
                    return await self._send(topic, payload, properties)
            except PublishRefusedError as error:
                raise self._refused(topic, error) from error
            except aiomqtt.MqttError as error:
                why = server_error(error, self._settings).text
                msg = Phrase("the broker did not confirm the message on {topic!r}: {why}", topic=topic, why=why)
                raise UnconfirmedError(msg) from error
            except ValueError as error:
                msg = Phrase("{topic!r} is no topic to publish on: {why}", topic=topic, why=str(error))
                raise PublishError(msg) from error

    async def close(self) -> None:
        if self._client is not None:
            await self._drop(self._client)

    async def _send(self, topic: str, payload: bytes, properties: Properties | None) -> bool:
        client = await self._connected()
        try:
            return await client.publish_confirmed(topic, payload, properties)
        except aiomqtt.MqttError:
            await self._drop(client)
            raise

    def _refused(self, topic: str, error: PublishRefusedError) -> PublishError:
        user = self._settings.username
        who = Phrase("user {user!r}", user=user) if user else Phrase("a client without user name")
        return PublishError(
            Phrase(
                "the broker refuses the message of {who} on {topic!r}: {why}; give it the right to publish there",
                who=who,
                topic=topic,
                why=str(error),
            )
        )

    async def _connected(self) -> PublishingClient:
        async with self._connecting:
            if self._client is not None:
                return self._client
            try:
                client = PublishingClient(logger=_quiet, **mqtt_options(self._settings, session=False))
                await connect(client)
            except aiomqtt.MqttError as error:
                raise PublishError(server_error(error, self._settings).text) from error
            except RefusedError as error:
                raise PublishError(error.text) from error
            self._client = client
            client.when_lost(self._note_lost)
            return client

    def _note_lost(self) -> None:
        self.lost_at = time.time()

    async def _drop(self, client: PublishingClient) -> None:
        if self._client is client:
            self._client = None
        with contextlib.suppress(aiomqtt.MqttError, OSError):
            await client.__aexit__(None, None, None)
