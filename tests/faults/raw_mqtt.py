"""A minimal MQTT 5 client that fills a session's queue and counts what comes back, faster than a client library."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from bridge.mqtt.frames import Frames, puback_frames

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Heard", "RawClient"]

_WINDOW: Final = 4_000
_READ: Final = 262_144
_WEEK: Final = (604_800).to_bytes(4, "big")
_IN_FLIGHT: Final = (20_000).to_bytes(2, "big")


@dataclass
class Heard:
    """The received PUBACKs.

    Attributes:
        count: number of them.
        longest: the longest time in seconds in which none came.
    """

    count: int = 0
    longest: float = 0.0


class RawClient:
    """One connection, created by `connect`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = Frames(version_5=True)

    @classmethod
    async def connect(cls, port: int, client_id: str, *, keep: bool) -> RawClient:
        """Connect to 127.0.0.1.

        Args:
            port: the TCP listener's.
            client_id: the session's name.
            keep: whether the broker keeps the session.
        """
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        properties = b"\x11" + _WEEK + b"\x21" + _IN_FLIGHT if keep else b""
        flags = b"\x00" if keep else b"\x02"
        head = b"\x00\x04MQTT\x05" + flags + b"\x00\x00" + bytes((len(properties),)) + properties
        name = client_id.encode()
        body = head + len(name).to_bytes(2, "big") + name
        writer.write(bytes((0x10, len(body))) + body)
        client = cls(reader, writer)
        # CONNACK; what waited in the broker would come with it only after a SUBSCRIBE, or with the next read.
        answer = await reader.readexactly(2)
        await reader.readexactly(answer[1])
        return client

    async def subscribe(self, topic: str) -> None:
        """Subscribe at QoS 1."""
        name = topic.encode()
        body = b"\x00\x01\x00" + len(name).to_bytes(2, "big") + name + b"\x01"
        self._writer.write(bytes((0x82, len(body))) + body)
        answer = await self._reader.readexactly(2)
        await self._reader.readexactly(answer[1])

    async def fill(self, topic: str, count: int, payload: Callable[[int], bytes], heard: Heard) -> None:
        """Publish messages 0 to count - 1 at QoS 1.

        Args:
            topic: the topic.
            count: number of messages.
            payload: creates each payload.
            heard: updated while PUBACKs arrive.

        Raises:
            ConnectionError: the broker is gone.
        """
        name = len(topic).to_bytes(2, "big") + topic.encode()
        sent = 0
        while heard.count < count:
            frames = []
            while sent < count and sent - heard.count < _WINDOW:
                body = name + (sent % 65_535 + 1).to_bytes(2, "big") + b"\x00" + payload(sent)
                frames.append(b"\x32" + _length(len(body)) + body)
                sent += 1
            self._writer.write(b"".join(frames))
            begun = time.monotonic()
            data = await self._reader.read(_READ)
            heard.longest = max(heard.longest, time.monotonic() - begun)
            if not data:
                raise ConnectionResetError
            heard.count += len(self._frames.feed(data)[1])

    async def drain(self, seen: Callable[[bytes], None], seconds: float) -> None:
        """Receive and acknowledge messages until none came for some seconds.

        Args:
            seen: called with each payload.
            seconds: of silence.
        """
        while True:
            try:
                data = await asyncio.wait_for(self._reader.read(_READ), seconds)
            except TimeoutError:
                return
            if not data:
                return
            messages, _ = self._frames.feed(data)
            for message in messages:
                seen(message.payload)
            self._writer.write(puback_frames([message.packet_id for message in messages]))
            await self._writer.drain()

    def close(self) -> None:
        """Close without DISCONNECT; the broker keeps the session if requested."""
        self._writer.close()


def _length(value: int) -> bytes:
    parts = bytearray()
    while True:
        value, low = divmod(value, 128)
        parts.append(low | (128 if value else 0))
        if not value:
            return bytes(parts)
