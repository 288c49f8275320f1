"""Which tests stay on one worker, and which begin first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.side_by_side import TOGETHER, group_of, turn_of, workers

if TYPE_CHECKING:
    from pathlib import Path

SHORT = "tests/faults/test_short.py::test_a_minute[plain-tcp]"


@pytest.mark.parametrize(
    ("node", "group"),
    [
        ("tests/chain/test_drafts.py::test_a[ledger-locales]", "drafts ledger-locales"),
        ("tests/chain/test_drafts.py::test_b[ledger]", "drafts ledger"),
        ("tests/chain/test_ledger.py::test_a[postgres-13]", "ledger postgres"),
        ("tests/faults/attacks/test_on_servers.py::test_a[secured-x]", "secured doors"),
        ("tests/chain/test_secure_secrets.py::test_a", "secured chain"),
        ("tests/stack/test_wheel.py::test_a", "wheel"),
    ],
)
def test_tests_that_share_something_stay_together(node: str, group: str) -> None:
    assert group_of(node) == group


@pytest.mark.parametrize(
    "node",
    [
        SHORT,
        "tests/chain/test_drafts.py::test_on_servers_of_its_own",
        "tests/chain/test_ledger.py::test_a[sqlite-postgres]",
        "tests/faults/attacks/test_on_servers.py::test_a[plain-x]",
        "tests/unit/test_movement.py::test_a[tests/stack/test_wheel.py]",
    ],
)
def test_any_other_is_for_the_next_worker(node: str) -> None:
    assert group_of(node) == node


def test_the_longest_begin_first() -> None:
    nodes = ["tests/unit/test_a.py::t", "tests/chain/test_apply.py::t", "tests/stack/test_wheel.py::t", SHORT]
    assert sorted(nodes, key=turn_of) == nodes[::-1]


def test_every_rule_is_about_tests_that_there_are(request: pytest.FixtureRequest) -> None:
    root: Path = request.config.rootpath
    files = [str(file.relative_to(root)) for file in (root / "tests").rglob("test_*.py")]
    nodes = [f"{file}::test_a[{kind}-x]" for file in files for kind in ("ledger", "postgres", "secured")]
    for pattern in TOGETHER.values():
        assert any(pattern.match(node) for node in nodes), pattern


def test_there_is_a_worker_at_least() -> None:
    assert workers() >= 1
