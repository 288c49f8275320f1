"""The movement: what a payload says about a product's stock, read leniently and judged strictly.

The wire format is the course's, a delta: `{"id": 12, "amount": 5, "type": "IN"}`. Its programs send numbers as
numbers or as strings, its users put a barcode or a documentId where the id stands, and other objects add keys.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from bridge.phrase import Phrase

__all__ = [
    "MAX_AMOUNT",
    "MAX_PAYLOAD",
    "Movement",
    "Reason",
    "Rejection",
    "encode_movement",
    "is_numeric_id",
    "read_leniently",
    "read_movement",
]

MAX_AMOUNT: Final = 2_147_483_647
"""The largest amount, and the largest stock: what an `integer` attribute of Strapi holds in every database."""

MAX_PAYLOAD: Final = 65_536
"""The largest payload in bytes that is read as a movement; a real one has about 40."""

MAX_REFERENCE: Final = 255
"""The longest product reference in characters: Strapi's `string` attribute."""

_LONGEST_ID: Final = len(str(MAX_AMOUNT))

_WHOLE = re.compile(r"([+-]?)([0-9]{1,20})(?:\.0*)?", re.ASCII)


class Reason(StrEnum):
    """Why a payload is no movement that can be applied, or a movement could not be applied."""

    NO_ROUTE = "no-route"
    RETAINED_COPY = "retained-copy"
    TOO_LONG = "too-long"
    NOT_JSON = "not-json"
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
    """Another program's dead letter, which says why in words alone."""


class Movement(msgspec.Struct, frozen=True, gc=False):
    """A change of one product's stock.

    Attributes:
        product: how the publisher names the product: a numeric id, a documentId or a barcode, as text.
        amount: how many, 1 to MAX_AMOUNT.
        type: IN adds to the stock, OUT takes from it.
    """

    product: str
    amount: int
    type: Literal["IN", "OUT"]

    @property
    def delta(self) -> int:
        """The signed change of the stock."""
        return self.amount if self.type == "IN" else -self.amount


class Rejection(msgspec.Struct, frozen=True, gc=False):
    """Why something cannot be applied: a reason for programs and a sentence for people."""

    reason: Reason
    text: str


class _Wire(msgspec.Struct, gc=False):
    id: object = None
    amount: object = None
    type: object = None


class _Plain(msgspec.Struct, gc=False):
    """What nearly every movement is: its fields are right as they stand."""

    id: Annotated[int, Meta(ge=1, le=999_999_999_999_999_999)]
    amount: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]
    type: Literal["IN", "OUT"]


_decode_plain = msgspec.json.Decoder(_Plain).decode
_decode = msgspec.json.Decoder(_Wire).decode
_decode_anything = msgspec.json.Decoder().decode


def read_movement(payload: bytes) -> Movement | Rejection:
    """Read a payload as a movement.

    Args:
        payload: what came over MQTT or stands in Kafka, any bytes.

    Returns:
        The movement, or the first thing that is wrong with it. Nothing is raised, whatever the bytes.
    """
    if len(payload) > MAX_PAYLOAD:
        return Rejection(
            Reason.TOO_LONG,
            Phrase("the payload has {size} bytes; a movement has at most {most}", size=len(payload), most=MAX_PAYLOAD),
        )
    try:
        plain = _decode_plain(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_leniently(payload)
    return Movement(str(plain.id), plain.amount, plain.type)


def read_leniently(payload: bytes) -> Movement | Rejection:
    """Read a payload as `read_movement` does, one field after the other: numbers as texts too, and what is wrong."""
    try:
        wire = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _why_no_object(payload)
    product = _product(wire.id)
    if isinstance(product, Rejection):
        return product
    amount = _amount(wire.amount)
    if isinstance(amount, Rejection):
        return amount
    kind = wire.type
    if kind == "IN":
        return Movement(product, amount, "IN")
    if kind == "OUT":
        return Movement(product, amount, "OUT")
    return Rejection(Reason.BAD_TYPE, Phrase("the type is {found}; it must be IN or OUT", found=_shown(kind)))


def encode_movement(movement: Movement) -> bytes:
    """Write a movement in the course's wire format, the id as a number where it is one."""
    product = movement.product
    identity: int | str = int(product) if is_numeric_id(product) else product
    return msgspec.json.encode({"id": identity, "amount": movement.amount, "type": movement.type})


def is_numeric_id(reference: str) -> bool:
    """Whether a product reference can be Strapi's numeric id: `0417620608` is a barcode, as no id starts with 0."""
    return (
        reference.isascii()
        and reference.isdecimal()
        and not reference.startswith("0")
        and len(reference) <= _LONGEST_ID
        and int(reference) <= MAX_AMOUNT
    )


def _why_no_object(payload: bytes) -> Rejection:
    try:
        found = _decode_anything(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Rejection(Reason.NOT_JSON, Phrase("the payload is not JSON"))
    return Rejection(
        Reason.NOT_AN_OBJECT,
        Phrase("the payload is JSON, but {found} is no object with id and amount", found=_shown(found)),
    )


def _product(found: object) -> str | Rejection:
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if type(found) is int and found > 0:
        found = str(found)
    if isinstance(found, str):
        reference = found.strip()
        if 0 < len(reference) <= MAX_REFERENCE and "\x00" not in reference:
            return reference
    return Rejection(Reason.NO_PRODUCT, Phrase("the id is {found}; it must name a product", found=_shown(found)))


def _amount(found: object) -> int | Rejection:
    if found is None or found == "":
        return Rejection(Reason.NO_AMOUNT, Phrase("the amount is missing"))
    whole = _whole(found)
    if whole is None:
        return Rejection(
            Reason.NOT_WHOLE, Phrase("the amount is {found}; it must be a whole number", found=_shown(found))
        )
    if 0 < whole <= MAX_AMOUNT:
        return whole
    if whole == 0:
        return Rejection(Reason.ZERO_AMOUNT, Phrase("the amount is 0, which moves nothing"))
    if whole < 0:
        return Rejection(
            Reason.NEGATIVE_AMOUNT, Phrase("the amount is {found}; the type says the direction", found=_shown(whole))
        )
    return Rejection(
        Reason.TOO_LARGE, Phrase("the amount is {found}; the largest is {most}", found=_shown(whole), most=MAX_AMOUNT)
    )


def _whole(found: object) -> int | None:
    if type(found) is int:
        return found
    if isinstance(found, float) and found.is_integer():
        return int(found)
    if isinstance(found, str) and (match := _WHOLE.fullmatch(found.strip())):
        return int(match[1] + match[2])
    return None


def _shown(found: object) -> str:
    if found is None:
        return Phrase("missing")
    try:
        text = repr(found)
    except RecursionError:
        # What JSON's decoder could just follow can be a few frames too deep for the text.
        return Phrase("nested too deep")
    return text if len(text) <= 40 else f"{text[:37]}..."
