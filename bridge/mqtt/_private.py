"""The uses of private names of aiomqtt 2.5 and paho-mqtt 2.2; a test fails when they change.

aiomqtt connects, subscribes, publishes and keeps the connection alive. It has no public explicit acknowledgement, hides
whether the broker kept the session, and reads one packet at a time; `ChunkClient` adds these three. The names that only
reading in chunks needs are checked when a session is created; without them packets are read one by one, paho's public
way.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.enums import MQTTErrorCode

from bridge.errors import LibraryChangedError
from bridge.mqtt.frames import LARGEST_PACKET, PUBACK, Frames, Inbound, MalformedFrameError, puback_frames
from bridge.mqtt.websocket import PING, WebsocketFrames
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ChunkClient",
    "OwnSocketClient",
    "PublishRefusedError",
    "PublishingClient",
    "abandon",
    "check_libraries",
    "connect",
    "missing_for_chunks",
    "session_client",
]

NO_MATCHING_SUBSCRIBERS: Final = 16
"""PUBACK: the broker accepted the message but nobody subscribes to it (MQTT 5 section 3.4.2.1)."""

_READ: Final = 65_536
_BYTES_A_WAKE_UP: Final = 2 * _READ
_READS_A_WAKE_UP: Final = 500
"""The most that one wake-up reads; then the chunk is processed, and Kafka's sockets get their turn."""

_AIOMQTT_NAMES: Final = (
    "_on_connect",
    "_on_message",
    "_on_publish",
    "_on_socket_close",
    "_on_socket_open",
    "_on_socket_register_write",
    "_misc_loop",
)
_AIOMQTT_ATTRIBUTES: Final = ("_client", "_connected", "_disconnected", "_loop")
_PAHO_NAMES: Final = ("_loop_rc_handle", "_sock_close", "_last_bytes_received", "_ping_t")
"""Without these and aiomqtt's there is no client: no public way tells what the engine must know."""

_CHUNK_NAMES: Final = ("_in_packet", "_packet_handle", "_packet_queue", "_sock_recv", "_ssl", "_transport")
_WEBSOCKET_NAMES: Final = ("_create_frame",)
"""Without these, packets are read one by one, as paho does, and acknowledged one by one."""

_log = logging.getLogger(__name__)


def check_libraries(client: aiomqtt.Client) -> None:
    """Check that the private names exist without which the engine can't work.

    Args:
        client: any, connected or not.

    Raises:
        LibraryChangedError: one does not exist.
    """
    missing = [name for name in (*_AIOMQTT_NAMES, *_AIOMQTT_ATTRIBUTES) if not hasattr(client, name)]
    missing = missing or [name for name in _PAHO_NAMES if not hasattr(client._client, name)]
    if missing:
        names = ", ".join(missing)
        msg = Phrase("aiomqtt or paho-mqtt has no {names}; aiomqtt 2.5 with paho-mqtt 2.2 has", names=names)
        raise LibraryChangedError(msg)


def missing_for_chunks(client: aiomqtt.Client) -> list[str]:
    """The private names of paho that reading in chunks needs and that do not exist.

    Args:
        client: any, connected or not.
    """
    inner: Any = client._client
    wrapper = getattr(sys.modules[type(inner).__module__], "_WebsocketWrapper", None)
    return [
        *(name for name in _CHUNK_NAMES if not hasattr(inner, name)),
        *(name for name in _WEBSOCKET_NAMES if not hasattr(wrapper, name)),
    ]


def session_client(reader: str, hostname: str, port: int, **options: Any) -> ChunkClient:
    """Create the client for the setting `mqtt.reader`; it reads one by one if paho lacks what chunks need.

    Args:
        reader: `chunks` or `packets`.
        hostname: the broker's.
        port: the broker's.
        options: all further arguments of `ChunkClient`.

    Raises:
        LibraryChangedError: aiomqtt or paho lacks what both need.
    """
    kind = ChunkClient if reader == "chunks" else PacketClient
    client = kind(hostname, port, **options)
    check_libraries(client)
    if kind is ChunkClient and (missing := missing_for_chunks(client)):
        _log.warning("mqtt: this paho-mqtt has no %s, so packets are read one by one", ", ".join(missing))
        client = PacketClient(hostname, port, **options)
    return client


def abandon(client: aiomqtt.Client) -> None:
    """Close the socket of a client that was not admitted: aiomqtt leaves it open, with a task of its own."""
    client._client._sock_close()


async def connect(client: aiomqtt.Client) -> None:
    """Connect a client; one that is not admitted, or cancelled meanwhile, leaves no socket open.

    Raises:
        aiomqtt.MqttError: the broker does not answer, or refuses the client.
    """
    try:
        await client.__aenter__()
    except BaseException:
        abandon(client)
        raise


class OwnSocketClient(aiomqtt.Client):
    """aiomqtt's client, with its socket watched by the event loop only while it is its own.

    paho requests the watching from another thread, or just before it closes the socket, and aiomqtt starts it a moment
    later, by file descriptor. By then the descriptor may belong to a socket of Kafka's or Strapi's: the loop would call
    aiomqtt for it endlessly, and unregister it when that connection ends.

    Args:
        hostname: this and all further arguments as in aiomqtt's client.
    """

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        self._loop.call_soon_threadsafe(self._opened, sock)

    def _on_socket_register_write(self, client: Any, userdata: Any, sock: Any) -> None:
        if self._is_on_loop():
            # No other thread has to be woken up through a pipe, and the socket nearly always takes it all at once.
            self._loop.call_soon(self._write_or_wait, sock)
        else:
            self._loop.call_soon_threadsafe(self._has_to_write, sock)

    def _is_on_loop(self) -> bool:
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False

    def _is_own(self, sock: Any) -> bool:
        own: Any = self._client.socket()
        return sock is own and bool(sock.fileno() >= 0)

    def _opened(self, sock: Any) -> None:
        if self._is_own(sock):
            self._loop.add_reader(sock.fileno(), self._read)
            self._misc_task = self._loop.create_task(self._misc_loop())

    def _has_to_write(self, sock: Any) -> None:
        if self._is_own(sock) and self._client.want_write():
            self._loop.add_writer(sock.fileno(), self._write)

    def _write_or_wait(self, sock: Any) -> None:
        if self._is_own(sock) and self._client.want_write():
            self._write()
            self._has_to_write(sock)

    def _read(self) -> None:
        try:
            self._client.loop_read()
            # Data that TLS has already read from the network causes no further wake-up.
            while (sock := self._client.socket()) is not None and hasattr(sock, "pending") and sock.pending():
                self._client.loop_read()
        except Exception as error:
            self._broke(error)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as error:
            self._broke(error)

    def _broke(self, error: Exception) -> None:
        if not self._disconnected.done():
            self._disconnected.set_exception(aiomqtt.MqttError(str(error) or repr(error)))


class PublishRefusedError(Exception):
    """The broker refused a message; the text is its reason."""


class PublishingClient(OwnSocketClient):
    """aiomqtt's client, with a distinction between accepted and refused messages, which aiomqtt lacks.

    Args:
        hostname: this and all further arguments as in aiomqtt's client.
    """

    def __init__(self, hostname: str, port: int, **options: Any) -> None:
        super().__init__(hostname, port, **options)
        self._words: dict[int, asyncio.Future[Any]] = {}

    def when_lost(self, tell: Callable[[], None]) -> None:
        """Call a function once the connection ends unexpectedly; without a publish in progress that raises nothing."""

        def ended(future: asyncio.Future[Any]) -> None:
            if not future.cancelled() and future.exception() is not None:
                tell()

        self._disconnected.add_done_callback(ended)

    async def publish_confirmed(self, topic: str, payload: bytes, properties: Any = None) -> bool:
        """Publish at QoS 1 and wait for the broker's PUBACK.

        Returns:
            Whether the broker has the message. False if it reports that nobody subscribes to it (MQTT 5 section
            3.4.2.1): it has discarded it. MQTT 3.1.1 does not report this.

        Raises:
            PublishRefusedError: it refuses the message. In MQTT 3.1.1 it can't report that, and drops it.
            aiomqtt.MqttError: the connection is lost, or no PUBACK arrived in time.
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
        return getattr(reason, "value", 0) != NO_MATCHING_SUBSCRIBERS

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason_code: Any, properties: Any) -> None:
        word = self._words.get(mid)
        if word is not None and not word.done():
            word.set_result(reason_code)


class ChunkClient(OwnSocketClient):
    """aiomqtt's client, with received messages delivered in chunks and acknowledged explicitly.

    Args:
        version_5: whether the protocol is MQTT 5.
        on_chunk: called on the event loop with the messages of one wake-up, at least one.
        hostname: this and all further arguments as in aiomqtt's client.
    """

    def __init__(
        self, hostname: str, port: int, *, version_5: bool, on_chunk: Callable[[list[Inbound]], None], **options: Any
    ) -> None:
        super().__init__(hostname, port, **options)
        self.session_present = False
        self.session_expiry: int | None = None
        """How many seconds the broker keeps the session, where it says so (MQTT 5 section 3.2.2.3.2)."""
        self.asked = False
        """Whether a socket was opened, on which the broker may have received our CONNECT."""
        self.reset = False
        """Whether the network broke the connection, as opposed to the broker closing it."""
        self._frames = Frames(version_5=version_5)
        self._websocket: WebsocketFrames | None = None
        self._on_chunk = on_chunk
        self._reading = True
        self._descriptor = -1

    @property
    def progress(self) -> tuple[int, int, int]:
        """The bytes received in all, those of an incomplete packet, and the size of that packet."""
        return self._frames.taken, *self._frames.unfinished

    async def disconnected(self) -> None:
        """Wait until the connection ends.

        Raises:
            aiomqtt.MqttError: why, unless we closed it.
        """
        await asyncio.shield(self._disconnected)

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Acknowledge QoS 1 messages of this connection in one write."""
        self._client._packet_queue(PUBACK, puback_frames(packet_ids), 0, 0)

    def pause(self) -> None:
        """Stop reading the socket, so that the broker queues messages."""
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
        self.session_expiry = getattr(properties, "SessionExpiryInterval", None)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        self.asked = True
        super()._on_socket_open(client, userdata, sock)

    def _on_socket_close(self, client: Any, userdata: Any, sock: Any) -> None:
        self._descriptor = -1
        super()._on_socket_close(client, userdata, sock)

    def _opened(self, sock: Any) -> None:
        if self._is_own(sock):
            self._descriptor = sock.fileno()
            # Before anything but the handshake is read, so that nothing remains in paho's buffer.
            self._websocket = WebsocketFrames() if self._client._transport == "websockets" else None
        super()._opened(sock)

    async def _misc_loop(self) -> None:
        while self._client.loop_misc() == MQTTErrorCode.MQTT_ERR_SUCCESS:
            await asyncio.sleep(1)
            if not self._reading:
                # The broker's answer to our ping waits in the socket that is not read.
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
            # TLS returns one record at a time, so only another read shows whether there is more.
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
                # aiomqtt does not notice the end of a connection before it is established, and would wait for its
                # timeout.
                self._connected.set_exception(aiomqtt.MqttError("it closes the connection, or does not speak MQTT"))

    def _receive(self) -> bytes:
        """Read the socket, as paho does; websocket data is returned undecoded."""
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
        """The MQTT bytes in received data, which may be in websocket frames."""
        if self._websocket is None:
            return data
        stream, controls = self._websocket.feed(data)
        for kind, content in controls:
            if kind == PING:
                self._pong(content)
        return stream

    def _pong(self, content: bytes) -> None:
        # Not in the middle of a partly sent frame; the peer will ping again.
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
        """Report to whoever awaits the connection or its end that the server is not an MQTT broker."""
        waiting = self._disconnected if self._connected.done() else self._connected
        if not waiting.done():
            waiting.set_exception(aiomqtt.MqttError(f"it does not answer as an MQTT broker ({error!r})"))


class PacketClient(ChunkClient):
    """The same interface over paho's own reader, which reads the socket several times for each packet."""

    def __init__(self, hostname: str, port: int, **options: Any) -> None:
        super().__init__(hostname, port, **options)
        self._client.manual_ack_set(True)
        self._came: list[Inbound] = []

    def acknowledge(self, packet_ids: list[int]) -> None:
        """Acknowledge QoS 1 messages of this connection, each in a separate write."""
        for packet_id in packet_ids:
            self._client.ack(packet_id, 1)

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        properties = message.properties.pack() if message.properties is not None else b""
        # The properties are preceded by their length: all bytes with the highest bit set, and one more.
        length = next((place + 1 for place, byte in enumerate(properties) if byte < 128), 0)
        self._came.append(
            Inbound(
                message.topic,
                message.payload[:LARGEST_PACKET],
                message.qos,
                message.mid if message.qos else 0,
                message.retain,
                message.dup,
                properties[length:],
                max(0, len(message.payload) - LARGEST_PACKET),
            )
        )

    def _read(self) -> None:
        try:
            for _ in range(_READS_A_WAKE_UP):
                self._client.loop_read()
                socket: Any = self._client.socket()
                # Data that TLS has already read from the network causes no further wake-up.
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
