"""The list of attacks: what a run chooses, what the page says, and what is no result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.faults.attacks.attack import ATTACKS, PROFILES, Outcome, held, impossible, judged, succeeded
from tests.faults.attacks.page import page_of
from tests.faults.attacks.run import MODULES, chosen, try_attack

MACHINE = {"cores": 2, "memory_mb": 24_000, "system": "Linux", "python": "3.11", "commit": "abc"}


def test_every_attack_says_what_it_is() -> None:
    assert {one.target for one in ATTACKS.values()} == {module.__name__.rpartition(".")[2] for module in MODULES}
    for identity, one in ATTACKS.items():
        assert identity == one.identity
        assert set(one.profiles) <= set(PROFILES)
        assert one.item == "new" or one.item.isdigit()
        assert one.wanted


def test_names_choose_attacks_by_id_beginning_and_target() -> None:
    everything = chosen([], PROFILES)
    assert {one.identity for one, _ in everything} == set(ATTACKS)
    assert [one.identity for one, _ in chosen(["strapi-cors"], ["plain"])] == ["strapi-cors"]
    assert {one.target for one, _ in chosen(["mqtt"], ["secured"])} == {"mqtt"}
    assert all(profile in one.profiles for one, profile in everything)
    assert chosen(["nothing"], PROFILES) == []


@pytest.mark.parametrize(
    ("outcome", "good"),
    [
        (held("404"), True),
        (impossible("no such thing here"), True),
        (succeeded("200"), False),
        (judged(["200"], "404"), False),
        (judged([], "404"), True),
        (Outcome("FAILED", "broke off"), False),
    ],
)
def test_only_a_shut_door_is_good(outcome: Outcome, good: bool) -> None:
    assert outcome.is_good is good


async def test_an_attack_that_breaks_off_is_no_shut_door() -> None:
    async def breaks(_target: object) -> Outcome:
        raise ConnectionResetError("gone")

    one = replace(next(iter(ATTACKS.values())), attempt=breaks)
    outcome = await try_attack(one, None)  # type: ignore[arg-type]
    assert not outcome.is_good
    assert outcome.seen == "the attack broke off: ConnectionResetError: gone"


def test_the_page_has_a_row_for_each_attack_and_profile() -> None:
    names = [f"{profile}/{one.identity}" for one, profile in chosen([], PROFILES)]
    row = {"word": "held", "seen": "a | b\nc", "date": "2026-11-27", "commit": "abc"}
    seen = {name: dict(row) for name in names}
    seen[names[0]] = {**row, "word": "SUCCEEDED", "seen": "200"}
    del seen[names[1]]
    page = page_of(seen, MACHINE)
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert len(rows) == len(names)
    assert sum(line.endswith("| **SUCCEEDED** | 200 |") for line in rows) == 1
    assert sum(line.endswith("| **not tried** |  |") for line in rows) == 1
    assert sum("a \\| b c" in line for line in rows) == len(names) - 2
    assert f"**{len(names) - 2} of {len(names)} attacks held.**" in page
