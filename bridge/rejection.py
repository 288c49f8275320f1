"""Why a message can't be applied: a reason for programs, and a sentence for people. Pure.

Python's decoder says where a text stops being JSON. The text at that point shows which of the usual mistakes it is:
those of programs that build JSON by hand, as on an Arduino, and of people who type it.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Final

import msgspec

from bridge.phrase import Phrase

__all__ = ["Reason", "Rejection", "fault_of", "no_json", "no_number"]

_NO_NUMBER: Final = re.compile(r"[+-]?(?:nan|inf(?:inity)?)\b", re.IGNORECASE)

_WORD: Final = re.compile(r"(?:true|false|null|none|undefined|nil)\b", re.IGNORECASE)

_NAME: Final = re.compile(r"[^\W\d][\w-]*")

_FIGURES: Final = re.compile(r"[+-]?[0-9A-Za-z_.]*")

_QUOTES: Final = frozenset("'`\u00b4\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb")

_BLANKS: Final = " \t\r\n"

_SHOWN: Final = 24

_DECODER: Final = json.JSONDecoder(strict=False)


class Reason(StrEnum):
    """Why a payload is not a valid movement, or a movement could not be applied."""

    NO_ROUTE = "no-route"
    RETAINED_COPY = "retained-copy"
    TOO_LONG = "too-long"
    EMPTY_PAYLOAD = "empty-payload"
    NOT_UTF8 = "not-utf-8"
    NOT_JSON = "not-json"
    CUT_OFF = "cut-off"
    """JSON that ends in the middle."""
    SEVERAL_VALUES = "several-values"
    """More than one JSON value in one message."""
    DUPLICATE_NAME = "duplicate-name"
    """A name is repeated, with different values."""
    NOT_AN_OBJECT = "not-an-object"
    NO_PRODUCT = "no-product"
    NO_AMOUNT = "no-amount"
    ZERO_AMOUNT = "zero-amount"
    NEGATIVE_AMOUNT = "negative-amount"
    NOT_WHOLE = "not-whole"
    TOO_LARGE = "too-large"
    BAD_TYPE = "bad-type"
    UNKNOWN_PRODUCT = "unknown-product"
    INSUFFICIENT_STOCK = "insufficient-stock"
    OVER_LIMIT = "over-limit"
    CONFLICT = "conflict"
    REFUSED_BY_STRAPI = "refused-by-strapi"
    REFUSED_BY_KAFKA = "refused-by-kafka"
    UNSTATED = "unstated"
    """Another program's dead letter, which gives its reason only in words."""


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why something can't be applied.

    Attributes:
        reason: for programs.
        text: a sentence for people.
        product: as named in the payload, if that is readable; else empty.
    """

    reason: Reason
    text: str
    product: str = ""


def fault_of(text: str, at: int, message: str) -> Rejection:
    """Explain what is wrong with invalid JSON.

    Args:
        text: the invalid JSON, without blanks at its end.
        at: where it stops being JSON, `json.JSONDecodeError.pos`.
        message: `json.JSONDecodeError.msg`.

    Returns:
        What is wrong with it.
    """
    rest = text[at:]
    if message.startswith("Unterminated string"):
        return Rejection(
            Reason.CUT_OFF,
            Phrase(
                'the text that begins at character {place} has no " at its end: was the payload cut off, as by a small '
                "buffer?",
                place=at + 1,
            ),
        )
    if not rest:
        return Rejection(
            Reason.CUT_OFF,
            Phrase(
                "the payload ends in the middle of the JSON, after {count} characters: was a buffer too small?",
                count=len(text),
            ),
        )
    if at == len(text) - len(text.lstrip(_BLANKS)) and rest[0] not in "{[\"'+-." and not _NO_NUMBER.match(rest):
        return _plain_text(text)
    if message.startswith("Extra data"):
        return _more(text, at)
    if found := _NO_NUMBER.match(rest):
        return no_number(found[0])
    return no_json(_cause(text, at, message))


def no_json(why: Phrase) -> Rejection:
    """The rejection of a payload that is not JSON, with the reason."""
    return Rejection(Reason.NOT_JSON, Phrase("the payload is not JSON: {why}", why=why))


def no_number(found: str) -> Rejection:
    """The rejection of NaN and infinity, which JSON does not have (RFC 8259, section 6)."""
    return no_json(Phrase("{found} is not a number in JSON; did a sensor read nothing?", found=found))


def _plain_text(text: str) -> Rejection:
    return no_json(Phrase("it is the text {found}", found=_cut(text.strip(_BLANKS))))


def _more(text: str, at: int) -> Rejection:
    """The rejection of text after a complete JSON value."""
    head, count, place = text[:at].strip(_BLANKS), 1, at
    while place < len(text):
        try:
            _, place = _DECODER.raw_decode(text, place)
        except (ValueError, RecursionError):
            break
        count += 1
        place += len(text[place:]) - len(text[place:].lstrip(_BLANKS))
    if place == len(text) and (head[-1] in '}]"' or text[at - 1] in _BLANKS):
        return Rejection(
            Reason.SEVERAL_VALUES,
            Phrase("the payload has {count} JSON values: send each in a message of its own", count=count),
        )
    if head[0] not in '{["':
        return _plain_text(text)
    return no_json(Phrase("{found} follows the JSON", found=_cut(text[at:])))


def _cause(text: str, at: int, message: str) -> Phrase:
    return _known_mistake(text, at, message) or (
        _where_a_name_belongs(text, at)
        if message.startswith("Expecting property name")
        else _where_else(text[at:], at + 1, message)
    )


def _known_mistake(text: str, at: int, message: str) -> Phrase | None:
    """Mistakes that can occur anywhere in a text."""
    rest, place = text[at:], at + 1
    if message.startswith("Invalid control character"):
        return Phrase("a line break or another control character stands in a text, at character {place}", place=place)
    if message.startswith("Invalid \\"):
        return Phrase("the backslash at character {place} begins nothing that JSON knows", place=place)
    if rest[0] in _QUOTES:
        return Phrase(
            'names and texts are written between " and "; character {place} is {sign}', place=place, sign=rest[0]
        )
    if message.startswith("Illegal trailing comma") or (rest[0] in "}]" and text[:at].rstrip(_BLANKS)[-1:] == ","):
        return Phrase("the comma before the last {sign} is one too many", sign=rest.lstrip(", \t\r\n")[:1])
    if rest.startswith(("//", "/*", "#")):
        return Phrase("JSON has no comments; one begins at character {place}", place=place)
    if (number := _bad_number(text, at, message)) is not None:
        return Phrase(
            "{found} is not a number in JSON: no plus sign, no leading zero, and digits on both sides of a point",
            found=_cut(number),
        )
    return None


def _where_a_name_belongs(text: str, at: int) -> Phrase:
    rest = text[at:]
    if found := _NAME.match(rest):
        return Phrase('the name {found} stands without "', found=_cut(found[0]))
    if rest[0].isdecimal() and text[at - 1] == ",":
        return Phrase("a comma is in a number at character {place}; JSON has a point there", place=at)
    return Phrase('a name between " is needed at character {place}, not {found}', place=at + 1, found=_cut(rest))


def _where_else(rest: str, place: int, message: str) -> Phrase:
    if message.startswith("Expecting ':'"):
        return Phrase("a colon is needed at character {place}, not {found}", place=place, found=_cut(rest))
    if message.startswith("Expecting ','"):
        return Phrase("a comma is needed at character {place}, not {found}", place=place, found=_cut(rest))
    if found := _WORD.match(rest):
        return Phrase("{found} is unknown to JSON, which has true, false and null", found=found[0])
    if found := _NAME.match(rest):
        return Phrase('the text {found} stands without "', found=_cut(found[0]))
    if rest[0] in ",}]":
        return Phrase("a value is missing before character {place}", place=place)
    return Phrase("a value is needed at character {place}, not {found}", place=place, found=_cut(rest))


def _bad_number(text: str, at: int, message: str) -> str | None:
    """The number in a notation other than JSON's, None if there is none."""
    start = at
    while start and (text[start - 1].isalnum() or text[start - 1] in "+-._"):
        start -= 1
    found = _FIGURES.match(text, start)
    number = found[0] if found else ""
    if message.startswith("Expecting value"):
        return number if text[at] in "+-." and any(map(str.isdecimal, number)) else None
    goes_on = start < at and (text[at].isalnum() or text[at] in "._")
    return number if goes_on and message.startswith("Expecting ','") and number[:1] in "-0123456789" else None


def _cut(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}...")
