"""What a page of the served screen may say, read strictly: the size of its terminal, keys, and signs of life."""

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
    """What no page of ours says."""


class Size(NamedTuple):
    """A terminal's size in cells."""

    width: int
    height: int

    def bounded(self) -> Size:
        """The nearest size that a screen is drawn for: the memory for one grows with it."""
        return Size(_within(self.width, _COLUMNS), _within(self.height, _ROWS))


class Keys(msgspec.Struct, frozen=True, array_like=True, tag="stdin"):
    """What was typed or pasted."""

    text: str


class _Cells(msgspec.Struct, frozen=True):
    width: int
    height: int


class Resize(msgspec.Struct, frozen=True, array_like=True, tag="resize"):
    """The terminal has another size."""

    cells: _Cells

    @property
    def size(self) -> Size:
        """The size, within what a screen is drawn for."""
        return Size(self.cells.width, self.cells.height).bounded()


class Ping(msgspec.Struct, frozen=True, array_like=True, tag="ping"):
    """Is to be said back."""

    said: Annotated[str, msgspec.Meta(max_length=32)]


class Focus(msgspec.Struct, frozen=True, array_like=True, tag="focus"):
    """The page has the focus."""


class Blur(msgspec.Struct, frozen=True, array_like=True, tag="blur"):
    """The page has it no longer."""


Message = Keys | Resize | Ping | Focus | Blur

_decode: Callable[[str], Message] = msgspec.json.Decoder(Message).decode


def asked_size(query: Mapping[str, str]) -> Size:
    """The size that a new window asks for, within what a screen is drawn for; 80 by 24 where it asks for none.

    Args:
        query: the request's, with `width` and `height`.

    Raises:
        BadMessageError: one of them is no number.
    """
    given = query.get("width", "80"), query.get("height", "24")
    if not all(map(_NUMBER.fullmatch, given)):
        raise BadMessageError("width and height are whole numbers")
    return Size(*map(int, given)).bounded()


def read_message(text: str) -> Message:
    """Read a message of a page.

    Raises:
        BadMessageError: it is none.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BadMessageError(str(error)) from None


def _within(number: int, bounds: tuple[int, int]) -> int:
    return max(bounds[0], min(number, bounds[1]))
