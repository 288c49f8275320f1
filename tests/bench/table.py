"""The measurements as a Markdown table that is readable in a terminal too. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.figures import Summary, summarise
from tests.bench.outcome import OWN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.rounds import Measured

__all__ = ["columns", "number", "rows_of", "table_of"]

_HEAD: Final = (
    "",
    "median",
    "spread",
    "CPU us each",
    "peak MB",
    "of a core",
    "servers: of a core, peak MB",
    "all there",
    "ratio",
)


def number(value: float) -> str:
    """Format a number with three significant digits and thousands separators."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align a table: the first column to the left, the others to the right."""
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first, *others = (
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return f"| {' | '.join([first, *others])} |"

    rule = "|" + "|".join(
        "-" * (width + 2) if place == 0 else "-" * (width + 1) + ":" for place, width in enumerate(widths)
    )
    return "\n".join([line(head), f"{rule}|", *(line(row) for row in rows)])


def rows_of(measured: Measured, ratios: dict[str, float]) -> list[list[str]]:
    """Return the rows of a work: one per contender, in order."""
    rows = []
    beside = {above if measured.work.against == below else below: key for key, above, below in measured.work.pairs}
    for contender in measured.work.contenders:
        if contender.name in measured.outcomes:
            summary = summarise(measured.outcomes[contender.name])
            ratio = ratios.get(beside.get(contender.name, ""))
            rows.append(_row(contender.name, summary, "" if ratio is None else f"{number(ratio)} x"))
    return rows


def table_of(measured: Measured, ratios: dict[str, float]) -> str:
    """Format a work's table, followed by its notes."""
    work = measured.work
    head = [_HEAD[0], f"{work.unit}, {_HEAD[1]}", *_HEAD[2:]]
    rows = rows_of(measured, ratios)
    lines = [columns(head, rows), ""] if rows else []
    for contender in work.contenders:
        if contender.name in measured.absent:
            lines.append(f"- {contender.name} is left out: {measured.absent[contender.name]}")
            continue
        if contender.name not in measured.outcomes:
            continue
        summary = summarise(measured.outcomes[contender.name])
        said = [f"guarantees: {contender.guarantee}" if contender.guarantee else "", contender.settings, *summary.notes]
        if summary.limits:
            said.append(f"at its limit was {', '.join(summary.limits)}")
        if contender.exact and summary.twice:
            said.append(f"it says that it writes nothing twice, and did {summary.twice} times")
        text = "; ".join(part for part in said if part)
        if text:
            lines.append(f"- {contender.name}: {text}.")
        if summary.parts:
            lines += ["", columns(("more figures", "median"), [[name, number(v)] for name, v in summary.parts.items()])]
    return "\n".join(lines)


def _row(name: str, summary: Summary, ratio: str) -> list[str]:
    cpu = "" if summary.cpu_a_message is None else f"{summary.cpu_a_message * 1e6:.1f}"
    servers = ", ".join(
        f"{process} {summary.share.get(process, 0.0):.2f} {size / 1e6:.0f}"
        for process, size in summary.memory.items()
        if not process.startswith(OWN)
    )
    complete = "yes" if not summary.missing else f"LOST {summary.missing:,}"
    if summary.twice:
        complete += f", {summary.twice:,} twice"
    memory = sum(size for process, size in summary.memory.items() if process.startswith(OWN))
    share = sum(part for process, part in summary.share.items() if process.startswith(OWN))
    return [
        name,
        number(summary.median),
        f"{summary.spread * 100:.0f} %",
        cpu,
        f"{memory / 1e6:.0f}" if memory else "",
        f"{share:.2f}" if share else "",
        servers,
        complete,
        ratio,
    ]
