"""The plan depends only on the seed and omits no kind of fault."""

from __future__ import annotations

from itertools import islice

from tests.faults.answers import ANSWERS, Answers
from tests.faults.foreign_member import ForeignMember
from tests.faults.group import SecondEngine
from tests.faults.kill import KillBrokers, KillEngine, KillInBatch, KillServer
from tests.faults.network import LINKS, WAYS, Network
from tests.faults.panel import PanelEdits
from tests.faults.pause import PauseServer
from tests.faults.plan import Together, draw, draw_cluster, draw_take_overs, short
from tests.faults.restored import Restored
from tests.faults.retention import RetentionBeyond
from tests.faults.rival import Rival
from tests.faults.take_over import TakeOver, Watchers


def test_a_seed_gives_the_same_faults_again_and_another_seed_others() -> None:
    plans = [list(islice(draw(seed), 100)) for seed in (1, 1, 2)]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]


def test_only_products_with_drafts_are_edited_in_the_panel() -> None:
    assert not any(isinstance(fault, PanelEdits) for fault in islice(draw(4), 200))
    assert any(isinstance(fault, PanelEdits) for fault in islice(draw(4, drafts=True, alone=True), 60))


def test_each_round_has_every_kind_once() -> None:
    faults = [fault for fault in islice(draw(5), 86) if not isinstance(fault, Together)]
    assert {type(fault).__name__ for fault in faults} == {
        *("KillEngine", "KillInBatch", "KillServer", "PauseServer", "PauseEngine", "Network", "Answers"),
        *("SecondEngine", "ClockStep", "Flood", "Poison", "Oversized", "WentBack", "Restored"),
        *("WideNames", "LargeFlood", "SessionTakeover", "RestartThenKillBroker", "EngineAlone", "Rival", "LostSession"),
        *("ForeignCluster", "AbortedTransactions"),
        *("RetentionBeyond", "ForeignMember", "TakeOver", "Watchers"),
    }
    assert {fault.server for fault in faults if isinstance(fault, KillServer | PauseServer)} == {
        *("websockets", "mosquitto", "kafka", "strapi")
    }
    assert {fault.victim for fault in faults if isinstance(fault, KillInBatch)} == {"strapi", "engine"}
    assert {fault.way for fault in faults if isinstance(fault, Network)} == set(WAYS)
    assert {fault.answer for fault in faults if isinstance(fault, Answers)} == set(ANSWERS)


def test_take_overs_of_every_kind_come_among_other_faults() -> None:
    faults = list(islice(draw_take_overs(2), 26))
    singles = [*faults, *(part for pair in faults if isinstance(pair, Together) for part in (pair.first, pair.second))]
    found = {(fault.turns, fault.killed) for fault in singles if isinstance(fault, TakeOver)}
    assert found == {(1, ""), (3, ""), (1, "screen"), (1, "engine")}
    assert {KillEngine, KillServer, Network, Watchers} < {type(fault) for fault in singles}


def test_some_rounds_have_every_network() -> None:
    assert {fault.link for fault in islice(draw(3), 200) if isinstance(fault, Network)} == set(LINKS)


def test_two_faults_at_once_do_not_share_what_they_act_upon() -> None:
    pairs = [fault for fault in islice(draw(7), 400) if isinstance(fault, Together)]
    assert len(pairs) > 50
    assert not any(pair.first.touches & pair.second.touches for pair in pairs)


def test_every_fault_says_what_it_does() -> None:
    texts = [fault.text for fault in [*islice(draw(9), 60), *short()]]
    assert all(len(text) > 10 for text in texts)


def test_a_database_that_is_no_file_is_not_put_back() -> None:
    assert not any(isinstance(fault, Restored) for fault in islice(draw(4, file=False), 200))


def test_plain_rest_gets_no_second_engine() -> None:
    faults = list(islice(draw(4, alone=True), 200))
    singles = [*faults, *(part for pair in faults if isinstance(pair, Together) for part in (pair.first, pair.second))]
    assert not any(
        isinstance(fault, SecondEngine | Rival | Restored | RetentionBeyond | ForeignMember) for fault in singles
    )


def test_every_broker_engine_and_strapi_of_several_is_struck_and_two_brokers_at_once() -> None:
    assert list(islice(draw_cluster(1), 40)) == list(islice(draw_cluster(1), 40))
    faults = [fault for fault in islice(draw_cluster(7), 40) if not isinstance(fault, Together)]
    killed = {fault.server for fault in faults if isinstance(fault, KillServer)}
    assert killed == {"kafka", "kafka-2", "kafka-3", "strapi", "strapi-2", "mosquitto"}
    assert {fault.which for fault in faults if isinstance(fault, KillEngine)} == {0, 1}
    assert all(len(set(fault.away)) == 2 for fault in faults if isinstance(fault, KillBrokers))
    for fault in islice(draw_cluster(3), 200):
        if isinstance(fault, Together):
            assert not fault.first.touches & fault.second.touches
