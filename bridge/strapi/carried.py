"""Records of the course's `product` and `event` topics, read as what Strapi takes. Pure."""

from __future__ import annotations

import contextlib
import re
from typing import Any, Final

import msgspec

from bridge.movement import MAX_AMOUNT, Reason, Rejection
from bridge.phrase import Phrase

__all__ = ["read_event", "read_product"]

_DIGITS: Final = re.compile(r"[0-9]{1,20}")
_STATUSES: Final = ("safe", "danger", "empty")


def read_product(value: bytes) -> dict[str, Any] | Rejection:
    """Read a product: `{"name", "description", "stock_available": 11, "barcode", "status": "safe"}`.

    Args:
        value: the record's value.

    Returns:
        Its fields under these names, those that are missing left out, or what is wrong with it. The barcode must be
        there: it is what tells a product that is known from a new one.
    """
    found = _object(value)
    if isinstance(found, Rejection):
        return found
    barcode = str(found.get("barcode") or "").strip()
    if not barcode:
        return Rejection(Reason.NO_PRODUCT, Phrase("the barcode is missing; it tells a known product from a new one"))
    product: dict[str, Any] = {"barcode": barcode}
    for name in ("name", "description"):
        if found.get(name) is not None:
            product[name] = str(found[name])
    stock = found.get("stock_available")
    if stock not in (None, ""):
        whole = int(stock) if isinstance(stock, str) and _DIGITS.fullmatch(stock) else stock
        if type(whole) is not int or not 0 <= whole <= MAX_AMOUNT:
            return Rejection(
                Reason.NOT_WHOLE,
                Phrase("stock_available is {found}; it must be 0 to {most}", found=_shown(stock), most=MAX_AMOUNT),
            )
        product["stock_available"] = whole
    status = found.get("status", found.get("statuss"))
    if status not in (None, ""):
        if status not in _STATUSES:
            return Rejection(
                Reason.BAD_TYPE, Phrase("the status is {found}; it must be safe, danger or empty", found=_shown(status))
            )
        product["status"] = status
    return product


def read_event(value: bytes) -> dict[str, Any] | Rejection:
    """Read an event: `{"value": "...", "metadata": "..."}`, where metadata is a text of JSON.

    Args:
        value: the record's value.

    Returns:
        Its value and its metadata, decoded where it is JSON, or what is wrong with it.
    """
    found = _object(value)
    if isinstance(found, Rejection):
        return found
    if found.get("value") is None and found.get("metadata") is None:
        return Rejection(Reason.NOT_AN_OBJECT, Phrase("the event has neither a value nor metadata"))
    text = found.get("value")
    metadata = found.get("metadata")
    if isinstance(metadata, str):
        # What is no JSON stays a text, which is a JSON value as well.
        with contextlib.suppress(msgspec.DecodeError, UnicodeEncodeError):
            metadata = msgspec.json.decode(metadata)
    if text is not None and not isinstance(text, str):
        text = msgspec.json.encode(text).decode()
    return {"value": text, "metadata": metadata}


def _shown(found: object) -> str:
    return f"{found!r:.40}"


def _object(value: bytes) -> dict[str, Any] | Rejection:
    try:
        found = msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Rejection(Reason.NOT_JSON, Phrase("the record is not JSON"))
    if not isinstance(found, dict):
        return Rejection(
            Reason.NOT_AN_OBJECT, Phrase("the record is JSON, but {found} is no object", found=_shown(found))
        )
    return found
