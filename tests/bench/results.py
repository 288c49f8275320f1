"""The page of results: goals met and missed, the picture, and each work with its table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.catalogue import WORKS
from tests.bench.document import all_ratios, medians_of
from tests.bench.goals import Verdict, judge
from tests.bench.outcome import Outcome
from tests.bench.picture import picture_of
from tests.bench.rounds import Measured
from tests.bench.table import columns, number, table_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.machine import Machine

__all__ = ["goals_table", "page_of", "write_results"]

_HERE: Final = Path(__file__).parent
_PICTURE: Final = "results.svg"


def goals_table(verdicts: Sequence[Verdict]) -> str:
    """Format the goals as a table, followed by the reason of each miss where one is known."""
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


def page_of(measured: Sequence[Measured], made: Mapping[str, str]) -> str:
    """Format the whole page.

    Args:
        measured: the works.
        made: for each work, the command and the machine.
    """
    ratios = all_ratios(measured)
    parts = [
        "# What was measured",
        "Made by `python3 -m stack bench --results`, which measures some works or all of them anew; do not edit.",
        "Every contender ran several times in turn on the same servers, after a warm-up. Spread is how far the value "
        "farthest from the median is away from it. CPU, the share of a core and the servers' figures are those of the "
        "measured window; a ratio is that of the medians, ours over the peer's, or in a work about growth that row's "
        "over the first one's.",
        "## Goals",
        goals_table(judge(ratios, medians_of(measured))),
        f"![Rates, CPU a message and the way onto the screen]({_PICTURE})",
    ]
    for one in measured:
        parts += [f"## {one.work.name}", f"{one.work.about} {made[one.work.name]}", table_of(one, ratios)]
    return "\n\n".join(parts) + "\n"


def write_results(measured: Sequence[Measured], machine: Machine, command: str) -> list[Path]:
    """Write RESULTS.md, its picture and the data of both beside this file, and return their paths.

    A work that was not measured now keeps its last measurement.
    """
    page, picture, kept = _HERE / "RESULTS.md", _HERE / _PICTURE, _HERE / "results.json"
    known: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    known |= {one.work.name: _kept(one, f"(`{command}`; {machine.line()}.)") for one in measured}
    works = [_measured(name, known[name]) for name in WORKS if name in known]
    kept.write_text(json.dumps(known, indent=1) + "\n")
    page.write_text(page_of(works, {name: one["made"] for name, one in known.items()}))
    picture.write_text(picture_of(works, machine))
    return [page, picture, kept]


def _kept(one: Measured, made: str) -> dict[str, Any]:
    runs = {name: [outcome.as_dict() for outcome in outcomes] for name, outcomes in one.outcomes.items()}
    return {"made": made, "runs": runs, "absent": one.absent}


def _measured(name: str, kept: Mapping[str, Any]) -> Measured:
    outcomes = {
        contender: [Outcome(**{**run, "notes": tuple(run["notes"])}) for run in runs]
        for contender, runs in kept["runs"].items()
    }
    return Measured(WORKS[name], outcomes, dict(kept["absent"]))
