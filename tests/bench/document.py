"""The measurements as JSON. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.bench.figures import ratios_of, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.machine import Machine
    from tests.bench.rounds import Measured

__all__ = ["all_ratios", "document_of", "medians_of"]


def all_ratios(measured: Sequence[Measured]) -> dict[str, float]:
    """Return the ratios of all works."""
    found: dict[str, float] = {}
    for one in measured:
        found |= ratios_of(one.work, {name: summarise(outcomes) for name, outcomes in one.outcomes.items()})
    return found


def medians_of(measured: Sequence[Measured]) -> dict[str, float]:
    """Return the medians of each contender by `work/contender`, and of its other figures by `work/contender/figure`."""
    found: dict[str, float] = {}
    for one in measured:
        for name, outcomes in one.outcomes.items():
            summary = summarise(outcomes)
            found[f"{one.work.name}/{name}"] = summary.median
            found |= {f"{one.work.name}/{name}/{part}": value for part, value in summary.parts.items()}
    return found


def document_of(measured: Sequence[Measured], machine: Machine, messages: int) -> dict[str, Any]:
    """Return all measurements: `ratios`, `medians`, `results` with every run, and the `machine`.

    Args:
        measured: the works.
        machine: where they were measured.
        messages: the size of the ingest works.
    """
    return {
        "machine": machine.as_dict(),
        "messages": messages,
        "ratios": all_ratios(measured),
        "medians": medians_of(measured),
        "results": [
            {
                "work": one.work.name,
                "contender": contender.name,
                "unit": one.work.unit,
                "guarantee": contender.guarantee,
                "settings": contender.settings,
                "absent": one.absent.get(contender.name),
                "runs": [outcome.as_dict() for outcome in one.outcomes.get(contender.name, [])],
            }
            for one in measured
            for contender in one.work.contenders
            if contender.name in one.outcomes or contender.name in one.absent
        ],
    }
