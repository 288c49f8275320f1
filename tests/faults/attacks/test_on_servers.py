"""The quick attacks on the session's shared servers: none succeeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.attacks.attack import PROFILES, Attack
from tests.faults.attacks.page import PAGE
from tests.faults.attacks.run import chosen, try_attack
from tests.faults.attacks.target import Target

if TYPE_CHECKING:
    from pathlib import Path

QUICK = [
    pytest.param(one, profile, id=f"{profile}-{one.identity}") for one, profile in chosen([], PROFILES) if one.quick
]


@pytest.mark.parametrize(("one", "profile"), QUICK)
async def test_a_quick_attack_gets_nowhere(
    one: Attack, profile: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    servers = request.getfixturevalue("secure_stack" if profile == "secured" else "stack")
    outcome = await try_attack(one, Target(profile, servers, tmp_path))
    assert outcome.is_good, f"{outcome.word}: {outcome.seen}"


def test_the_page_of_attacks_has_them_all() -> None:
    """`python3 -m stack faults --attacks` writes it anew."""
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert {(row[0].strip("| `"), row[3]) for row in rows} == {(one.identity, on) for one, on in chosen([], PROFILES)}
    assert all(row[4] != "**not tried**" for row in rows)
