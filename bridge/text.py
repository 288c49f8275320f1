"""Text that came from outside: made safe to show, and judged by whether every database of the chain can store it.

Nothing that is shown can drive a terminal or turn the line around. What can be stored is one rule on both sides of the
ledger's route: `stack/strapi/src/ledger/texts.js` says the same to Strapi, and a test compares the two over all of
Unicode. Characters are counted as Strapi itself counts those of a `string` attribute: as units of UTF-16, of which an
emoji has two. PostgreSQL counts code points, which are never more.
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
]


LONGEST_TEXT: Final = 255
"""The most characters of a product's id, barcode or name and of a movement's id: Strapi's `string` attribute."""

_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")

UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Characters that drive a terminal, turn the line around or end it unseen, and halves of characters: in a file or on
the clipboard they do so later and elsewhere."""

_SPACES: Final = frozenset("\u00a0\u202f\u3000")
"""Spaces that French and Chinese text is full of and that `str.isprintable` does not count as printable."""


def is_storable(text: str, most: int = LONGEST_TEXT) -> bool:
    """Whether a text has 1 to `most` characters, and each of them can be stored."""
    return 0 < len(text) <= most and length_of(text) <= most and can_be_stored(text)


def length_of(text: str) -> int:
    """How many characters a text has, as Strapi counts them."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def can_be_stored(text: str) -> bool:
    """Whether a text has neither NUL, which PostgreSQL refuses, nor half of a surrogate pair, which becomes another."""
    return _UNSTORABLE.search(text) is None


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


def readable_bytes(payload: bytes, limit: int = 4096, more: int = 0) -> str:
    r"""Make a payload printable on one line.

    Args:
        payload: any bytes; what is not UTF-8 shows as `\xff`.
        limit: how many bytes to look at; what is cut is said at the end.
        more: how many bytes the payload has beside these.

    Returns:
        One printable line.
    """
    cut = limit
    # Not between the bytes of one character: the first one's alone is not UTF-8.
    while limit - 3 < cut < len(payload) and payload[cut] & 0xC0 == 0x80:
        cut -= 1
    text = readable(payload[:cut].decode("utf-8", "backslashreplace"))
    hidden = max(0, len(payload) - cut) + more
    return f"{text}… +{hidden} bytes" if hidden else text


def escaped_json(text: str) -> str:
    r"""Write the unsafe characters in a JSON text as `\u009b`: a reader of JSON finds the same in it.

    Args:
        text: JSON, in which such characters can stand within strings only.
    """
    return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
