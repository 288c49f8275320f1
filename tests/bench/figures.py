"""Medians, spreads and ratios of the runs. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.bench.outcome import Outcome
    from tests.bench.work import Work

__all__ = ["Summary", "percentile", "ratios_of", "summarise"]


@dataclass(frozen=True)
class Summary:
    """The runs of one contender.

    Attributes:
        runs: number of runs.
        median: the median of their values.
        spread: the distance of the value farthest from the median, as a share of the median.
        cpu_a_message: the median of the contender's CPU seconds per message, None if nothing was counted.
        memory: the most bytes in any run, by process.
        share: the median share of a core, by process, if there was a window to measure it in.
        missing: the most messages that a run lost.
        twice: the most messages that came twice.
        limits: what else was at its limit in a run.
        notes: what a reader must know, each once.
        parts: the medians of the other figures, by name.
    """

    runs: int
    median: float
    spread: float
    cpu_a_message: float | None
    memory: dict[str, int]
    share: dict[str, float]
    missing: int
    twice: int
    limits: tuple[str, ...]
    notes: tuple[str, ...]
    parts: dict[str, float]


def summarise(outcomes: Sequence[Outcome]) -> Summary:
    """Summarise the runs of one contender.

    Args:
        outcomes: at least one.
    """
    values = [outcome.value for outcome in outcomes]
    middle = statistics.median(values)
    cpu = [outcome.cpu_a_message for outcome in outcomes if outcome.cpu_a_message is not None]
    timed = [outcome for outcome in outcomes if outcome.seconds > 0]
    processes = list(dict.fromkeys(name for outcome in timed for name in outcome.cpu))
    return Summary(
        runs=len(values),
        median=middle,
        spread=max(abs(value - middle) for value in values) / middle if middle else 0.0,
        cpu_a_message=statistics.median(cpu) if cpu else None,
        memory={
            name: max(outcome.memory.get(name, 0) for outcome in outcomes)
            for name in dict.fromkeys(name for outcome in outcomes for name in outcome.memory)
        },
        share={
            name: statistics.median(outcome.cpu.get(name, 0.0) / outcome.seconds for outcome in timed)
            for name in processes
        },
        missing=max(outcome.missing for outcome in outcomes),
        twice=max(outcome.twice for outcome in outcomes),
        limits=tuple(sorted({outcome.limit for outcome in outcomes if outcome.limit})),
        notes=tuple(dict.fromkeys(note for outcome in outcomes for note in outcome.notes)),
        parts={
            name: statistics.median(outcome.parts[name] for outcome in outcomes if name in outcome.parts)
            for name in dict.fromkeys(name for outcome in outcomes for name in outcome.parts)
        },
    )


def percentile(values: Iterable[float], per_cent: int) -> float:
    """Return the percentile of values."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * per_cent // 100) - 1)]


def ratios_of(work: Work, summaries: Mapping[str, Summary]) -> dict[str, float]:
    """Return the ratios of a work's medians, and with `/cpu` appended those of the CPU per message.

    Args:
        work: the work.
        summaries: by contender; a missing one has no ratio.
    """
    ratios: dict[str, float] = {}
    for key, above, below in [*work.pairs, *work.also]:
        if above not in summaries or below not in summaries:
            continue
        over, under = summaries[above], summaries[below]
        if under.median:
            ratios[key] = over.median / under.median
        if over.cpu_a_message is not None and under.cpu_a_message:
            ratios[f"{key}/cpu"] = over.cpu_a_message / under.cpu_a_message
    return ratios
