"""Messages from a page of the served screen, strictly validated: terminal size, keys, focus and pings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "BadMessageError",
    "Blur",
    "Focus",
    "Keys",
    "Message",
    "Ping",
    "Resize",
    "Size",
    "asked_size",
    "read_message",
]

_COLUMNS: Final = (10, 500)
_ROWS: Final = (5, 200)
_NUMBER: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


class BadMessageError(Exception):
    """The message is invalid."""


class Size(NamedTuple):
    """A terminal's size in cells."""

    width: int
    height: int

    def bounded(self) -> Size:
        """Return the nearest supported size; memory use grows with the size."""
        return Size(_within(self.width, _COLUMNS), _within(self.height, _ROWS))


class Keys(msgspec.Struct, frozen=True, array_like=True, tag="stdin"):
    """Typed or pasted text."""

    text: str


class _Cells(msgspec.Struct, frozen=True):
    width: int
    height: int


class Resize(msgspec.Struct, frozen=True, array_like=True, tag="resize"):
    """The terminal was resized."""

    cells: _Cells

    @property
    def size(self) -> Size:
        """The size, limited to what is supported."""
        return Size(self.cells.width, self.cells.height).bounded()


class Ping(msgspec.Struct, frozen=True, array_like=True, tag="ping"):
    """To be echoed."""

    said: Annotated[str, msgspec.Meta(max_length=32)]


class Focus(msgspec.Struct, frozen=True, array_like=True, tag="focus"):
    """The page has got the focus."""


class Blur(msgspec.Struct, frozen=True, array_like=True, tag="blur"):
    """The page has lost the focus."""


Message = Keys | Resize | Ping | Focus | Blur

_decode: Callable[[str], Message] = msgspec.json.Decoder(Message).decode


def asked_size(query: Mapping[str, str]) -> Size:
    """Return the size that a new window requests, limited to what is supported; 80 by 24 by default.

    Args:
        query: the request's, with `width` and `height`.

    Raises:
        BadMessageError: one of them is not a number.
    """
    given = query.get("width", "80"), query.get("height", "24")
    if not all(map(_NUMBER.fullmatch, given)):
        raise BadMessageError("width and height are whole numbers")
    return Size(*map(int, given)).bounded()


def read_message(text: str) -> Message:
    """Read a message of a page.

    Raises:
        BadMessageError: it is invalid.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessageError(str(error)) from None


def _within(number: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(number, bounds[1]))
