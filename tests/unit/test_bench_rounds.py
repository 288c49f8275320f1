"""The order of a measurement, and the handling of a failing contender."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from stack.paths import Paths
from stack.report import Report
from tests.bench.bench import Bench, FailedError
from tests.bench.outcome import Outcome
from tests.bench.peers.install import NotHereError
from tests.bench.rounds import measure
from tests.bench.work import OURS, Contender, Work

if TYPE_CHECKING:
    from stack.local import LocalStack


def bench(messages: int = 100_000) -> Bench:
    nowhere = Path("/nonexistent")
    return Bench(cast("LocalStack", None), Paths.of(nowhere), Report(quiet=True), messages, nowhere, 2)


def test_contenders_run_in_turn_after_a_smaller_warm_up_of_each() -> None:
    ran: list[tuple[str, int]] = []

    def run(on: Bench, contender: Contender) -> Outcome:
        ran.append((contender.name, on.messages))
        return Outcome(len(ran))

    work = Work("carry", "", "messages/s", (Contender(OURS), Contender("peer")), run)
    measured = measure(bench(), work, 2)
    warm = [(OURS, 10_000), ("peer", 10_000)]
    assert ran == [*warm, (OURS, 100_000), ("peer", 100_000), (OURS, 100_000), ("peer", 100_000)]
    assert {name: [one.value for one in runs] for name, runs in measured.outcomes.items()} == {
        OURS: [3, 5],
        "peer": [4, 6],
    }


def test_who_fails_is_left_out_with_the_reason_and_the_others_go_on() -> None:
    def run(_on: Bench, contender: Contender) -> Outcome:
        if contender.name == "absent":
            raise NotHereError("no Node.js")
        if contender.name == "broken":
            raise FailedError("it ended with exit code 1")
        return Outcome(1)

    names = (OURS, "absent", "broken")
    work = Work("carry", "", "s", tuple(map(Contender, names)), run, warm_up=False)
    measured = measure(bench(), work, 2)
    assert {name: len(runs) for name, runs in measured.outcomes.items()} == {OURS: 2}
    assert measured.absent == {"absent": "no Node.js", "broken": "it ended with exit code 1"}


def test_sizes_go_with_the_messages() -> None:
    assert bench(300_000).scaled(20_000) == 20_000
    assert bench(30_000).scaled(20_000) == 2000
    assert bench(300).scaled(20_000, 200) == 200
