"""Handwritten MQTT and websocket clients, as libraries refuse to send invalid data."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Client", "Door", "HandshakeRefusedError", "Login", "doors_of", "get", "leave", "upgrade"]

_PATIENCE: Final = 6.0
"""Seconds to wait for an answer."""

_CONNACK: Final = 2
_PUBLISH: Final = 3
_PUBACK: Final = 4
_SUBACK: Final = 9
_DISCONNECT: Final = 14


class HandshakeRefusedError(ConnectionError):
    """A websocket was not opened; the message is the status line, or what came instead."""


@dataclass(frozen=True)
class Door:
    """A listener that speaks MQTT.

    Attributes:
        port: its port.
        websockets: whether it uses websockets.
        tls: the TLS context, None for a listener without TLS.
        host: its address.
    """

    port: int
    websockets: bool
    tls: ssl.SSLContext | None
    host: str = "127.0.0.1"

    def __str__(self) -> str:
        scheme = ("wss" if self.tls else "ws") if self.websockets else ("mqtts" if self.tls else "mqtt")
        return f"{scheme}://{self.host}:{self.port}"


@dataclass(frozen=True)
class Login:
    """An attacker's login.

    Attributes:
        name: for the page.
        user: the user name, None for none.
        password: its password.
    """

    name: str
    user: str | None = None
    password: str = ""


class Client:
    """One connection to a broker.

    Args:
        door: the listener.
        client_id: the session's name.
        login: the login.
        clean: whether to discard a stored session of that name.
        version: 5 or 4, which is MQTT 3.1.1.
        origin: the Origin header over websockets.
        host: the Host header over websockets; that of the listener by default.
        expiry: seconds for which the broker keeps the session.
        will: the topic and the payload that the broker publishes when this connection is lost.
    """

    def __init__(
        self,
        door: Door,
        client_id: str,
        login: Login | None = None,
        *,
        clean: bool = True,
        version: int = 5,
        origin: str | None = None,
        host: str | None = None,
        expiry: int = 0,
        will: tuple[str, bytes] | None = None,
    ) -> None:
        self._door = door
        self._client_id = client_id
        self._login = login or Login("anonymous")
        self._clean = clean
        self._version = version
        self._origin = origin
        self._host = host
        self._expiry = expiry
        self._will = will
        self._rest = b""
        self._unwrapped = b""
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self.reason = -1
        """The code of the CONNACK: 0 is success; -1 where none came."""
        self.present = False
        """Whether the broker had a session under that name."""

    async def __aenter__(self) -> Self:
        try:
            await self.connect()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    async def connect(self) -> None:
        """Connect; `reason` has the result.

        Raises:
            OSError: nothing listens, TLS is refused, or the connection is closed at once.
            HandshakeRefusedError: no websocket is opened.
        """
        door = self._door
        if door.websockets:
            self._reader, self._writer = await upgrade(door, self._origin, self._host)
        else:
            self._reader, self._writer = await asyncio.wait_for(
                asyncio.open_connection(door.host, door.port, ssl=door.tls), _PATIENCE
            )
        login = self._login
        flags = 2 * self._clean | (0xC0 if login.user is not None else 0) | (0x0C if self._will else 0)
        head = b"\x00\x04MQTT" + bytes((self._version, flags)) + b"\x00\x3c"
        body = head + self._properties(b"\x11" + self._expiry.to_bytes(4, "big")) + _text(self._client_id)
        if self._will:
            topic, payload = self._will
            body += self._properties(b"") + _text(topic) + len(payload).to_bytes(2, "big") + payload
        if login.user is not None:
            body += _text(login.user) + _text(login.password)
        self._write(0x10, body)
        answer = await self._expect(_CONNACK)
        if answer is not None:
            self.present, self.reason = bool(answer[0]), answer[1]

    def break_off(self) -> None:
        """Reset the connection, as a network failure does; the broker publishes the will."""
        self._writer.transport.abort()

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Publish at QoS 1.

        Returns:
            The code of the PUBACK: 0, or 16 if nobody is subscribed; -1 if none came.
        """
        self._write(0x32 | retain, _text(topic) + b"\x00\x07" + self._properties(b"") + payload)
        answer = await self._expect(_PUBACK)
        if answer is None:
            return -1
        return answer[2] if len(answer) > 2 else 0

    async def flood(
        self,
        topic: str,
        payload: bytes | Callable[[int], bytes],
        count: int,
        *,
        window: int = 20,
        properties: bytes = b"",
    ) -> int:
        """Publish many times at QoS 1, as fast as the broker accepts.

        Args:
            topic: the topic.
            payload: the same each time, or a function that creates the payload of a number from 0 on.
            count: number of messages.
            window: messages in flight at once.
            properties: MQTT 5 properties of each message, encoded.

        Returns:
            The number of acknowledged messages.
        """
        acknowledged = sent = 0
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
            while acknowledged < count:
                while sent < count and sent - acknowledged < window:
                    packet_id = (sent % 65_535 + 1).to_bytes(2, "big")
                    body = payload if isinstance(payload, bytes) else payload(sent)
                    said = _length(len(properties)) + properties if self._version == 5 else b""
                    self._write(0x32, _text(topic) + packet_id + said + body)
                    sent += 1
                    await asyncio.wait_for(self._writer.drain(), 60)
                kind, answer = await asyncio.wait_for(self._packet(), 60)
                acknowledged += kind >> 4 == _PUBACK and not (len(answer) > 2 and answer[2] >= 128)
                if kind >> 4 == _PUBACK and len(answer) > 2 and answer[2] >= 128:
                    # A refusal answers a message as well.
                    count -= 1
                if kind >> 4 == _DISCONNECT:
                    return acknowledged
        return acknowledged

    async def subscribe(self, *topics: str) -> list[int]:
        """Subscribe at QoS 1; return the SUBACK's codes (128 and above are refusals), empty if none came."""
        body = b"\x00\x09" + self._properties(b"") + b"".join(_text(topic) + b"\x01" for topic in topics)
        self._write(0x82, body)
        answer = await self._expect(_SUBACK)
        return list(answer[-len(topics) :]) if answer else []

    async def take(self, seconds: float) -> list[tuple[str, bytes]]:
        """Receive and acknowledge messages until none came for some seconds; return topics and payloads."""
        found: list[tuple[str, bytes]] = []
        with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            while True:
                kind, body = await asyncio.wait_for(self._packet(), seconds)
                if kind >> 4 != _PUBLISH:
                    continue
                end = 2 + int.from_bytes(body[:2], "big")
                topic, rest = body[2:end].decode(), body[end:]
                if kind & 6:
                    self._write(0x40, rest[:2])
                    rest = rest[2:]
                if self._version == 5:
                    length, rest = _varint(rest)
                    rest = rest[length:]
                found.append((topic, rest))
        return found

    def _properties(self, properties: bytes) -> bytes:
        return bytes((len(properties),)) + properties if self._version == 5 else b""

    async def _expect(self, kind: int) -> bytes | None:
        """Return the body of the next packet of a kind; None if the connection ends or nothing comes."""
        with contextlib.suppress(TimeoutError, OSError, asyncio.IncompleteReadError):
            async with asyncio.timeout(_PATIENCE):
                while True:
                    first, body = await self._packet()
                    if first >> 4 == kind:
                        return body
        return None

    async def _packet(self) -> tuple[int, bytes]:
        first = (await self._bytes(1))[0]
        length, shift = 0, 0
        while True:
            (byte,) = await self._bytes(1)
            length |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return first, await self._bytes(length)

    async def _bytes(self, count: int) -> bytes:
        if not self._door.websockets:
            return await self._reader.readexactly(count)
        while len(self._unwrapped) < count:
            first, second = await self._reader.readexactly(2)
            length = second & 127
            if length > 125:
                length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8), "big")
            payload = await self._reader.readexactly(length)
            if first & 15 == 8:
                raise ConnectionResetError("the websocket was closed")
            self._unwrapped += payload if first & 15 < 8 else b""
        found, self._unwrapped = self._unwrapped[:count], self._unwrapped[count:]
        return found

    def _write(self, first: int, body: bytes) -> None:
        packet = bytes((first,)) + _length(len(body)) + body
        if self._door.websockets:
            size = len(packet)
            short = bytes((128 | size,)) if size < 126 else b""
            longer = b"\xfe" + size.to_bytes(2, "big") if size < 65_536 else b"\xff" + size.to_bytes(8, "big")
            # A mask of zeros is a mask, and leaves the payload as it is.
            packet = b"\x82" + (short or longer) + bytes(4) + packet
        self._writer.write(packet)

    async def _leave(self) -> None:
        writer = getattr(self, "_writer", None)
        if writer is not None:
            await leave(writer)


async def leave(writer: asyncio.StreamWriter) -> None:
    """Close a connection, and wait until its socket is closed, at most a second for TLS's closing message."""
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), 1)
    writer.transport.abort()
    await asyncio.sleep(0)


async def upgrade(
    door: Door, origin: str | None, host: str | None = None, path: str = "/mqtt", protocol: str = "mqtt"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a websocket (RFC 6455).

    Args:
        door: the listener.
        origin: the Origin header; None sends none, as no browser would.
        host: the Host header; that of the listener by default.
        path: and query.
        protocol: the requested subprotocol, empty for none.

    Raises:
        HandshakeRefusedError: the answer is not 101.
        OSError: nothing listens, or TLS is refused.
    """
    reader, writer = await asyncio.wait_for(
        asyncio.open_connection(door.host, door.port, ssl=door.tls, limit=1 << 20), _PATIENCE
    )
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {host or f'{door.host}:{door.port}'}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    lines += [f"Sec-WebSocket-Protocol: {protocol}"] if protocol else []
    lines += [f"Origin: {origin}"] if origin is not None else []
    writer.write("\r\n".join([*lines, "", ""]).encode())
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
    except (TimeoutError, asyncio.IncompleteReadError, ConnectionError) as error:
        await leave(writer)
        raise HandshakeRefusedError("closed without an answer") from error
    status = head.split(b"\r\n")[0].decode("latin-1")
    if " 101 " not in f"{status} ":
        await leave(writer)
        raise HandshakeRefusedError(status)
    return reader, writer


async def get(door: Door, request: str, seconds: float = _PATIENCE, *, whole: bool = True) -> str:
    """Send an HTTP request unchanged and read the answer.

    Args:
        door: the listener.
        request: including the empty line at the end.
        seconds: of silence after which reading ends.
        whole: stop at the end of one answer, if its length is known; else at the end of the connection.
    """
    reader, writer = await asyncio.wait_for(asyncio.open_connection(door.host, door.port, ssl=door.tls), _PATIENCE)
    answer = b""
    try:
        writer.write(request.encode())
        with contextlib.suppress(TimeoutError, OSError):
            while data := await asyncio.wait_for(reader.read(65_536), seconds):
                answer += data
                if whole and _is_whole(answer):
                    break
    finally:
        # Without TLS's goodbye, which a server may wait for as well.
        writer.transport.abort()
        await asyncio.sleep(0)
    return answer.decode("utf-8", "replace")


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?im)^content-length: *(\d+)", head)
    return bool(end) and (b" 204 " in head[:20] or (length is not None and len(body) >= int(length[1])))


async def doors_of(ports: list[int], tls: ssl.SSLContext | None) -> list[Door]:
    """Return which of some ports speak MQTT, and how; each way is tried on each port."""
    found = []
    for port in ports:
        for context in [None, tls] if tls else [None]:
            for websockets in (False, True):
                door = Door(port, websockets, context)
                if await _speaks_mqtt(door):
                    found.append(door)
    return found


async def _speaks_mqtt(door: Door) -> bool:
    try:
        # An origin of its own, as the page's: what is asked here is whether MQTT is spoken at all.
        async with asyncio.timeout(_PATIENCE), Client(door, "", origin=None) as client:
            return client.reason >= 0
    except (OSError, ssl.SSLError, TimeoutError, asyncio.IncompleteReadError, ValueError):
        return False


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _length(value: int) -> bytes:
    parts = bytearray()
    while True:
        value, low = divmod(value, 128)
        parts.append(low | (128 if value else 0))
        if not value:
            return bytes(parts)


def _varint(data: bytes) -> tuple[int, bytes]:
    value, shift = 0, 0
    for place, byte in enumerate(data):
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, data[place + 1 :]
    return 0, b""
