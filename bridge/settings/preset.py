"""A preset: an amount under a name, for what a person sends again and again."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from bridge.movement import MAX_AMOUNT

__all__ = ["LONGEST_NAME", "Preset"]

LONGEST_NAME: Final = 60
"""The most characters of a preset's name."""


class Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One movement, or one amount for the rows that are chosen when it is used.

    Attributes:
        name: what it is called, 1 to 60 printable characters; no two presets share one.
        amount: the signed change of the stock, -MAX_AMOUNT to MAX_AMOUNT and not 0.
        product: an id, a documentId or a barcode; empty stands for the rows that are selected or marked.
    """

    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
    amount: Annotated[int, Meta(ge=-MAX_AMOUNT, le=MAX_AMOUNT)]
    product: str = ""
