"""A parser of MQTT packets that processes in one loop every PUBLISH in a chunk read from the socket.

A client library usually reads one byte, then another, then the body, and makes a callback for each message, which
limits its rate. This parser splits the received bytes at the packets' lengths, and returns packets other than PUBLISH
for the library to handle (MQTT 5 section 2.1, "Structure of an MQTT Control Packet").
"""

from __future__ import annotations

from typing import Final

import msgspec

from bridge.bounded import Computed

__all__ = ["LARGEST_PACKET", "Frames", "Inbound", "MalformedFrameError", "puback_frames", "user_properties"]

PUBLISH: Final = 0x30
PUBACK: Final = 0x40

LARGEST_PACKET: Final = 4 * 1024 * 1024
"""The most bytes of a PUBLISH that are kept; MQTT allows 268,435,455. The rest of a larger payload is skipped and
counted (`Inbound.cut`), so that the message becomes a dead letter that says so. With a Maximum Packet Size in our
CONNECT the broker would drop such a message and count it as delivered (MQTT 5 section 3.1.2.11.4), unnoticed.
"""

_LARGEST_LENGTH_BYTES: Final = 4
_LARGE: Final = 65_536
"""The parts of a packet larger than this are joined once, when all of them have been received."""


class MalformedFrameError(Exception):
    """The broker sent something other than an MQTT packet; the connection must be closed (MQTT 5 section 4.13)."""


class Inbound(msgspec.Struct, gc=False):
    """A received PUBLISH.

    Attributes:
        topic: the MQTT topic.
        payload: the bytes.
        qos: 0, 1 or 2.
        packet_id: what to acknowledge, 0 at QoS 0.
        retained: whether it is the broker's retained copy.
        redelivered: whether the broker marks it as sent before (DUP).
        properties: the raw MQTT 5 properties; empty where there are none.
        cut: how many bytes were skipped at the payload's end, 0 where it is complete.
    """

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    retained: bool
    redelivered: bool
    properties: bytes
    cut: int = 0


class Frames:
    """Splits a stream into packets, and keeps only the bytes of an incomplete one.

    Args:
        version_5: whether PUBLISH contains properties.
        largest: the most bytes of a PUBLISH that are kept.
    """

    __slots__ = ("_have", "_largest", "_needed", "_parts", "_rest", "_topics", "_version_5", "taken")

    def __init__(self, *, version_5: bool, largest: int = LARGEST_PACKET) -> None:
        self._version_5 = version_5
        self._largest = largest
        self._rest = b""
        self._parts: list[bytes] = []
        """The received parts of a large packet, up to `largest` bytes."""
        self._have = self._needed = 0
        """How many of its bytes were received, and its size."""
        self.taken = 0
        """How many bytes were received in all."""
        self._topics: Computed[bytes, str] = Computed(_decoded, 4096, 1_000_000)

    @property
    def unfinished(self) -> tuple[int, int]:
        """How many bytes of an incomplete packet were received, and its size (0 where not known)."""
        return (self._have, self._needed) if self._parts else (len(self._rest), 0)

    def feed(self, data: bytes) -> tuple[list[Inbound], list[tuple[int, bytes]]]:
        """Process bytes from the socket.

        Args:
            data: any number of bytes, split anywhere.

        Returns:
            The complete PUBLISH packets, and the other packets as (first byte, body), each in order.

        Raises:
            MalformedFrameError: a length has more than four bytes, or a PUBLISH is shorter than its parts.
        """
        published: list[Inbound] = []
        others: list[tuple[int, bytes]] = []
        self.taken += len(data)
        if self._parts:
            data = self._go_on(data, published)
        elif self._rest:
            data = self._rest + data
        end, position = len(data), 0
        while position + 2 <= end:
            first = data[position]
            length = data[position + 1]
            body = position + 2
            if length > 127:
                found = _length(data, position + 1, end)
                if found is None:
                    break
                length, body = found
            stop = body + length
            if stop > end:
                if stop - position > _LARGE:
                    self._begin(first, data[position:], stop - position)
                    position = end
                break
            if first & 0xF0 == PUBLISH:
                published.append(self._publish(first, data, body, stop))
            else:
                others.append((first, data[body:stop]))
            position = stop
        self._rest = data[position:]
        return published, others

    def _begin(self, first: int, data: bytes, needed: int) -> None:
        """Begin to collect a large packet."""
        if needed > self._largest and first & 0xF0 != PUBLISH:
            msg = f"a frame that is no PUBLISH has {needed} bytes"
            raise MalformedFrameError(msg)
        self._parts, self._have, self._needed = [data[: self._largest]], len(data), needed

    def _go_on(self, data: bytes, published: list[Inbound]) -> bytes:
        """Add to a large packet; return the bytes to parse next, including the packet unless it is truncated."""
        rest = self._needed - self._have
        self._parts.append(data[: max(0, min(rest, self._largest - self._have))])
        self._have += min(rest, len(data))
        if self._have < self._needed:
            return b""
        packet, self._parts = b"".join(self._parts), []
        if self._needed <= self._largest:
            return packet + data[rest:]
        published.append(self._cut(packet, self._needed - len(packet)))
        return data[rest:]

    def _cut(self, packet: bytes, cut: int) -> Inbound:
        """Parse a PUBLISH whose last `cut` bytes were skipped."""
        found = _length(packet, 1, len(packet))
        body = found[1] if found else 0
        try:
            message = self._publish(packet[0], packet, body, len(packet))
        except MalformedFrameError:
            # Its properties alone exceed what is kept: they are omitted, and the payload here is empty.
            topic_stop = body + 2 + int.from_bytes(packet[body : body + 2], "big")
            length = topic_stop + 2 - body if packet[0] & 6 else topic_stop - body
            cut += len(packet) - body - length
            head = packet[: body + length] + (b"\0" if self._version_5 else b"")
            message = self._publish(packet[0], head, body, len(head))
        message.cut = cut
        return message

    def _publish(self, first: int, data: bytes, position: int, stop: int) -> Inbound:
        qos = first >> 1 & 3
        topic_stop = position + 2 + (data[position] << 8 | data[position + 1]) if position + 2 <= stop else stop + 1
        payload_start = topic_stop + (2 if qos else 0)
        if payload_start > stop or qos == 3:
            msg = "a PUBLISH frame is shorter than its topic and packet id, or has QoS 3"
            raise MalformedFrameError(msg)
        topic = data[position + 2 : topic_stop]
        packet_id = data[topic_stop] << 8 | data[topic_stop + 1] if qos else 0
        properties = b""
        if self._version_5:
            if payload_start >= stop:
                msg = "a PUBLISH frame has no properties' length"
                raise MalformedFrameError(msg)
            length = data[payload_start]
            payload_start += 1
            if length:
                if length > 127:
                    found = _length(data, payload_start - 1, stop)
                    if found is None:
                        msg = "a PUBLISH frame is shorter than its properties"
                        raise MalformedFrameError(msg)
                    length, payload_start = found
                properties = data[payload_start : payload_start + length]
                payload_start += length
                if payload_start > stop:
                    msg = "a PUBLISH frame is shorter than its properties"
                    raise MalformedFrameError(msg)
        return Inbound(
            self._topics[topic],
            data[payload_start:stop],
            qos,
            packet_id,
            bool(first & 1),
            bool(first & 8),
            properties,
        )


def _decoded(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def puback_frames(packet_ids: list[int]) -> bytes:
    """Build the PUBACK packets for these messages.

    A PUBACK of two bytes means success in MQTT 3.1.1 and, by section 3.4.2.1, in MQTT 5.
    """
    return b"".join(b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids)


def user_properties(raw: bytes) -> tuple[tuple[str, str], ...]:
    """Extract the user properties from the properties of a PUBLISH (MQTT 5 section 2.2.2.2).

    Args:
        raw: the properties of one PUBLISH without their length.

    Raises:
        MalformedFrameError: a property is unknown or incomplete.
    """
    found: list[tuple[str, str]] = []
    position = 0
    try:
        while position < len(raw):
            kind = raw[position]
            position += 1
            if kind == 0x26:
                name, position = _text(raw, position)
                value, position = _text(raw, position)
                found.append((name, value))
            elif kind in {0x03, 0x08, 0x09}:
                position += 2 + (raw[position] << 8 | raw[position + 1])
            elif kind == 0x0B:
                while raw[position] > 127:
                    position += 1
                position += 1
            else:
                position += {0x01: 1, 0x02: 4, 0x23: 2}[kind]
    except (IndexError, KeyError):
        position = len(raw) + 1
    if position > len(raw):
        msg = "a PUBLISH frame has a property that is unknown or cut short"
        raise MalformedFrameError(msg)
    return tuple(found)


def _length(data: bytes, position: int, end: int) -> tuple[int, int] | None:
    length = 0
    for place in range(_LARGEST_LENGTH_BYTES):
        if position + place >= end:
            return None
        byte = data[position + place]
        length |= (byte & 127) << 7 * place
        if byte < 128:
            return length, position + place + 1
    msg = "a frame's length has more than four bytes"
    raise MalformedFrameError(msg)


def _text(raw: bytes, position: int) -> tuple[str, int]:
    stop = position + 2 + (raw[position] << 8 | raw[position + 1])
    if stop > len(raw):
        raise IndexError
    return raw[position + 2 : stop].decode("utf-8", "replace"), stop
