"""Parsing of a message's payload into a JSON object, or into the reason why it is none. Pure.

JSON is UTF-8 (RFC 8259, section 8.1). A byte order mark before it and NUL bytes after it are skipped, as their meaning
is clear: Windows writes the first, and an Arduino that publishes `sizeof text` bytes sends the second. Anything else
that is not JSON is rejected, with advice for the sender.
"""

from __future__ import annotations

import codecs
import json
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bridge.phrase import Phrase
from bridge.rejection import Reason, Rejection, fault_of, no_json, no_number

__all__ = ["Fields", "NumberText", "no_utf8", "read_number", "read_object", "shown", "trimmed", "whole_number"]

_LONGEST: Final = 40
"""The most characters of a number that is parsed as one; all meaningful numbers here have ten digits."""

_BEYOND: Final = 10**_LONGEST

_SHOWN: Final = 40

_WIDE: Final = {
    "x000": "UTF-32",
    "000x": "UTF-32",
    "x0x0": "UTF-16",
    "0x0x": "UTF-16",
}
"""Which of the first four bytes are NUL in JSON of these encodings (RFC 4627, section 3)."""

_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


class NumberText(str):
    """A number as written, with more digits or a larger exponent than is supported here."""

    __slots__ = ()


class Fields(dict[str, Any]):
    """A JSON object; if a name is repeated with different values, `twice` has the name and two of them."""

    twice: tuple[str, object, object] | None = None


class _NoNumberError(ValueError):
    pass


def trimmed(payload: bytes) -> bytes:
    """Strip the byte order mark before a payload, and NUL bytes and blanks after it."""
    return payload.removeprefix(codecs.BOM_UTF8).rstrip(b"\0 \t\r\n")


def read_object(payload: bytes) -> Fields | Rejection:
    """Parse a payload as a JSON object.

    Args:
        payload: any bytes.

    Returns:
        Its fields, or the first thing that is wrong with it. Numbers with a point or an exponent are `Decimal`, those
        beyond all limits `NumberText`; bytes in strings that are not UTF-8 are lone surrogates, as in Python's
        `surrogateescape`. Nothing is raised.
    """
    wrong = _no_text(payload)
    if wrong is not None:
        return wrong
    body = trimmed(payload)
    try:
        found = _decode(body.decode("utf-8", "surrogateescape"))
    except RecursionError:
        return no_json(Phrase("it is nested too deep"))
    except _NoNumberError as error:
        return no_number(str(error))
    except json.JSONDecodeError as error:
        return no_utf8(payload) or fault_of(error.doc, error.pos, error.msg)
    if not isinstance(found, Fields):
        return Rejection(
            Reason.NOT_AN_OBJECT,
            Phrase("the payload is JSON, but {found} is no object with id and amount", found=shown(found)),
        )
    return found


def no_utf8(payload: bytes) -> Rejection | None:
    """Find the first byte that is not UTF-8, and what it may be instead; None where all of it is UTF-8."""
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        place, byte = error.start, payload[error.start]
    else:
        return None
    if byte == 0xED:
        # UTF-8 has no surrogates (RFC 3629, section 3).
        why = Phrase("it begins half of a character (a lone surrogate)")
    elif byte >= 0xA0:
        why = Phrase("in Latin-1 it is {character!r}", character=chr(byte))
    else:
        why = Phrase("it is not text")
    return Rejection(
        Reason.NOT_UTF8,
        Phrase("byte {place} of the payload (0x{byte:02X}) is not UTF-8: {why}", place=place + 1, byte=byte, why=why),
    )


def whole_number(found: object) -> int | None:
    """Convert a JSON value to a whole number, None if it is none; one beyond all limits becomes a huge number."""
    if type(found) is int:
        return found
    if isinstance(found, NumberText):
        if "e-" in found.lower():
            return None
        return -_BEYOND if found.startswith("-") else _BEYOND
    if isinstance(found, Decimal):
        if found.adjusted() >= _LONGEST:
            return -_BEYOND if found < 0 else _BEYOND
        whole = int(found)
        return whole if whole == found else None
    return None


def shown(found: object) -> str:
    """Format a JSON value for the user, in about 40 characters."""
    if found is None:
        return Phrase("missing")
    if isinstance(found, Decimal | NumberText) or type(found) is int:
        text = str(found)
        digits = sum(map(str.isdecimal, text))
        return text if len(text) <= _SHOWN else Phrase("a number of {digits} digits", digits=digits)
    try:
        text = repr(found)
    except RecursionError:
        # What JSON's decoder could just parse may be a few frames too deep for `repr`.
        return Phrase("nested too deep")
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def read_number(text: str) -> Decimal | NumberText:
    """Parse a JSON number with a point or an exponent, exactly."""
    try:
        return Decimal(text)
    except InvalidOperation:
        # Its exponent has more digits than Python's decimal numbers allow.
        return NumberText(text)


def _whole(text: str) -> int | NumberText:
    # Python refuses to convert more than 4,300 digits, and for fewer takes time by the square of their number.
    return int(text) if len(text) <= _LONGEST else NumberText(text)


def _no_text(payload: bytes) -> Rejection | None:
    """Why the bytes can't be the text of JSON."""
    if not payload:
        return Rejection(Reason.EMPTY_PAYLOAD, Phrase("the payload is empty"))
    encoding = next((name for mark, name in _MARKS if payload.startswith(mark)), "")
    body = trimmed(payload)
    if not body:
        return Rejection(Reason.EMPTY_PAYLOAD, Phrase("the payload has nothing but blanks and NUL bytes"))
    if b"\0" in body and not encoding:
        encoding = _WIDE.get("".join("0" if byte == 0 else "x" for byte in payload[:4]), "")
    if encoding:
        return Rejection(
            Reason.NOT_UTF8, Phrase("the payload is text in {encoding}: send it in UTF-8", encoding=encoding)
        )
    place = body.find(b"\0")
    if place < 0:
        return None
    place += len(payload) - len(payload.removeprefix(codecs.BOM_UTF8))
    return no_utf8(payload[:place]) or no_json(
        Phrase(
            "byte {place} is NUL, and {count} more follow it; send as many bytes as the text has (strlen), not the "
            "whole buffer",
            place=place + 1,
            count=len(payload) - place - 1,
        )
    )


def _object(pairs: list[tuple[str, Any]]) -> Fields:
    fields = Fields(pairs)
    if len(fields) < len(pairs):
        seen: dict[str, Any] = {}
        for name, value in pairs:
            if seen.setdefault(name, value) != value:
                fields.twice = name, seen[name], value
                break
    return fields


def _constant(name: str) -> None:
    raise _NoNumberError(name)


_decode: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=read_number, parse_int=_whole, parse_constant=_constant
).decode
