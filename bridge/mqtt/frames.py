"""MQTT's frames, parsed by the chunk: every PUBLISH that one read of the socket brought, in one loop.

A client library's reader asks the socket for one byte, then another, then the body, and makes a callback a message;
that is its ceiling. This reader takes what has come, cuts it at the frames' own lengths, and hands frames other than
PUBLISH back for the library to handle (MQTT 5 section 2.1, "Structure of an MQTT Control Packet").
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["Frames", "Inbound", "MalformedFrameError", "puback_frames", "user_properties"]

PUBLISH: Final = 0x30
PUBACK: Final = 0x40
_LARGEST_LENGTH_BYTES: Final = 4
_TOPICS_REMEMBERED: Final = 4096


class MalformedFrameError(Exception):
    """The broker sent what is no MQTT frame; the connection must be closed (MQTT 5 section 4.13)."""


class Inbound(msgspec.Struct, gc=False):
    """One PUBLISH as it came.

    Attributes:
        topic: the MQTT topic.
        payload: the bytes.
        qos: 0, 1 or 2.
        packet_id: what to acknowledge, 0 at QoS 0.
        retained: whether the broker sent it because it had kept it.
        redelivered: whether the broker says that it sent it before (DUP).
        properties: the raw MQTT 5 properties; empty where there are none.
    """

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    retained: bool
    redelivered: bool
    properties: bytes


class Frames:
    """Cuts a stream into frames. It keeps only the bytes of a frame whose end has not come yet.

    Args:
        version_5: whether PUBLISH carries properties.
    """

    __slots__ = ("_rest", "_topics", "_version_5")

    def __init__(self, *, version_5: bool) -> None:
        self._version_5 = version_5
        self._rest = b""
        self._topics: dict[bytes, str] = {}

    def feed(self, data: bytes) -> tuple[list[Inbound], list[tuple[int, bytes]]]:
        """Take bytes from the socket.

        Args:
            data: any number of bytes, cut anywhere.

        Returns:
            The PUBLISH frames that are whole, and the other frames as (first byte, body), each in order.

        Raises:
            MalformedFrameError: a length of more than four bytes, or a PUBLISH whose parts do not fit into it.
        """
        if self._rest:
            data = self._rest + data
        published: list[Inbound] = []
        others: list[tuple[int, bytes]] = []
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
                break
            if first & 0xF0 == PUBLISH:
                published.append(self._publish(first, data, body, stop))
            else:
                others.append((first, data[body:stop]))
            position = stop
        self._rest = data[position:]
        return published, others

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
            self._topics.get(topic) or self._topic(topic),
            data[payload_start:stop],
            qos,
            packet_id,
            bool(first & 1),
            bool(first & 8),
            properties,
        )

    def _topic(self, raw: bytes) -> str:
        if len(self._topics) >= _TOPICS_REMEMBERED:
            self._topics.clear()
        topic = self._topics[raw] = raw.decode("utf-8", "replace")
        return topic


def puback_frames(packet_ids: list[int]) -> bytes:
    """The PUBACK frames for messages, one after the other, in one piece.

    A PUBACK of two bytes means success in MQTT 3.1.1 and, by section 3.4.2.1, in MQTT 5.
    """
    return b"".join(b"\x40\x02" + packet_id.to_bytes(2, "big") for packet_id in packet_ids)


def user_properties(raw: bytes) -> tuple[tuple[str, str], ...]:
    """The user properties among a PUBLISH's properties (MQTT 5 section 2.2.2.2).

    Args:
        raw: the properties of one PUBLISH without their length.

    Raises:
        MalformedFrameError: a property is unknown or longer than what there is.
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
