"""Rates and CPU per message as one SVG picture that is readable on light and dark backgrounds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from tests.bench.arrival import FIGURES
from tests.bench.figures import Summary, summarise
from tests.bench.svg import text_at
from tests.bench.table import number
from tests.bench.way_picture import WAY_STYLE, way_of
from tests.bench.work import OURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.machine import Machine
    from tests.bench.rounds import Measured

__all__ = ["picture_of"]

_WIDTH: Final = 920
_RATE: Final = (190, 310)
_CPU: Final = (600, 190)
"""Where the bars of a column begin, and how long the longest is."""

_BAR: Final = 18
_ROW: Final = 28
_GAP: Final = 54

_STYLE: Final = """\
  .paper { fill: #ffffff } .text { fill: #1f2328 } .faint { fill: #656d76 } .track { fill: #eef0f2 }
  .ours { fill: #0969da } .theirs { fill: #8c959f } .lost { fill: #cf222e }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif }
  .title { font-weight: 600; font-size: 15px } .value { font-variant-numeric: tabular-nums }
  @media (prefers-color-scheme: dark) {
    .paper { fill: #0d1117 } .text { fill: #e6edf3 } .faint { fill: #8d96a0 } .track { fill: #1c2128 }
    .ours { fill: #4493f8 } .theirs { fill: #6e7681 } .lost { fill: #f85149 }
  }
"""


def picture_of(measured: Sequence[Measured], machine: Machine) -> str:
    """Draw the works whose values are rates, one row per contender with rate and CPU per message, and the arrival.

    Args:
        measured: the works; of the others only the arrival on the screen is drawn.
        machine: for the line at the foot.
    """
    drawn = [one for one in measured if one.work.unit.endswith("/s") and one.outcomes]
    parts: list[str] = []
    top = 40
    for one in drawn:
        rows = {name: summarise(outcomes) for name, outcomes in one.outcomes.items()}
        parts += _work(one, rows, top)
        top += _GAP + _ROW * len(rows)
    for one in measured:
        if one.work.figures == FIGURES and one.outcomes:
            parts += way_of(one, top)
            top += _GAP + _ROW
    foot = f"medians; {machine.cpu}, {machine.cores} cores, {machine.date[:10]}"
    parts.append(text_at(16, top, foot, "faint"))
    height = top + 20
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}" '
        f'role="img" aria-label="{escape(_label(drawn), {chr(34): "&quot;"})}">\n<style>\n{_STYLE}{WAY_STYLE}</style>\n'
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="8"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _work(one: Measured, rows: dict[str, Summary], top: int) -> list[str]:
    work = one.work
    parts = [
        text_at(16, top, work.name, "text title"),
        text_at(_RATE[0], top, work.unit, "faint"),
        text_at(_CPU[0], top, "CPU a message, microseconds", "faint"),
    ]
    fastest = max(summary.median for summary in rows.values()) or 1.0
    dearest = max((summary.cpu_a_message or 0.0 for summary in rows.values()), default=0.0) or 1.0
    for place, contender in enumerate(one for one in work.contenders if one.name in rows):
        summary = rows[contender.name]
        y = top + 16 + _ROW * place
        kind = "ours" if contender.is_ours else "theirs"
        parts.append(text_at(16, y + 13, _name(contender.name, work.against), "text"))
        parts += _bar(_RATE, y, summary.median / fastest, kind, number(summary.median))
        if summary.missing:
            parts.append(text_at(_RATE[0] + 8, y + 13, f"lost {summary.missing:,}", "lost"))
        if summary.cpu_a_message is not None:
            cpu = summary.cpu_a_message
            parts += _bar(_CPU, y, cpu / dearest, kind, f"{cpu * 1e6:.1f}")
    return parts


def _name(name: str, against: str) -> str:
    return name if against == OURS else f"{OURS}, {name}"


def _bar(column: tuple[int, int], y: int, share: float, kind: str, label: str) -> list[str]:
    left, longest = column
    length = max(2.0, longest * share)
    return [
        f'<rect class="track" x="{left}" y="{y}" width="{longest}" height="{_BAR}" rx="3"/>',
        f'<rect class="{kind}" x="{left}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3"/>',
        text_at(left + longest + 8, y + 13, label, "text value"),
    ]


def _label(drawn: Sequence[Measured]) -> str:
    said = []
    for one in drawn:
        values = ", ".join(
            f"{name} {number(summarise(outcomes).median)} {one.work.unit}" for name, outcomes in one.outcomes.items()
        )
        said.append(f"{one.work.name}: {values}")
    return "; ".join(said)
