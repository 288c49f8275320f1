"""The words beside an amount that is typed on rows: what would be sent, and what comes of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from bridge.text import readable
from tui.figures import count, signed
from tui.language import say, say_count
from tui.verdicts import STYLES, Tone

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tui.entry.plan import Plan, Planned, Target

__all__ = ["meaning_line", "target_line"]


def target_line(targets: Sequence[Target], undone: str = "") -> Content:
    """Name the rows that are meant, after what is said of an undo."""
    if len(targets) != 1:
        return Content.styled(
            undone + say_count("{count} product", "{count} products", len(targets)), STYLES[Tone.STRONG]
        )
    product = targets[0].product
    return Content.assemble(
        (undone, STYLES[Tone.OUT]),
        (f"{product.id} ", STYLES[Tone.MUTED]),
        (readable(product.name), STYLES[Tone.STRONG]),
    )


def meaning_line(found: Plan) -> Content:
    """Say what would be sent, with the stock before and after, and why Strapi would refuse it."""
    if found.missing:
        return Content.styled(found.missing, STYLES[Tone.MUTED])
    refused = [planned for planned in found.planned if planned.refused]
    parts: list[str | tuple[str, str] | Content] = []
    if refused:
        whose = (
            say("{some} of {all}: ").format(some=count(len(refused)), all=count(len(found.planned)))
            if len(found.planned) > 1
            else ""
        )
        parts += [(f"▲ {whose}{refused[0].refused}  ", STYLES[Tone.OUT])]
    for place, planned in enumerate(found.planned):
        parts += [", " if place else "", _change(planned, named=len(found.planned) > 1)]
    return Content.assemble(*parts)


def _change(planned: Planned, *, named: bool) -> Content:
    before = planned.target.expected
    return Content.assemble(
        (f"{planned.target.product.id}: " if named else "", STYLES[Tone.MUTED]),
        (say("sends") + " ", STYLES[Tone.MUTED]) if not named else "",
        (signed(planned.delta), STYLES[Tone.IN if planned.delta > 0 else Tone.OUT]),
        (f"  {count(before)} → {count(before + planned.delta)}", STYLES[Tone.PLAIN]),
    )
