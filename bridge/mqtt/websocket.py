"""A parser of websocket frames (RFC 6455) that returns the payloads of all frames in a chunk.

paho reads the socket three times for each frame, and Mosquitto sends each message in its own frame. MQTT does not
depend on frame boundaries (MQTT 5 section 6), so partial payloads are returned as they arrive.
"""

from __future__ import annotations

from typing import Final

from bridge.mqtt.frames import MalformedFrameError

__all__ = ["CLOSE", "PING", "WebsocketFrames"]

CLOSE: Final = 0x8
PING: Final = 0x9
_PONG: Final = 0xA
_DATA: Final = frozenset({0x00, 0x80, 0x02, 0x82})
"""First bytes of frames with MQTT data: binary or continuation, final or not."""

_FINAL: Final = 0x80
_SHORT: Final = 125
_TWO_BYTES: Final = 126


class WebsocketFrames:
    """Parses a server's frames, and keeps only an incomplete header."""

    __slots__ = ("_left", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._left = 0

    def feed(self, data: bytes) -> tuple[bytes, list[tuple[int, bytes]]]:
        """Process bytes from the socket.

        Args:
            data: any number of bytes, split anywhere.

        Returns:
            The received bytes of the MQTT stream, and the control frames as (opcode, payload), each in order.

        Raises:
            MalformedFrameError: a frame that a server must not send to an MQTT client: masked (section 5.1), text (MQTT
                5 section 6), of an unknown kind, or a control frame that is long or fragmented (section 5.5).
        """
        if self._rest:
            data = self._rest + data
        end = len(data)
        position = min(self._left, end)
        self._left -= position
        parts = [data[:position]]
        controls: list[tuple[int, bytes]] = []
        while position + 2 <= end:
            first, length, body = data[position], data[position + 1], position + 2
            if length > _SHORT:
                found = _long(data, position, end)
                if found is None:
                    break
                length, body = found
            stop = body + length
            if first in _DATA:
                parts.append(data[body:stop])
                if stop > end:
                    self._left, position = stop - end, end
                    break
            else:
                if length > _SHORT or first - _FINAL not in {CLOSE, PING, _PONG}:
                    msg = f"a websocket frame begins with {first:#04x}, which MQTT has no use for"
                    raise MalformedFrameError(msg)
                if stop > end:
                    break
                controls.append((first - _FINAL, data[body:stop]))
            position = stop
        self._rest = data[position:]
        return b"".join(parts), controls


def _long(data: bytes, position: int, end: int) -> tuple[int, int] | None:
    """The length and the payload's start of a frame with an extended length; None while the header is incomplete."""
    said = data[position + 1]
    if said > _SHORT + 2:
        msg = "a websocket frame of a server is masked"
        raise MalformedFrameError(msg)
    body = position + (4 if said == _TWO_BYTES else 10)
    return None if body > end else (int.from_bytes(data[position + 2 : body], "big"), body)
