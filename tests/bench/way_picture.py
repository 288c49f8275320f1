"""The picture of a movement's arrival on the screen: one bar, divided into hops in proportion to their share. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.arrival import HOPS
from tests.bench.figures import summarise
from tests.bench.svg import text_at
from tests.bench.table import number

if TYPE_CHECKING:
    from tests.bench.rounds import Measured

__all__ = ["LENGTH", "WAY_STYLE", "way_of"]

LENGTH: Final = 700.0
"""The whole bar."""

_LEFT: Final = 16
_BAR: Final = 18
_BETWEEN: Final = 178.0
"""From one entry of the key beneath it to the next."""

WAY_STYLE: Final = """\
  .hop0 { fill: #54aeff } .hop1 { fill: #0969da } .hop2 { fill: #a475f9 } .hop3 { fill: #bf8700 }
  .hop4 { fill: #2da44e }
"""


def way_of(one: Measured, top: int) -> list[str]:
    """Draw the picture.

    Args:
        one: the measured work, with the figures of the arrival.
        top: the line of its title.
    """
    summary = summarise(next(iter(one.outcomes.values())))
    said = f"p50 {number(summary.median)} ms, p99 {number(summary.parts['p99 ms'])} ms"
    parts = [
        text_at(_LEFT, top, one.work.name, "text title"),
        text_at(190, top, said, "text"),
        text_at(400, top, "from the publisher to the painted row, at 100 a second", "faint"),
    ]
    shares = [max(0.0, summary.parts[f"{hop}, % of the time"]) for hop in HOPS]
    left = float(_LEFT)
    for place, (hop, share) in enumerate(zip(HOPS, shares, strict=True)):
        width = LENGTH * share / (sum(shares) or 1.0)
        parts.append(f'<rect class="hop{place}" x="{left:.1f}" y="{top + 12}" width="{width:.1f}" height="{_BAR}"/>')
        left += width
        key = _LEFT + _BETWEEN * place
        took = number(summary.parts[f"{hop}, median ms"])
        parts.append(f'<rect class="hop{place}" x="{key:.0f}" y="{top + 38}" width="10" height="10"/>')
        parts.append(text_at(key + 15, top + 47, f"{hop} {took} ms", "faint"))
    return parts
