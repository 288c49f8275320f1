"""Text from outside: made safe to show, and checked for whether every database of the chain can store it.

Text that is shown can't control a terminal or reverse the line. The rule of what can be stored is the same on both
sides of the ledger's route: `stack/strapi/src/ledger/texts.js` has it for Strapi, and a test compares the two over all
of Unicode. Characters are counted as Strapi counts those of a `string` attribute: in units of UTF-16, of which an emoji
has two. PostgreSQL counts code points, which are never more.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "LONGEST_TEXT",
    "UNSAFE",
    "can_be_stored",
    "escaped_json",
    "is_storable",
    "length_of",
    "readable",
    "readable_bytes",
    "readable_lines",
]


LONGEST_TEXT: Final = 255
"""The most characters of a product's id, barcode or name and of a movement's id: Strapi's `string` attribute."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")

UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that control a terminal, reverse the line or end it invisibly, and lone surrogates: in a file or on the
clipboard they do so later and elsewhere.
"""

_SPACES: Final = frozenset("\u00a0\u202f\u3000")
"""Spaces that are common in French and Chinese text but not printable for `str.isprintable`."""


def is_storable(text: str, most: int = LONGEST_TEXT) -> bool:
    """Whether a text has 1 to `most` characters, and each of them can be stored."""
    return 0 < len(text) <= most and length_of(text) <= most and can_be_stored(text)


def length_of(text: str) -> int:
    """The number of characters in a text, as Strapi counts them."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def can_be_stored(text: str) -> bool:
    """Whether a text has no NUL, which PostgreSQL refuses, and no lone surrogate, which would be changed."""
    return _UNSTORABLE.search(text) is None


def readable(text: str) -> str:
    r"""Make a text printable on one line.

    C0, DEL, C1, bidirectional controls, other format characters and lone surrogates become Python's escapes (`\x1b`,
    `\u202e`), so that readers see them.

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


def readable_lines(text: str) -> str:
    """Make each line of a text printable."""
    return "\n".join(map(readable, text.split("\n")))


def readable_bytes(payload: bytes, limit: int = 4096, more: int = 0) -> str:
    r"""Make a payload printable on one line.

    Args:
        payload: any bytes; those that are not UTF-8 are shown as `\xff`.
        limit: how many bytes to show; the number of the others is added at the end.
        more: how many bytes the payload has besides these.

    Returns:
        One printable line.
    """
    cut = limit
    # Not inside a character, as its first bytes alone are not UTF-8.
    while limit - 3 < cut < len(payload) and payload[cut] & 0xC0 == 0x80:
        cut -= 1
    text = readable(payload[:cut].decode("utf-8", "backslashreplace"))
    hidden = max(0, len(payload) - cut) + more
    return f"{text}… +{hidden} bytes" if hidden else text


def escaped_json(text: str) -> str:
    r"""Replace the unsafe characters in a JSON text by escapes such as `\u009b`, which mean the same in JSON.

    Args:
        text: JSON, in which such characters can occur only within strings.
    """
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
