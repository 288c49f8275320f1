"""The final report of a run, as text and on its page."""

from __future__ import annotations

from stack.paths import ROOT
from tests.faults.account import Copy, Entry, Held, Letter, reckon
from tests.faults.edges import EDGES
from tests.faults.register import Register
from tests.faults.results import page, show
from tests.faults.run import Outcome, Struck


def outcome(*, lost: bool) -> Outcome:
    register = Register("r")
    sent = [register.enter(1, 5, named=True), register.enter(0, 0, named=False, refused=True)]
    for one in sent:
        one.sends, one.acknowledged_at = 1, 1.0
    entries = [] if lost else [Entry("r-1", 1, 5, "applied")]
    held = Held([Copy(1, "r-1")], [Letter(2, "not-json")], entries, {1: 5 * len(entries)})
    struck = [Struck(1.0, "SIGKILL of the engine", 0.2, 6.25), Struck(9.0, "SIGKILL of kafka", 3.0, -1.0)]
    return Outcome(1, 3.0, "ledger", 200.0, reckon(sent, held), struck[: 1 + lost], settled=True)


def test_a_run_that_holds_says_so() -> None:
    text = show(outcome(lost=False).as_json())
    assert text.splitlines()[-1] == "every promise holds"
    assert "not-json" in text
    assert "lost: [" not in text


def test_a_run_that_lost_names_the_numbers() -> None:
    made = outcome(lost=True)
    assert not made.holds
    text = show(made.as_json())
    assert "lost: [1]" in text
    assert text.splitlines()[-1] == "A PROMISE IS BROKEN"


def test_an_engine_that_ended_by_itself_or_did_not_come_back_breaks_the_promise() -> None:
    made = [outcome(lost=False) for _ in range(4)]
    made[1].crashes.append(1)
    made[2].faults.append(Struck(9.0, "SIGKILL of kafka", 3.0, -1.0))
    made[3].settled = False
    assert [one.holds for one in made] == [True, False, False, False]


def test_json_has_the_keys_that_everybody_reads() -> None:
    document = outcome(lost=False).as_json()
    assert document.keys() >= {
        "published",
        "acknowledged",
        "in_kafka",
        "applied",
        "rejected",
        "lost",
        "doubled",
        "faults",
    }
    assert document.keys() >= {"seed", "minutes", "machine"}
    assert document["faults"][0]["recovery"] == 6.25


def test_the_page_has_the_account_and_each_fault() -> None:
    kept = dict.fromkeys(("rate", "file_mb", "memory_mb", "taken", "forgotten", "live", "filled"), 7)
    kept_too = {"settings": "as shipped", "back": 720_000, "longest": 1.5}
    text = page({"ledger": outcome(lost=True).as_json()}, [{**kept, **kept_too}])
    assert "| 9 s | SIGKILL of kafka | 3.0 s | never |" in text
    assert "| lost | 1 |" in text
    assert "A promise was broken" in text
    assert "| 720,000 |" in text


def test_each_edge_names_a_test_that_exists() -> None:
    assert [edge.test for edge in EDGES if not (ROOT / edge.test).exists()] == []
    assert all(edge.guaranteed or edge.reported for edge in EDGES)


def test_a_run_on_several_of_each_says_so_with_its_command() -> None:
    made = outcome(lost=False)
    made.brokers, made.engines, made.strapis, made.database = 3, 2, 2, "postgres"
    text = page({"ledger on three brokers": made.as_json()}, [])
    assert "--brokers 3 --engines 2 --strapi 2`" in text
    assert "--postgres" not in text.rpartition("# Results")[2].partition("## 3 minutes")[2]
    assert "on our Strapi's ledger, PostgreSQL, three brokers, two engines and two Strapis" in text
