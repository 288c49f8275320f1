"""The movement: a payload's change of a product's stock, parsed leniently and checked strictly.

The wire format is the course's, a delta: `{"id": 12, "amount": 5, "type": "IN"}`. Its programs send numbers as numbers
or as strings, its users put a barcode or a documentId into the id, and other objects add keys.
"""

from __future__ import annotations

import contextlib
import re
from decimal import Decimal
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from bridge.payload import NumberText, no_utf8, read_number, read_object, shown, whole_number
from bridge.phrase import Phrase
from bridge.rejection import Reason, Rejection
from bridge.text import LONGEST_TEXT, is_storable, length_of

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
"""The largest amount, and the largest stock: the limit of an `integer` attribute of Strapi in every database."""

MAX_PAYLOAD: Final = 65_536
"""The largest payload in bytes that is parsed as a movement; a real one has about 40."""

MAX_REFERENCE: Final = LONGEST_TEXT
"""The longest product reference in characters."""

_LONGEST_ID: Final = len(str(MAX_AMOUNT))

_WHOLE: Final = re.compile(r"([+-]?)0*([0-9]+)(?:\.0*)?", re.ASCII)
_DIGITS: Final = 20
"""From this many digits on, a number in a string exceeds any amount."""

_COLONS: Final = 3
"""The least number of colons in an object with a product, an amount and a type."""

_LONE: Final = re.compile("[\ud800-\udfff]")


class Movement(msgspec.Struct, frozen=True, gc=False):
    """A change of one product's stock.

    Attributes:
        product: as named by the publisher: a numeric id, a documentId or a barcode, as text.
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


class _Wire(msgspec.Struct, gc=False):
    id: object = None
    amount: object = None
    type: object = None


class _Plain(msgspec.Struct, gc=False):
    """The strict form of nearly every movement, which needs no conversions."""

    id: Annotated[int, Meta(ge=1, le=999_999_999_999_999_999)]
    amount: Annotated[int, Meta(ge=1, le=MAX_AMOUNT)]
    type: Literal["IN", "OUT"]


_decode_plain = msgspec.json.Decoder(_Plain).decode
_decode = msgspec.json.Decoder(_Wire, float_hook=read_number).decode


def read_movement(payload: bytes) -> Movement | Rejection:
    """Parse a payload as a movement.

    Args:
        payload: from MQTT or Kafka, any bytes.

    Returns:
        The movement, or the first thing that is wrong with it. Nothing is raised, whatever the bytes.
    """
    if len(payload) > MAX_PAYLOAD:
        return Rejection(
            Reason.TOO_LONG,
            Phrase("the payload has {size} bytes; a movement has at most {most}", size=len(payload), most=MAX_PAYLOAD),
        )
    if payload.count(b":") > _COLONS and _may_repeat_a_name(payload):
        return read_leniently(payload)
    try:
        plain = _decode_plain(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_leniently(payload)
    return Movement(str(plain.id), plain.amount, plain.type)


def read_leniently(payload: bytes) -> Movement | Rejection:
    """Parse a payload field by field, as `read_movement` does where the strict form fails."""
    wire = _wire(payload)
    if isinstance(wire, Rejection):
        return wire
    product = _product(wire.id, payload)
    if isinstance(product, Rejection):
        return product
    amount = _amount(wire.amount)
    if isinstance(amount, Rejection):
        return Rejection(amount.reason, amount.text, product)
    kind = wire.type
    if kind == "IN":
        return Movement(product, amount, "IN")
    if kind == "OUT":
        return Movement(product, amount, "OUT")
    return Rejection(Reason.BAD_TYPE, Phrase("the type is {found}; it must be IN or OUT", found=shown(kind)), product)


def _may_repeat_a_name(payload: bytes) -> bool:
    # An escaped character may be part of a name.
    return (
        payload.count(b'"id"') > 1
        or payload.count(b'"amount"') > 1
        or payload.count(b'"type"') > 1
        or b"\\u" in payload
    )


def _wire(payload: bytes) -> _Wire | Rejection:
    if not _may_repeat_a_name(payload):
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _decode(payload)
    fields = read_object(payload)
    if isinstance(fields, Rejection):
        return fields
    if fields.twice is not None and fields.twice[0] in _Wire.__struct_fields__:
        name, one, other = fields.twice
        said = Phrase(
            "the {name} appears twice, as {one} and as {other}", name=name, one=shown(one), other=shown(other)
        )
        product = _product(fields.get("id"), payload) if name != "id" else ""
        return Rejection(Reason.DUPLICATE_NAME, said, product if isinstance(product, str) else "")
    return _Wire(fields.get("id"), fields.get("amount"), fields.get("type"))


def encode_movement(movement: Movement) -> bytes:
    """Encode a movement in the course's wire format, with a numeric id as a number."""
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


def _product(found: object, payload: bytes) -> str | Rejection:
    reference = _reference(found)
    if reference is not None and is_storable(reference, MAX_REFERENCE):
        return reference
    if not reference:
        return Rejection(Reason.NO_PRODUCT, Phrase("the id is {found}; it must name a product", found=shown(found)))
    if _LONE.search(reference):
        return no_utf8(payload) or Rejection(
            Reason.NO_PRODUCT, Phrase("the id has half of a character (a lone surrogate): {found}", found=shown(found))
        )
    if (size := length_of(reference)) > MAX_REFERENCE:
        return Rejection(
            Reason.NO_PRODUCT,
            Phrase("the id has {size} characters; a product's has at most {most}", size=size, most=MAX_REFERENCE),
        )
    return Rejection(Reason.NO_PRODUCT, Phrase("the id is {found}; it must name a product", found=shown(found)))


def _reference(found: object) -> str | None:
    """The product reference as text, None for types that can't be one."""
    if isinstance(found, Decimal):
        # Nobody writes an id with a larger exponent.
        found = whole_number(found) if found.adjusted() <= _DIGITS else None
    if type(found) is int:
        return str(found) if found > 0 else None
    if isinstance(found, NumberText):
        return str(found) if found.isdecimal() else None
    return found.strip() if isinstance(found, str) else None


def _amount(found: object) -> int | Rejection:
    if found is None or found == "":
        return Rejection(Reason.NO_AMOUNT, Phrase("the amount is missing"))
    whole = _whole(found)
    if whole is None:
        return Rejection(
            Reason.NOT_WHOLE, Phrase("the amount is {found}; it must be a whole number", found=shown(found))
        )
    if 0 < whole <= MAX_AMOUNT:
        return whole
    if whole == 0:
        return Rejection(Reason.ZERO_AMOUNT, Phrase("the amount is 0, which moves nothing"))
    if whole < 0:
        return Rejection(
            Reason.NEGATIVE_AMOUNT, Phrase("the amount is {found}; the type says the direction", found=shown(found))
        )
    return Rejection(
        Reason.TOO_LARGE, Phrase("the amount is {found}; the largest is {most}", found=shown(found), most=MAX_AMOUNT)
    )


def _whole(found: object) -> int | None:
    if isinstance(found, str) and not isinstance(found, NumberText):
        match = _WHOLE.fullmatch(found.strip())
        if match is None:
            return None
        return int(match[1] + match[2][:_DIGITS])
    return whole_number(found)
