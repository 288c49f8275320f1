"""The page of results: goals met and missed, the picture, and each work with its table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.document import all_ratios, medians_of
from tests.bench.goals import Verdict, judge
from tests.bench.picture import picture_of
from tests.bench.table import columns, number, table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.machine import Machine
    from tests.bench.rounds import Measured

__all__ = ["goals_table", "page_of", "write_results"]

_HERE: Final = Path(__file__).parent
_PICTURE: Final = "results.svg"


def goals_table(verdicts: Sequence[Verdict]) -> str:
    """The goals as a table, and the reason of each miss beneath it where one is known."""
    rows = [
        [
            verdict.goal.text,
            f"{'at least' if verdict.goal.least else 'at most'} {number(verdict.goal.bound)}",
            "not measured" if verdict.found is None else number(verdict.found),
            {True: "met", False: "MISSED", None: ""}[verdict.met],
        ]
        for verdict in verdicts
    ]
    reasons = [
        f"- Missed: {verdict.goal.text}. {verdict.goal.reason}"
        for verdict in verdicts
        if verdict.met is False and verdict.goal.reason
    ]
    return "\n".join([columns(("goal", "wanted", "measured", ""), rows), *([""] if reasons else []), *reasons])


def page_of(measured: Sequence[Measured], machine: Machine, command: str) -> str:
    """The whole page.

    Args:
        measured: the works.
        machine: where.
        command: what was typed.
    """
    ratios = all_ratios(measured)
    parts = [
        "# What was measured",
        f"Made by `{command}`; do not edit.",
        f"Machine: {machine.line()}.",
        "Every contender ran several times in turn on the same servers, after a warm-up. Spread is how far the value "
        "farthest from the median is away from it. CPU, the share of a core and the servers' figures are those of the "
        "measured window; a ratio is that of the medians, ours over the peer's, or in a work about growth that row's "
        "over the first one's.",
        "## Goals",
        goals_table(judge(ratios, medians_of(measured))),
        f"![Rates and CPU a message]({_PICTURE})",
    ]
    for one in measured:
        parts += [f"## {one.work.name}", one.work.about, table_of(one, ratios)]
    return "\n\n".join(parts) + "\n"


def write_results(measured: Sequence[Measured], machine: Machine, command: str) -> list[Path]:
    """Write RESULTS.md and its picture beside this file, and say where."""
    page, picture = _HERE / "RESULTS.md", _HERE / _PICTURE
    page.write_text(page_of(measured, machine, command))
    picture.write_text(picture_of(measured, machine))
    return [page, picture]
