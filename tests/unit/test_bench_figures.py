"""The benchmark's figures, computed from the runs and from the samples of a process."""

from __future__ import annotations

import pytest

from tests.bench.figures import ratios_of, summarise
from tests.bench.kafka import account
from tests.bench.outcome import Outcome
from tests.bench.processes import Sample, between, highest, look
from tests.bench.work import OURS, Contender, Work


def work(*names: str, against: str = OURS, also: tuple[tuple[str, str, str], ...] = ()) -> Work:
    contenders = tuple(Contender(name) for name in names)
    return Work("carry", "", "messages/s", contenders, lambda _bench, _one: Outcome(0), against=against, also=also)


def test_the_median_counts_and_the_spread_is_the_farthest_run() -> None:
    summary = summarise([Outcome(100), Outcome(130), Outcome(90)])
    assert (summary.runs, summary.median) == (3, 100)
    assert summary.spread == pytest.approx(0.3)


def test_the_cpu_a_message_counts_every_process_of_the_contender_and_no_server() -> None:
    run = Outcome(10, seconds=2.0, messages=1000, cpu={"contender": 0.5, "contender 2": 0.3, "kafka": 9.0})
    assert run.cpu_a_message == pytest.approx(0.0008)
    assert summarise([run]).share == {"contender": 0.25, "contender 2": 0.15, "kafka": 4.5}


def test_a_run_that_counts_no_messages_has_no_cpu_a_message() -> None:
    assert summarise([Outcome(3.5)]).cpu_a_message is None


def test_one_run_that_loses_messages_is_enough_to_say_so() -> None:
    summary = summarise([Outcome(1), Outcome(2, missing=7), Outcome(3, twice=2, limit="the broker")])
    assert (summary.missing, summary.twice, summary.limits) == (7, 2, ("the broker",))


def test_other_figures_have_their_medians_too() -> None:
    runs = [Outcome(1, parts={"p99 ms": 7}), Outcome(2, parts={"p99 ms": 9}), Outcome(3, parts={"p99 ms": 4})]
    assert summarise(runs).parts == {"p99 ms": 7}


def test_memory_is_the_highest_of_all_runs() -> None:
    runs = [Outcome(1, memory={"contender": 5, "kafka": 9}), Outcome(1, memory={"contender": 7})]
    assert summarise(runs).memory == {"contender": 7, "kafka": 9}


def test_ratios_are_ours_over_the_peers_and_those_of_the_cpu_stand_beside() -> None:
    def run(value: float, cpu: float) -> Outcome:
        return Outcome(value, 1.0, 100, {"contender": cpu})

    summaries = {OURS: summarise([run(80, 0.1)]), "peer": summarise([run(20, 0.4)])}
    assert ratios_of(work(OURS, "peer", "absent"), summaries) == {
        "carry/peer": pytest.approx(4),
        "carry/peer/cpu": pytest.approx(0.25),
    }


def test_in_a_work_about_growth_the_ratio_is_over_the_smallest() -> None:
    summaries = {name: summarise([Outcome(value)]) for name, value in (("1", 10.0), ("4", 30.0))}
    assert ratios_of(work("1", "4", against="1"), summaries) == {"carry/4": pytest.approx(3)}


def test_a_work_may_have_ratios_of_its_own() -> None:
    summaries = {name: summarise([Outcome(value)]) for name, value in (("b", 10.0), ("c", 5.0))}
    assert ratios_of(work(OURS, "b", "c", also=(("b/c", "b", "c"),)), summaries) == {"b/c": 2.0}


def test_an_account_leaves_probes_out_and_times_what_came_after_the_first_append() -> None:
    found = account([(500, b'{"probe":1}'), (1000, b"a"), (1000, b"b"), (1500, b"c"), (3000, b"d"), (3000, b"d")])
    assert (found.records, found.distinct) == (5, 4)
    assert (found.first, found.last, found.later) == (1.0, 3.0, 3)
    assert found.rate == pytest.approx(1.5)


def test_an_account_of_nothing_has_no_rate() -> None:
    assert account([(1, b'{"probe":1}')]).rate == 0.0


def test_cpu_between_two_moments_is_read_off_the_line_between_samples() -> None:
    samples = [Sample(10.0, 1.0, 100), Sample(11.0, 2.0, 300), Sample(12.0, 2.0, 200)]
    assert between(samples, 10.5, 11.5) == pytest.approx(0.5)
    assert between(samples, 0.0, 99.0) == pytest.approx(1.0)
    assert highest(samples) == 300


def test_a_process_that_never_was_seen_used_nothing() -> None:
    assert between([], 0.0, 1.0) == 0.0
    assert highest([]) == 0


def test_this_process_can_be_looked_at_and_one_that_ended_can_not() -> None:
    import os
    import subprocess

    seen = look(os.getpid())
    assert seen is not None
    assert seen.cpu > 0
    assert seen.memory > 1_000_000
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert look(ended.pid) is None
