"""The engine's session, which the broker keeps: subscribed at QoS 1, read in chunks, acknowledged explicitly."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final, Self

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from bridge.errors import RefusedError, UnreachableError
from bridge.mqtt._private import connect, session_client
from bridge.mqtt.connect import mqtt_options, server_error
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from types import TracebackType

    from bridge.mqtt.frames import Inbound
    from bridge.settings import MqttSettings

__all__ = ["REFUSED", "Session", "codes_of", "refusal_advice", "wanted"]


REFUSED: Final = 128
"""SUBACK: this value and those above it are refusals (MQTT 5 section 3.9.3, MQTT 3.1.1 section 3.9.3)."""

_ADVICE: Final = {
    143: Phrase("the broker takes no such filter: look at the routes"),
    151: Phrase("the broker allows this user no more subscriptions: end others, or raise its quota"),
    158: Phrase("the broker has no shared subscriptions: let one engine ingest, with the filter alone"),
    162: Phrase("the broker has no wildcards: name each topic in a route of its own"),
}
"""SUBACK: topic filter invalid, quota exceeded, shared and wildcard subscriptions not supported (MQTT 5 3.9.3)."""

_UNSPECIFIED = 128
"""paho's code for a connection that ended without a DISCONNECT."""


def wanted(topic_filter: str, *, version_5: bool, qos: int = 1) -> tuple[str, Any]:
    """Build one subscription of a SUBSCRIBE for paho.

    At most QoS 1: at QoS 2 paho answers before Kafka has the message, and the broker would never redeliver it. In MQTT
    5, retained copies are requested for a new subscription only (Retain Handling 1, section 3.8.3.1), as otherwise each
    reconnect would bring a movement again, and for a shared one not at all: it has none by section 4.8.2, but Mosquitto
    2.0 sends one to each member that joins.
    """
    if version_5:
        shared = topic_filter.startswith("$share/")
        retained = SubscribeOptions.RETAIN_DO_NOT_SEND if shared else SubscribeOptions.RETAIN_SEND_IF_NEW_SUB
        return topic_filter, SubscribeOptions(qos=qos, retainHandling=retained)
    return topic_filter, qos


def codes_of(answers: Iterable[Any]) -> list[int]:
    """The reason codes of a SUBACK as numbers: the granted QoS, or from REFUSED on a refusal."""
    return [answer.value if isinstance(answer, ReasonCode) else answer for answer in answers]


def refusal_advice(code: int) -> Phrase:
    """What the user can do about a refused subscription."""
    return _ADVICE.get(code) or Phrase("allow the engine's user to read it")


class Session:
    """One connection of the kept session; after it is lost, create another.

    Args:
        settings: the broker's.
        filters: the MQTT topic filters to subscribe to.
        on_chunk: called on the event loop with this session and the received messages; it must not block. Messages that
            waited in the broker may arrive before the connection counts as open.
        subscribed: filters that the session has already, if the broker still has it: no SUBSCRIBE is sent for these, as
            in MQTT 3.1.1 each one brings the retained copies again.
        on_connected: called with this session once the broker has reported whether it still had it, before anything is
            requested.
        on_granted: called with it once the broker has answered the subscriptions, even if it refuses some.

    Attributes:
        granted: by topic filter, the QoS that the broker grants, 0 or 1; refused filters are missing.
    """

    def __init__(
        self,
        settings: MqttSettings,
        filters: Sequence[str],
        on_chunk: Callable[[Session, list[Inbound]], None],
        *,
        subscribed: Collection[str] = (),
        on_connected: Callable[[Session], None] | None = None,
        on_granted: Callable[[Session], None] | None = None,
    ) -> None:
        self._settings = settings
        self._filters = filters
        self._on_chunk = on_chunk
        self._subscribed = subscribed
        self._on_connected = on_connected
        self._on_granted = on_granted
        self._client = session_client(
            settings.reader,
            version_5=settings.version == "5",
            on_chunk=self._received,
            identifier=settings.client_id,
            **mqtt_options(settings, session=True),
        )
        self.granted: Mapping[str, int] = {}
        self.open = False
        self.dropped = False
        """Whether the broker closed it without a reason, as Mosquitto does when another engine takes the session."""

    async def __aenter__(self) -> Self:
        """Connect and subscribe.

        Raises:
            UnreachableError: nothing answers there, or not as an MQTT broker.
            RefusedError: the broker refuses the client or a subscription.
        """
        try:
            await connect(self._client)
        except aiomqtt.MqttError as error:
            self.open = False
            raise server_error(error, self._settings) from error
        self.open = True
        try:
            if self._on_connected is not None:
                self._on_connected(self)
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
        """Disconnect; the broker keeps the session and its unacknowledged messages."""
        await self._leave()

    @property
    def kept(self) -> bool:
        """Whether the broker still had the session from before."""
        return self._client.session_present

    @property
    def asked(self) -> bool:
        """Whether the broker may have received our CONNECT, and so have created a session."""
        return self._client.asked

    @property
    def expiry(self) -> int | None:
        """How many seconds the broker keeps the session, where that differs from what was requested."""
        return self._client.session_expiry

    @property
    def progress(self) -> tuple[int, int, int]:
        """The bytes received in all, those of an incomplete packet, and the size of that packet.

        The second is 0 where packets are complete, the third where the size is not known; all three with the reader
        `packets`.
        """
        return self._client.progress

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Acknowledge messages of this connection, in the order of receipt; ignored once it is lost."""
        if self.open and packet_ids:
            self._client.acknowledge(packet_ids)

    def pause(self) -> None:
        """Stop reading the socket: the broker queues messages."""
        self._client.pause()

    def resume(self) -> None:
        """Read the socket again."""
        self._client.resume()

    async def answered(self, filters: Sequence[str]) -> bool:
        """Unsubscribe and wait for the answer; everything that the broker sent before has been received by then.

        Args:
            filters: those that are not subscribed to, or no longer to be.

        Returns:
            Whether the broker answered; while the socket is not read it does not in time.
        """
        try:
            await self._client.unsubscribe(list(filters))
        except aiomqtt.MqttError:
            return False
        return True

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
        # Messages that waited in the broker arrive with the CONNACK, before the connecting coroutine continues.
        self.open = True
        self._on_chunk(self, chunk)

    async def _subscribe(self) -> None:
        version_5 = self._settings.version == "5"
        there = [one for one in self._filters if self.kept and one in self._subscribed]
        missing = [one for one in self._filters if one not in there]
        codes: dict[str, int] = {}
        if missing:
            answers = await self._client.subscribe([wanted(one, version_5=version_5) for one in missing])
            codes = dict(zip(missing, codes_of(answers), strict=True))
        self.granted = {**dict.fromkeys(there, 1), **{one: code for one, code in codes.items() if code < REFUSED}}
        if self._on_granted is not None:
            self._on_granted(self)
        if refused := [one for one in missing if codes[one] >= REFUSED]:
            raise RefusedError("mqtt", _refusal(codes, refused), refusal_advice(codes[refused[0]]))

    async def _leave(self) -> None:
        self.open = False
        with contextlib.suppress(aiomqtt.MqttError, OSError, asyncio.TimeoutError):
            await self._client.__aexit__(None, None, None)


def _refusal(codes: Mapping[str, int], refused: Sequence[str]) -> Phrase:
    if len(refused) == 1:
        return Phrase(
            "the broker refuses the subscription to {topic_filter!r} (code {code})",
            topic_filter=refused[0],
            code=codes[refused[0]],
        )
    which = ", ".join(f"{one!r} (code {codes[one]})" for one in refused)
    return Phrase("the broker refuses the subscriptions to {which}", which=which)
