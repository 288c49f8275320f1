r"""Output to standard streams whose encoding lacks some of our characters.

Such characters are written in ASCII, as `...` and `->`; accents are dropped, and others become `\u4e2d`. Bytes of a
name that is not UTF-8 become `\xe9`. Standard library only.
"""

from __future__ import annotations

import codecs
import io
import sys
import unicodedata
from typing import Final

__all__ = ["fit_streams", "in_ascii"]

_HANDLER: Final = "opsci.ascii"
_SIGNS: Final = {
    "…": "...",
    "→": "->",
    "←": "<-",
    "↑": "^",
    "↓": "v",
    "\u2013": "-",
    "\u2014": "-",
    "─": "-",
    "━": "-",
    "│": "|",
    "┃": "|",
    "├": "|",
    "└": "`",
    "\u2019": "'",
    "\u2018": "'",
    "“": '"',
    "”": '"',
    "«": '"',
    "»": '"',
    "·": "-",
    "•": "*",
    "●": "*",
    "○": "o",
    "\u00d7": "x",
    "œ": "oe",
    "Œ": "OE",
    "æ": "ae",
}


def in_ascii(text: str) -> str:
    """Replace all characters that are not ASCII; those without a likeness become an escape."""
    return "".join(map(_in_ascii, text))


def fit_streams() -> None:
    """Make standard output and error accept every text; closed or replaced streams are left alone."""
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_HANDLER)


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return in_ascii(error.object[error.start : error.end]), error.end


def _in_ascii(character: str) -> str:
    if character.isascii():
        return character
    if character in _SIGNS:
        return _SIGNS[character]
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character.isspace():
        return " "
    plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return plain or character.encode("ascii", "backslashreplace").decode()
