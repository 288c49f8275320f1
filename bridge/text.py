"""Text that came from outside, made safe to show: nothing in it can drive a terminal or turn the line around."""

from __future__ import annotations

from typing import Final

__all__ = ["readable", "readable_bytes"]

_SPACES: Final = frozenset("\u00a0\u202f\u3000")
"""Spaces that French and Chinese text is full of and that `str.isprintable` does not count as printable."""


def readable(text: str) -> str:
    r"""Make a text printable on one line.

    C0, DEL, C1, bidirectional controls, other format characters and lone surrogates become what Python writes
    for them (`\x1b`, `\u202e`), so that a reader sees that they were there.

    Args:
        text: any text.

    Returns:
        The text itself where it is printable, which is nearly always and costs one C call.
    """
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in _SPACES
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def readable_bytes(payload: bytes, limit: int = 4096) -> str:
    r"""Make a payload printable on one line.

    Args:
        payload: any bytes; what is not UTF-8 shows as `\xff`.
        limit: how many bytes to look at; what is cut is said at the end.

    Returns:
        One printable line.
    """
    cut = limit
    # Not between the bytes of one character: the first one's alone is no UTF-8.
    while limit - 3 < cut < len(payload) and payload[cut] & 0xC0 == 0x80:
        cut -= 1
    text = readable(payload[:cut].decode("utf-8", "backslashreplace"))
    return text if len(payload) <= cut else f"{text}… +{len(payload) - cut} bytes"
