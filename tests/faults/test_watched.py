"""What the measure of watchers reads in what programs say. Pure."""

from __future__ import annotations

from tests.faults.watched import Watched, counts_in

LAST = "received 1,200; produced 1,200; decided 1,199 (applied 1,000, rejected 199); dead letters 1 (not-json 1); lag 0"
SAID = f"""
opsci-bridge: received 1; produced 1; decided 0; dead letters 0; lag 1
opsci-bridge: {LAST}; MQTT to Strapi p50 9 ms p99 1,042 ms
"""


def test_the_last_account_counts_without_its_times() -> None:
    assert counts_in(SAID) == LAST
    assert counts_in("nothing") == ""


def test_all_agree_only_where_every_watcher_has_all_that_was_published() -> None:
    assert Watched(2, 60, 1_200, 1_200, LAST, [LAST, LAST]).agree
    assert not Watched(2, 60, 1_200, 1_200, LAST, [LAST, ""]).agree
    assert not Watched(2, 60, 1_201, 1_300, LAST, [LAST, LAST]).agree
    assert not Watched(0, 60, 1_200, 1_200).agree
