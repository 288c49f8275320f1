"""All that rests on private names of aiomqtt 2.5 and paho-mqtt 2.2; a test notices when they change.

aiomqtt stays the client: it connects, subscribes, publishes and keeps the connection alive. It has no public manual
acknowledgement, hides whether the broker kept the session, and reads one packet at a wake-up; `ChunkClient` adds
these three.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode

from bridge.errors import LibraryChangedError
from bridge.mqtt.frames import PUBACK, Frames, MalformedFrameError, puback_frames

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.mqtt.frames import Inbound

__all__ = ["ChunkClient", "PublishRefusedError", "PublishingClient", "abandon", "check_libraries"]

_READ: Final = 65_536
_BYTES_A_WAKE_UP: Final = 4 * _READ
_READS_A_WAKE_UP: Final = 500
"""What one wake-up takes at most: beyond it, what came is handed on and Kafka's sockets get their turn. Over
websockets a read brings one frame, which is one message, so that bytes alone would be too many of them."""

_AIOMQTT_NAMES: Final = ("_on_connect", "_on_socket_open", "_misc_loop", "_on_disconnect", "_on_publish")
_PAHO_NAMES: Final = (
    "_packet_handle",
    "_loop_rc_handle",
    "_packet_queue",
    "_check_keepalive",
    "_sock_recv",
    "_sock_close",
)


def check_libraries() -> None:
    """Make sure that each private name is there.

    Raises:
        LibraryChangedError: one is not.
    """
    from paho.mqtt.client import Client as PahoClient  # noqa: PLC0415 - only this check looks at the class itself

    for owner, names in ((aiomqtt.Client, _AIOMQTT_NAMES), (PahoClient, _PAHO_NAMES)):
        for name in names:
            if not hasattr(owner, name):
                msg = f"{owner.__module__}.{owner.__name__} has no {name}; aiomqtt 2.5 with paho-mqtt 2.2 has it"
                raise LibraryChangedError(msg)


def abandon(client: aiomqtt.Client) -> None:
    """Close the socket of a client that was not let in: aiomqtt leaves it open, with a task that looks after it."""
    client._client._sock_close()


class PublishRefusedError(Exception):
    """The broker's word on a message was no; the text is its reason."""


class PublishingClient(aiomqtt.Client):
    """aiomqtt's client that tells a message that the broker took from one that it refused, which aiomqtt does not.

    Args:
        hostname: and all further arguments as aiomqtt's client has them.
    """

    def __init__(self, hostname: str, port: int, **options: Any) -> None:
        super().__init__(hostname, port, **options)
        self._words: dict[int, asyncio.Future[Any]] = {}

    async def publish_confirmed(self, topic: str, payload: bytes, properties: Any = None) -> None:
        """Publish at QoS 1 and wait for the broker's word.

        Raises:
            PublishRefusedError: it refuses the message. MQTT 3.1.1 has no word for that, and a broker drops it.
            aiomqtt.MqttError: the connection is lost, or no word came in time.
        """
        info = self._client.publish(topic, payload, 1, False, properties)
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise aiomqtt.MqttCodeError(info.rc, "Could not publish message")
        word = self._words[info.mid] = asyncio.get_running_loop().create_future()
        try:
            reason = await asyncio.wait_for(word, self.timeout)
        except TimeoutError:
            raise aiomqtt.MqttError("the broker's word did not come in time") from None
        finally:
            self._words.pop(info.mid, None)
        if getattr(reason, "is_failure", False):
            raise PublishRefusedError(str(reason))

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        word = self._words.get(mid)
        if word is not None and not word.done():
            word.set_result(reason_code)


class ChunkClient(aiomqtt.Client):
    """aiomqtt's client that hands on what it receives by the chunk and acknowledges when told.

    Args:
        version_5: whether the protocol is MQTT 5.
        on_chunk: called on the event loop with the messages that one wake-up brought, at least one.
        hostname: and all further arguments as aiomqtt's client has them.
    """

    def __init__(
        self, hostname: str, port: int, *, version_5: bool, on_chunk: Callable[[list[Inbound]], None], **options: Any
    ) -> None:
        super().__init__(hostname, port, **options)
        self.session_present = False
        self.reset = False
        """Whether the network broke the connection, rather than the broker closed it."""
        self._frames = Frames(version_5=version_5)
        self._on_chunk = on_chunk
        self._reading = True
        self._descriptor = -1

    async def disconnected(self) -> None:
        """Wait until the connection is gone.

        Raises:
            aiomqtt.MqttError: why, where it was not our own wish.
        """
        await asyncio.shield(self._disconnected)

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Acknowledge QoS 1 messages of this connection in one write."""
        self._client._packet_queue(PUBACK, puback_frames(packet_ids), 0, 0)

    def pause(self) -> None:
        """Stop reading the socket, so that the broker keeps what comes."""
        if self._reading and self._descriptor >= 0:
            self._reading = False
            self._loop.remove_reader(self._descriptor)

    def resume(self) -> None:
        """Read the socket again."""
        if not self._reading and self._descriptor >= 0:
            self._reading = True
            self._loop.add_reader(self._descriptor, self._read)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason_code: Any, properties: Any = None) -> None:
        self.session_present = bool(flags.session_present)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        super()._on_socket_open(client, userdata, sock)
        self._loop.call_soon_threadsafe(self._take_over, sock.fileno())

    def _on_socket_close(self, client: Any, userdata: Any, sock: Any) -> None:
        self._descriptor = -1
        super()._on_socket_close(client, userdata, sock)

    def _take_over(self, descriptor: int) -> None:
        if self._client.socket() is not None:
            self._descriptor = descriptor
            self._loop.add_reader(descriptor, self._read)

    async def _misc_loop(self) -> None:
        while self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            await asyncio.sleep(1)
            if not self._reading:
                # The broker's answer to our ping waits in the socket that we do not read.
                self._client._last_bytes_received = time.monotonic()
                self._client._ping_t = 0.0

    def _read(self) -> None:
        chunk: list[Inbound] = []
        result = MQTTErrorCode.MQTT_ERR_SUCCESS
        left = _BYTES_A_WAKE_UP
        for _ in range(_READS_A_WAKE_UP):
            try:
                data = self._client._sock_recv(_READ)
            except BlockingIOError:
                break
            except OSError:
                self.reset = True
                data = b""
            result = self._take_in(data, chunk) if data else MQTTErrorCode.MQTT_ERR_CONN_LOST
            if result or self._client.socket() is None:
                break
            if len(data) < _READ and not self._client_buffers():
                break
            left -= len(data)
            if left <= 0:
                self._loop.call_soon(self._read_on)
                break
        else:
            self._loop.call_soon(self._read_on)
        if chunk:
            self._on_chunk(chunk)
        if result:
            self._client._loop_rc_handle(result)
            if not self._connected.done():
                # aiomqtt hears of no end before the connection was made, and would wait for its timeout.
                self._connected.set_exception(aiomqtt.MqttError("it closes the connection, or does not speak MQTT"))

    def _take_in(self, data: bytes, chunk: list[Inbound]) -> MQTTErrorCode:
        self._client._last_bytes_received = time.monotonic()
        try:
            published, others = self._frames.feed(data)
        except MalformedFrameError:
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        chunk += published
        for first, body in others:
            if result := self._handle(first, body):
                return result
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _read_on(self) -> None:
        if self._reading and self._descriptor >= 0:
            self._read()

    def _client_buffers(self) -> bool:
        # A websocket gives one frame a read and TLS one record: what else has come shows only by reading on.
        return self._client._transport == "websockets" or self._client._ssl

    def _handle(self, first: int, body: bytes) -> MQTTErrorCode:
        self._client._in_packet = {
            "command": first,
            "have_remaining": 1,
            "remaining_count": [],
            "remaining_mult": 1,
            "remaining_length": len(body),
            "packet": bytearray(body),
            "to_process": 0,
            "pos": 0,
        }
        try:
            return self._client._packet_handle()
        except Exception as error:
            # What answers there is no MQTT broker. Whoever waits hears of it: for the connection, or for its end.
            waiting = self._disconnected if self._connected.done() else self._connected
            if not waiting.done():
                waiting.set_exception(aiomqtt.MqttError(f"it does not answer as an MQTT broker ({error!r})"))
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        finally:
            self._client._in_packet["command"] = 0
