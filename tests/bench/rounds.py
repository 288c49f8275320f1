"""The order of a measurement: a warm-up of each, then alternating runs (A B A B)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from aiokafka.errors import KafkaError

from tests.bench.bench import FailedError
from tests.bench.peers.install import NotHereError

if TYPE_CHECKING:
    from tests.bench.bench import Bench
    from tests.bench.outcome import Outcome
    from tests.bench.work import Contender, Work

__all__ = ["Measured", "measure"]

_WARM: Final = 10
"""A warm-up is that many times smaller."""

_LEAST: Final = 2000


@dataclass
class Measured:
    """The measurements of a work.

    Attributes:
        work: the work.
        outcomes: every run by contender, in order.
        absent: why contenders failed, by contender.
    """

    work: Work
    outcomes: dict[str, list[Outcome]] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)


def measure(bench: Bench, work: Work, rounds: int) -> Measured:
    """Measure a work. A contender that fails is skipped from then on, and the reason is kept.

    Args:
        bench: provides the servers.
        work: the work.
        rounds: runs of each contender, at least one.
    """
    measured = Measured(work)
    if work.warm_up:
        small = replace(bench, messages=max(_LEAST, bench.messages // _WARM))
        for contender in work.contenders:
            _run(small, measured, contender, "warm-up")
    for number in range(1, rounds + 1):
        for contender in work.contenders:
            if contender.name not in measured.absent:
                outcome = _run(bench, measured, contender, f"round {number} of {rounds}")
                if outcome is not None:
                    measured.outcomes.setdefault(contender.name, []).append(outcome)
    return measured


def _run(bench: Bench, measured: Measured, contender: Contender, label: str) -> Outcome | None:
    work = measured.work
    with bench.report.step(f"{work.name}: {contender.name}, {label}") as step:
        try:
            outcome = work.run(bench, contender)
        except (FailedError, NotHereError, KafkaError, OSError) as error:
            measured.absent[contender.name] = str(error) or repr(error)
            step.outcome = f"left out: {measured.absent[contender.name].partition(chr(10))[0]}"
            return None
        step.outcome = f"{outcome.value:,.1f} {work.unit}"
        return outcome
