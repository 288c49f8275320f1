"""How a watcher agrees with the engines' counts, and the lines that it prints."""

from __future__ import annotations

import json

from bridge.journal import Journal, Journey, Verdict
from bridge.movement import read_movement
from bridge.watch.engine_counts import EngineCounts, counts_of
from bridge.watch.lines import Passed, json_line, text_line

PAYLOAD = b'{"id":3,"amount":5,"type":"IN"}'


def decided() -> Journey:
    movement = read_movement(PAYLOAD)
    return Journey(
        "m1",
        PAYLOAD,
        mqtt_topic="topic",
        movement=movement,  # type: ignore[arg-type]
        received_at=1_000.0,
        kafka_topic="stock",
        partition=3,
        offset=128,
        acknowledged_at=1_000.5,
        decided_at=1_001.0,
        verdict=Verdict.APPLIED,
        product_id=3,
        product_name="Lamp\x1b[2J",
        stock_before=28,
        stock_after=33,
    )


def test_a_watcher_begins_with_what_was_counted_and_counts_on() -> None:
    engine, watcher = Journal(), Journal()
    engine.received.add(100)
    engine.verdicts[Verdict.APPLIED] = 90
    engine.reasons["not-json"] = 10
    engine_counts = EngineCounts(watcher)
    engine_counts.take([counts_of(engine)])
    assert counts_of(watcher) == counts_of(engine)
    watcher.received.add(2)
    engine_counts.take([counts_of(engine)])
    assert watcher.received.total == 102, "what is seen sooner than the engine says it stays"
    engine.received.add(3)
    engine_counts.take([counts_of(engine)])
    assert watcher.received.total == 102
    engine_counts.take([counts_of(engine)])
    assert watcher.received.total == 103, "once both stand still the engine's figure counts"


def test_counts_that_were_reset_are_taken_at_once_even_while_movements_come() -> None:
    engine, watcher = Journal(), Journal()
    engine.received.add(100)
    engine.verdicts[Verdict.APPLIED] = 90
    counts = EngineCounts(watcher)
    counts.take([counts_of(engine)])
    engine.reset_counters()
    engine.received.add(103)
    watcher.received.add(2)
    counts.take([counts_of(engine)])
    assert watcher.received.total == 103
    assert watcher.verdicts[Verdict.APPLIED] == 0


def test_of_several_engines_the_sum_counts_and_of_none_its_own() -> None:
    watcher = Journal()
    watcher.received.add(7)
    engine_counts = EngineCounts(watcher)
    engine_counts.take([])
    assert watcher.received.total == 7
    one, other = Journal(), Journal()
    one.received.add(4)
    other.received.add(5)
    engine_counts.take([counts_of(one), counts_of(other)])
    assert watcher.received.total == 9


def test_a_line_for_a_person_drives_no_terminal() -> None:
    line = text_line(decided(), Passed.DECIDED)
    assert "applied" in line
    assert "IN 5 of 3" in line
    assert "28 -> 33" in line
    assert "stock p3@128" in line
    assert "\x1b" not in line


def test_a_line_for_a_program_says_of_each_hop_what_is_known_by_then() -> None:
    received = json.loads(json_line(decided(), Passed.RECEIVED))
    assert (received["hop"], received["offset"], received["verdict"]) == ("received", None, None)
    end = json.loads(json_line(decided(), Passed.DECIDED))
    assert (end["offset"], end["verdict"], end["stock_after"]) == (128, "applied", 33)
    assert end["decided_at"] == "1970-01-01T00:16:41.000+00:00"
    broken = Journey("m2", b"\xff")
    assert json.loads(json_line(broken, Passed.RECEIVED))["payload_base64"] == "/w=="
