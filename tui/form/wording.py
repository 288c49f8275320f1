"""The form's two lines of words: which product is meant, and what would be published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from bridge.text import readable
from tui.figures import count
from tui.language import say
from tui.verdicts import STYLES, Tone

if TYPE_CHECKING:
    from tui.form.preview import Preview

__all__ = ["meant_line", "preview_line"]


def meant_line(found: Preview) -> Content:
    """Name the product that is meant, with its stock and the stock to expect; empty where none is known."""
    product, after = found.product, found.stock_after
    if product is None:
        return Content("")
    return Content.assemble(
        (say("stock") + " ", STYLES[Tone.MUTED]),
        count(product.stock),
        (" → ", STYLES[Tone.MUTED]) if after is not None else "",
        count(after) if after is not None else "",
        "  ",
        (readable(product.name), STYLES[Tone.STRONG]),
    )


def preview_line(found: Preview, topic: str, *, urgent: str, otherwise: str) -> Content:
    """Show the exact topic and payload that would be published, and what there is to say about it.

    Args:
        found: what was typed.
        topic: the MQTT topic.
        urgent: a warning, or why the last one was not sent; empty where there is none.
        otherwise: what to type next, said where nothing is urgent.
    """
    parts: list[Content | tuple[str, str]] = []
    if found.movement is not None:
        parts += [
            (say("publishes to") + " ", STYLES[Tone.MUTED]),
            (readable(topic), STYLES[Tone.STRONG]),
            ("  ", ""),
            (readable(found.payload.decode()), STYLES[Tone.PENDING]),
            ("  ", ""),
        ]
    if urgent:
        parts.append((f"▲ {readable(urgent)}", STYLES[Tone.OUT]))
    elif otherwise:
        parts.append((otherwise, STYLES[Tone.MUTED]))
    return Content.assemble(*parts)
