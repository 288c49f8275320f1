"""The preview of the form: parsed input, checked against the shown stock, and described in two lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from textual.content import Content

from bridge.movement import MAX_AMOUNT, Movement, encode_movement
from bridge.text import readable
from tui.format import count
from tui.json_colours import json_in_colour
from tui.language import say
from tui.outcome import STYLES, Tone

if TYPE_CHECKING:
    from bridge.journal import Product, StockTable

__all__ = ["Preview", "meant_line", "preview", "preview_line", "read_amount", "refusal"]


_AMOUNT: Final = re.compile(r"([+\-\N{MINUS SIGN}]?)\s*([0-9]{1,20})", re.ASCII)


class Preview(NamedTuple):
    """What would be sent.

    Attributes:
        movement: the movement, None if there is none yet.
        payload: the exact bytes, empty if there is no movement.
        product: the matching product, None if the stock table has none.
        missing: what has to be typed or corrected before it can be sent; else empty.
        warning: why Strapi would refuse it, judging by the shown stock; it can be sent nevertheless.
    """

    movement: Movement | None = None
    payload: bytes = b""
    product: Product | None = None
    missing: str = ""
    warning: str = ""

    @property
    def stock_after(self) -> int | None:
        """The expected stock, None if the product is not known."""
        if self.product is None or self.movement is None:
            return None
        return self.product.stock + self.movement.delta


def read_amount(typed: str) -> int | str:
    """Parse a signed amount: `5` and `+5` put in, `-3` takes out.

    Returns:
        The signed amount, or a sentence about what is wrong.
    """
    found = _AMOUNT.fullmatch(typed.strip())
    if not typed.strip():
        return say("type an amount: 5 or +5 puts in, -3 takes out")
    if found is None:
        return say("{found} is no amount: type a whole number such as 5, +5 or -3").format(
            found=readable(typed.strip())
        )
    amount = int(found[2])
    if amount == 0:
        return say("an amount of 0 moves nothing")
    if amount > MAX_AMOUNT:
        return say("{found} is too much: the largest amount is {most}").format(
            found=count(amount), most=count(MAX_AMOUNT)
        )
    return amount if found[1] in {"", "+"} else -amount


def preview(product: str, amount: str, board: StockTable) -> Preview:
    """Create the preview of the typed texts.

    Args:
        product: id, documentId or barcode.
        amount: the signed amount as typed.
        board: the products as they are shown.

    Returns:
        What would be sent, or what is missing.
    """
    reference = product.strip()
    if not reference:
        return Preview(missing=say("type a product: its id, name or barcode"))
    meant = board.find(reference)
    delta = read_amount(amount)
    if isinstance(delta, str):
        return Preview(product=meant, missing=delta)
    kind: Literal["IN", "OUT"] = "IN" if delta > 0 else "OUT"
    movement = Movement(reference, abs(delta), kind)
    if meant is not None:
        warning = refusal(meant, delta)
    else:
        warning = say("no product that is shown has this id or barcode: Strapi would refuse it") if len(board) else ""
    return Preview(movement, encode_movement(movement), meant, "", warning)


def refusal(product: Product, delta: int) -> str:
    """Why Strapi would refuse this change of the shown stock; empty if it would not."""
    if product.stock + delta < 0:
        return say("only {stock} in stock: Strapi would refuse it").format(stock=count(product.stock))
    if product.stock + delta > MAX_AMOUNT:
        return say("Strapi would refuse it: the stock would pass {most}").format(most=count(MAX_AMOUNT))
    return ""


def meant_line(found: Preview) -> Content:
    """Describe the matching product, with its stock and the expected one; empty if none matches."""
    product, after = found.product, found.stock_after
    if product is None:
        return Content("")
    name = (readable(product.name), STYLES[Tone.PLAIN])
    if after is None:
        return Content.assemble(
            (count(product.stock), "bold"), (" " + say("in stock") + "  ", STYLES[Tone.MUTED]), name
        )
    effect = f"{count(product.stock)} → {count(after)}"
    return Content.assemble((effect, "bold"), (" " + say("after this movement") + "  ", STYLES[Tone.MUTED]), name)


def preview_line(found: Preview, topic: str, *, urgent: str, otherwise: str) -> Content:
    """Describe the exact topic and payload that would be published, and add a message.

    Args:
        found: the preview.
        topic: the MQTT topic.
        urgent: a warning, or why the last one was not sent; empty if there is none.
        otherwise: what to type next, shown where nothing is urgent.
    """
    parts: list[Content | tuple[str, str]] = []
    if found.movement is not None:
        parts += [
            (say("publishes to") + " ", STYLES[Tone.MUTED]),
            (readable(topic), STYLES[Tone.STRONG]),
            ("  ", ""),
            json_in_colour(readable(found.payload.decode())),
            ("  ", ""),
        ]
    if urgent:
        parts.append((f"▲ {readable(urgent)}", STYLES[Tone.OUT]))
    elif otherwise:
        parts.append((otherwise, STYLES[Tone.MUTED]))
    return Content.assemble(*parts)
