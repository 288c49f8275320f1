"""All that rests on private names of aiomqtt 2.5 and paho-mqtt 2.2; a test notices when they change.

aiomqtt stays the client: it connects, subscribes, publishes and keeps the connection alive. It has no public manual
acknowledgement, hides whether the broker kept the session, and reads one packet at a wake-up; `ChunkClient` adds
these three.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode

from bridge.errors import LibraryChangedError
from bridge.mqtt.frames import PUBACK, Frames, Inbound, MalformedFrameError, puback_frames
from bridge.mqtt.websocket import PING, WebsocketFrames

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ChunkClient", "PacketClient", "PublishRefusedError", "PublishingClient", "abandon", "check_libraries"]

_READ: Final = 65_536
_BYTES_A_WAKE_UP: Final = 2 * _READ
_READS_A_WAKE_UP: Final = 500
"""What one wake-up takes at most: beyond it, what came is handed on and Kafka's sockets get their turn."""

_AIOMQTT_NAMES: Final = ("_on_connect", "_on_socket_open", "_misc_loop", "_on_disconnect", "_on_publish", "_on_message")
_PAHO_NAMES: Final = (
    "_packet_handle",
    "_loop_rc_handle",
    "_packet_queue",
    "_check_keepalive",
    "_sock_recv",
    "_sock_close",
)
_WEBSOCKET_NAMES: Final = ("_create_frame", "_send_impl")


def check_libraries() -> None:
    """Make sure that each private name is there.

    Raises:
        LibraryChangedError: one is not.
    """
    from paho.mqtt import client as paho  # noqa: PLC0415 - only this check looks at the classes themselves

    wanted = (
        (aiomqtt.Client, _AIOMQTT_NAMES),
        (paho.Client, _PAHO_NAMES),
        (paho._WebsocketWrapper, _WEBSOCKET_NAMES),
    )
    for owner, names in wanted:
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
        self._websocket: WebsocketFrames | None = None
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
            # Before anything but the handshake was read, so that nothing stays behind in paho's buffer.
            self._websocket = WebsocketFrames() if self._client._transport == "websockets" else None
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
                data = self._receive()
            except (BlockingIOError, ssl.SSLWantReadError):
                break
            except OSError:
                self.reset = True
                data = b""
            result = self._take_in(data, chunk) if data else MQTTErrorCode.MQTT_ERR_CONN_LOST
            if result or self._client.socket() is None:
                break
            # TLS gives one record: what else has come shows only by reading on.
            if len(data) < _READ and not self._client._ssl:
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

    def _receive(self) -> bytes:
        """Read the socket: as paho does, but what a websocket brings as it is."""
        if self._websocket is None:
            return self._client._sock_recv(_READ)
        wrapper: Any = self._client.socket()
        received: bytes = wrapper._socket.recv(_READ)
        return received

    def _take_in(self, data: bytes, chunk: list[Inbound]) -> MQTTErrorCode:
        self._client._last_bytes_received = time.monotonic()
        try:
            published, others = self._frames.feed(self._unwrapped(data))
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

    def _unwrapped(self, data: bytes) -> bytes:
        """What of a read is MQTT, where it came over a websocket."""
        if self._websocket is None:
            return data
        stream, controls = self._websocket.feed(data)
        for kind, content in controls:
            if kind == PING:
                self._pong(content)
        return stream

    def _pong(self, content: bytes) -> None:
        # Within a frame that is half sent it would be no frame; who pings asks again.
        wrapper: Any = self._client.socket()
        if not wrapper._sendbuffer:
            with contextlib.suppress(OSError):
                wrapper._socket.send(wrapper._create_frame(wrapper.OPCODE_PONG, bytearray(content)))

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
            self._is_no_broker(error)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        finally:
            self._client._in_packet["command"] = 0

    def _is_no_broker(self, error: Exception) -> None:
        """Tell whoever waits, for the connection or for its end, that what answers there is no MQTT broker."""
        waiting = self._disconnected if self._connected.done() else self._connected
        if not waiting.done():
            waiting.set_exception(aiomqtt.MqttError(f"it does not answer as an MQTT broker ({error!r})"))


class PacketClient(ChunkClient):
    """The same with paho's own reader, which asks the socket several times for each packet."""

    def __init__(self, hostname: str, port: int, **options: Any) -> None:
        super().__init__(hostname, port, **options)
        self._client.manual_ack_set(True)
        self._came: list[Inbound] = []

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        properties = message.properties.pack() if message.properties is not None else b""
        # Before the properties stands their length, in as many bytes as have their highest bit set and one more.
        length = next((place + 1 for place, byte in enumerate(properties) if byte < 128), 0)
        self._came.append(
            Inbound(
                message.topic,
                message.payload,
                message.qos,
                message.mid if message.qos else 0,
                message.retain,
                message.dup,
                properties[length:],
            )
        )

    def _read(self) -> None:
        try:
            for _ in range(_READS_A_WAKE_UP):
                self._client.loop_read()
                socket: Any = self._client.socket()
                # What TLS has taken from the network already wakes no one up.
                if socket is None or not (hasattr(socket, "pending") and socket.pending()):
                    break
            else:
                self._loop.call_soon(self._read_on)
        except Exception as error:
            self._is_no_broker(error)
            self._client._loop_rc_handle(MQTTErrorCode.MQTT_ERR_PROTOCOL)
        chunk, self._came = self._came, []
        if chunk:
            self._on_chunk(chunk)
