"""A decoder for one direction of a websocket's traffic (RFC 6455)."""

from __future__ import annotations

from typing import Final

__all__ = ["Unwrapped"]

_LONG: Final = {126: 2, 127: 8}
"""In how many bytes a frame's length stands, where its second byte does not say it."""


class Unwrapped:
    """Decodes the bytes that one end sent, from the handshake on; a client masks its frames, a server does not."""

    def __init__(self) -> None:
        self._rest = b""
        self._open = False

    def feed(self, data: bytes) -> bytes:
        """Add bytes, split anywhere, and return the payloads of the complete data frames."""
        self._rest += data
        if not self._open:
            _, end, rest = self._rest.partition(b"\r\n\r\n")
            if not end:
                return b""
            self._rest, self._open = rest, True
        stream = b""
        while (frame := self._frame()) is not None:
            opcode, payload = frame
            stream += payload if opcode < 8 else b""
        return stream

    def _frame(self) -> tuple[int, bytes] | None:
        found = self._rest
        if len(found) < 2:
            return None
        masked, length = found[1] >> 7, found[1] & 127
        body = 2 + _LONG.get(length, 0)
        if length in _LONG:
            if len(found) < body:
                return None
            length = int.from_bytes(found[2:body], "big")
        start = body + 4 * masked
        if len(found) < start + length:
            return None
        payload, self._rest = found[start : start + length], found[start + length :]
        if masked:
            payload = bytes(byte ^ found[body + place % 4] for place, byte in enumerate(payload))
        return found[0] & 15, payload
