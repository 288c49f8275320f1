"""A session that the broker keeps: subscribed at QoS 1, received by the chunk, acknowledged by hand."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.errors import RefusedError, UnreachableError
from bridge.mqtt._private import ChunkClient, PacketClient, abandon
from bridge.mqtt.connect import connect_options, server_error
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from bridge.mqtt.frames import Inbound
    from bridge.settings import MqttSettings

__all__ = ["Session"]

_SUBACK_REFUSED = 128
"""SUBACK: this value and those above it are refusals (MQTT 5 section 3.9.3, MQTT 3.1.1 section 3.9.3)."""

_UNSPECIFIED = 128
"""What paho says of an end that came without a DISCONNECT."""


class Session:
    """One connection of the kept session; after it is lost, make another.

    Args:
        settings: the broker's.
        filters: the MQTT topic filters to subscribe to.
        on_chunk: called on the event loop with this session and what came; it must not block. Messages that waited
            in the broker may come before the connection counts as open.
    """

    def __init__(
        self,
        settings: MqttSettings,
        filters: Sequence[str],
        on_chunk: Callable[[Session, list[Inbound]], None],
    ) -> None:
        self._settings = settings
        self._filters = filters
        self._on_chunk = on_chunk
        client = ChunkClient if settings.reader == "chunks" else PacketClient
        self._client = client(
            version_5=settings.version == "5",
            on_chunk=self._received,
            identifier=settings.client_id,
            **connect_options(settings, session=True),
        )
        self.open = False
        self.dropped = False
        """Whether the broker closed it without a word, as Mosquitto does where another engine takes the session."""

    async def __aenter__(self) -> Self:
        """Connect and subscribe.

        Raises:
            UnreachableError: nothing answers there, or not as an MQTT broker.
            RefusedError: the broker refuses the client or a subscription.
        """
        try:
            await self._client.__aenter__()
        except aiomqtt.MqttError as error:
            self.open = False
            abandon(self._client)
            raise server_error(error, self._settings) from error
        self.open = True
        try:
            await self._subscribe()
        except BaseException as error:
            await self._leave()
            if isinstance(error, aiomqtt.MqttError):
                raise server_error(error, self._settings) from error
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect; the broker keeps the session and what was not acknowledged."""
        await self._leave()

    @property
    def kept(self) -> bool:
        """Whether the broker still had the session from before."""
        return self._client.session_present

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Acknowledge messages that came on this connection, in the order of receipt; nothing once it is lost."""
        if self.open and packet_ids:
            self._client.acknowledge(packet_ids)

    def pause(self) -> None:
        """Stop reading the socket: the broker keeps what comes."""
        self._client.pause()

    def resume(self) -> None:
        """Read the socket again."""
        self._client.resume()

    async def lost(self) -> None:
        """Wait until the connection is lost.

        Raises:
            UnreachableError: it broke.
            RefusedError: another client took the session.
        """
        try:
            await self._client.disconnected()
        except aiomqtt.MqttError as error:
            self.open = False
            code = error.rc if isinstance(error, aiomqtt.MqttCodeError) else None
            wordless = isinstance(code, ReasonCode) and code.value == _UNSPECIFIED
            self.dropped = wordless and not self._client.reset
            raise server_error(error, self._settings) from error
        except OSError as error:
            self.open = False
            raise UnreachableError(
                "mqtt", Phrase("the connection to {url} broke: {error}", url=self._settings.url, error=str(error))
            ) from error
        self.open = False
        raise UnreachableError("mqtt", Phrase("the connection to {url} was closed", url=self._settings.url))

    def _received(self, chunk: list[Inbound]) -> None:
        # What waited in the broker comes with its CONNACK, before the connecting coroutine runs on.
        self.open = True
        self._on_chunk(self, chunk)

    async def _subscribe(self) -> None:
        if not self._filters:
            return
        # QoS 1 and no more: at QoS 2 paho answers before Kafka could, and the broker would never send it again.
        granted: Sequence[int | ReasonCode]
        if self._settings.version == "5":
            # Retained copies only with the first subscription: each later one would bring a movement once more.
            options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_SEND_IF_NEW_SUB)
            granted = await self._client.subscribe([(topic_filter, options) for topic_filter in self._filters])
        else:
            granted = await self._client.subscribe([(topic_filter, 1) for topic_filter in self._filters])
        codes: list[int] = [answer.value if isinstance(answer, ReasonCode) else answer for answer in granted]
        for topic_filter, code in zip(self._filters, codes, strict=True):
            if code >= _SUBACK_REFUSED:
                raise RefusedError(
                    "mqtt",
                    Phrase(
                        "the broker refuses the subscription to {topic_filter!r} (code {code})",
                        topic_filter=topic_filter,
                        code=code,
                    ),
                    Phrase("give the engine's user the right to read it"),
                )

    async def _leave(self) -> None:
        self.open = False
        with contextlib.suppress(aiomqtt.MqttError, OSError, asyncio.TimeoutError):
            await self._client.__aexit__(None, None, None)
