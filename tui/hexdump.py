"""A payload for reading: indented JSON where it is JSON, its text where it is text, else bytes in hexadecimal."""

from __future__ import annotations

import msgspec

from bridge.text import readable
from tui.language import say, say_count

__all__ = ["hexdump", "payload_lines"]

SHOWN = 4_096


def payload_lines(payload: bytes) -> list[str]:
    """Lay a payload out in printable lines; what is beyond the first 4,096 bytes is only counted.

    Args:
        payload: any bytes.
    """
    if not payload:
        return [say("(empty)")]
    cut = ["… " + say_count("+{count} byte", "+{count} bytes", len(payload) - SHOWN)] if len(payload) > SHOWN else []
    try:
        if not cut:
            return [readable(line) for line in msgspec.json.format(payload, indent=2).decode().split("\n")]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    head = payload[:SHOWN]
    try:
        text = head.decode()
    except UnicodeDecodeError:
        return hexdump(head) + cut
    return [readable(line) for line in text.splitlines()] + cut


def hexdump(payload: bytes) -> list[str]:
    """Write bytes sixteen to a line: offset, hexadecimal, and the printable ASCII among them."""
    lines = []
    for start in range(0, len(payload), 16):
        chunk = payload[start : start + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in chunk)
        lines.append(f"{start:06x}  {chunk[:8].hex(' '):23}  {chunk[8:].hex(' '):23}  {text}")
    return lines
