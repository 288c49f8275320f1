"""What the benchmark prints, draws and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree

import pytest

from tests.bench.arrival import FIGURES, HOPS
from tests.bench.catalogue import WORKS
from tests.bench.document import all_ratios, document_of
from tests.bench.goals import GOALS, Goal, judge
from tests.bench.machine import Machine
from tests.bench.outcome import Outcome
from tests.bench.picture import picture_of
from tests.bench.results import goals_table, page_of, write_results
from tests.bench.rounds import Measured
from tests.bench.table import columns, number, table_of
from tests.bench.way_picture import LENGTH

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def machine() -> Machine:
    return Machine("A & B CPU", 2, 2**34, "Linux 6", "3.11.7", "2026-11-24T04:00:00+00:00", 0.25)


@pytest.fixture
def measured() -> list[Measured]:
    def run(value: float, missing: int = 0) -> Outcome:
        return Outcome(value, 2.0, 1000, {"contender": 0.01, "kafka": 1.0}, {"contender": 80_000_000}, missing)

    backlog = Measured(
        WORKS["ingest-backlog"],
        {"opsci": [run(90_000), run(110_000), run(100_000)], "mq-bridge": [run(40_000, missing=12)]},
        {"flechtwerk": "it wants Python 3.12 or newer"},
    )
    way = dict.fromkeys(FIGURES, 20.0)
    return [
        backlog,
        Measured(WORKS["start"], {"stack-up": [Outcome(14.3)]}),
        Measured(WORKS["publish-to-row"], {"tui": [Outcome(31.0, parts=way)]}),
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(108_123.4, "108,123"), (1000, "1,000"), (999.4, "999"), (2.345, "2.35"), (0.2, "0.2")]
)
def test_a_number_has_the_digits_that_count(value: float, text: str) -> None:
    assert number(value) == text


def test_columns_are_aligned() -> None:
    lines = columns(("name", "n"), [["a", "1,000"], ["longer", "2"]]).splitlines()
    assert lines == ["| name   |     n |", "|--------|------:|", "| a      | 1,000 |", "| longer |     2 |"]


def test_a_table_says_what_was_lost_who_is_left_out_and_what_each_guarantees(measured: list[Measured]) -> None:
    table = table_of(measured[0], all_ratios(measured))
    rows = {cells[1]: cells for line in table.splitlines() if (cells := [cell.strip() for cell in line.split("|")])[1:]}
    assert rows["opsci"][2:5] == ["100,000", "10 %", "10.0"]
    assert "LOST 12" in rows["mq-bridge"]
    assert "2.5 x" in rows["mq-bridge"]
    assert "flechtwerk is left out: it wants Python 3.12 or newer" in table
    assert "- opsci: guarantees: PUBACK after Kafka" in table


def test_the_document_has_ratios_every_run_and_the_machine(measured: list[Measured], machine: Machine) -> None:
    document = document_of(measured, machine, 300_000)
    assert document["ratios"]["ingest-backlog/mq-bridge"] == 2.5
    assert document["machine"]["cores"] == 2
    by_contender = {one["contender"]: one for one in document["results"]}
    assert [run["value"] for run in by_contender["opsci"]["runs"]] == [90_000, 110_000, 100_000]
    assert by_contender["flechtwerk"]["absent"] == "it wants Python 3.12 or newer"


def test_each_goal_is_of_a_work_and_a_contender_that_there_are() -> None:
    ratios = {key for work in WORKS.values() for key, _, _ in [*work.pairs, *work.also]}
    medians = {
        "/".join([work.name, contender.name, *figure])
        for work in WORKS.values()
        for contender in work.contenders
        for figure in [(), *((name,) for name in work.figures)]
    }
    for goal in GOALS:
        assert goal.key.removesuffix("/cpu") in (ratios if goal.kind == "ratio" else medians), goal


def test_a_goal_is_met_missed_or_not_measured() -> None:
    goals = [
        Goal("a", "ratio", 2, least=True, text="a"),
        Goal("b", "ratio", 2, least=True, text="b", reason="The disk is slow."),
        Goal("c", "median", 20, least=False, text="c"),
        Goal("d", "median", 20, least=False, text="d", reason="unseen"),
    ]
    verdicts = judge({"a": 2.0, "b": 1.9}, {"c": 21.0}, goals)
    assert [verdict.met for verdict in verdicts] == [True, False, False, None]
    table = goals_table(verdicts)
    assert "- Missed: b. The disk is slow." in table
    assert "unseen" not in table


def test_the_page_has_the_goals_the_picture_the_command_and_each_work(
    measured: list[Measured], machine: Machine
) -> None:
    made = f"(`python3 -m stack bench --results`; {machine.line()}.)"
    page = page_of(measured, dict.fromkeys(WORKS, made))
    assert "`python3 -m stack bench --results`" in page
    assert "](results.svg)" in page
    assert "A & B CPU, 2 cores" in page
    assert "## ingest-backlog" in page
    assert "## start" in page
    met = next(line for line in page.splitlines() if "2 x mq-bridge" in line)
    assert met.rstrip(" |").endswith("met")


def test_the_picture_is_whole_and_draws_what_is_a_rate(measured: list[Measured], machine: Machine) -> None:
    root = ElementTree.fromstring(picture_of(measured, machine))  # noqa: S314 - our own
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert "ingest-backlog" in texts
    assert "start" not in texts
    assert "lost 12" in texts
    assert {"100,000", "40,000", "10.0"} <= set(texts)
    ours, theirs = (
        [float(bar.attrib["width"]) for bar in root.iter(f"{SVG}rect") if bar.attrib["class"] == kind]
        for kind in ("ours", "theirs")
    )
    assert theirs[0] / ours[0] == pytest.approx(0.4, abs=0.01)
    bottom = max(float(bar.attrib["y"]) for bar in root.iter(f"{SVG}rect") if "y" in bar.attrib)
    assert bottom < float(root.attrib["height"])
    hops = [bar for bar in root.iter(f"{SVG}rect") if bar.attrib["class"].startswith("hop")]
    bar = [float(hop.attrib["width"]) for hop in hops if hop.attrib["height"] == "18"]
    assert len(bar) == len(HOPS)
    assert sum(bar) == pytest.approx(LENGTH, abs=1)
    assert "p50 31 ms, p99 20 ms" in texts
    assert "prefers-color-scheme: dark" in "".join(style.text or "" for style in root.iter(f"{SVG}style"))


def test_a_work_that_is_measured_anew_leaves_the_others_as_they_were(
    measured: list[Measured], machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.bench.results._HERE", tmp_path)
    write_results(measured, machine, "python3 -m stack bench --results")
    first = (tmp_path / "RESULTS.md").read_text()
    again = Measured(WORKS["start"], {"stack-up": [Outcome(9.9)]})
    write_results([again], machine, "python3 -m stack bench start --results")
    second = (tmp_path / "RESULTS.md").read_text()
    assert "14.3" in first
    assert "14.3" not in second
    assert "9.9" in second
    assert second.count("`python3 -m stack bench start --results`") == 1
    assert table_of(measured[0], all_ratios(measured)) in second
    write_results(measured, machine, "python3 -m stack bench --results")
    assert (tmp_path / "RESULTS.md").read_text() == first
