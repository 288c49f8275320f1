"""Parallel tests (`pytest -n auto`): how many workers, which tests stay on one of them, and which begin first."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

__all__ = ["TOGETHER", "cores", "group_of", "scheduling", "turn_of", "workers"]

_WORKERS_OF_CORE: Final = 2
"""Most tests wait for a server most of the time."""

_MEMORY_OF_WORKER: Final = 2_500_000
"""KiB: a set of servers takes 800,000, and a worker has two or three beside pytest and the engines of its test."""

_LONG: Final = re.compile(r"tests/faults/test_short\.py|tests/chain/test_three_brokers\.py|tests/containers/")
"""What takes minutes, each test on another worker."""

TOGETHER: Final[Mapping[str, re.Pattern[str]]] = {
    # Servers of their own.
    "drafts": re.compile(r"tests/chain/test_drafts\.py.*\[(?P<servers>[a-z0-9-]+)\]"),
    "foreign servers": re.compile(r"tests/chain/test_foreign_servers\.py"),
    "ledger": re.compile(r"tests/chain/test_ledger\.py.*\[(?P<servers>postgres)"),
    "strapi 4": re.compile(r"tests/chain/test_apply_strapi4\.py"),
    # The servers that are secured, which a worker without these tests does not start.
    "secured chain": re.compile(r"tests/(chain|web)/test_secure.*\.py"),
    "secured doors": re.compile(r"tests/stack/test_strapi_closed\.py|tests/faults/attacks/.*\[secured-"),
    # What takes long to make.
    "damaged files": re.compile(r"tests/stack/test_damaged_files\.py"),
    "film": re.compile(r"tests/tui/test_recording_stepped\.py"),
    "wheel": re.compile(r"tests/stack/test_wheel\.py"),
    # The usual ports, which the machine has once.
    "usual ports": re.compile(r"tests/stack/test_(command_line|opening)\.py"),
}
"""Tests that stay on one worker, or on one for each kind of servers, because they share what is named."""

_WITHOUT_SERVERS: Final = re.compile(r"tests/(tui|unit)/")


def cores() -> int:
    """The number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0))


def workers() -> int:
    """The number of workers for the machine's cores and free memory, at least one."""
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    memory = int(lines["MemAvailable"].split()[0])
    return max(1, min(_WORKERS_OF_CORE * cores(), memory // _MEMORY_OF_WORKER))


def group_of(node: str) -> str:
    """The group of tests that run on one worker: a name from above with the kind of servers, else the node id.

    Args:
        node: pytest's id of a test, with its path relative to the repository.
    """
    for name, pattern in TOGETHER.items():
        if found := pattern.match(node):
            return " ".join([name, *found.groupdict().values()])
    return node


def turn_of(node: str) -> int:
    """The order in which a test begins, 0 first, so that all workers finish at about the same time."""
    if _LONG.match(node):
        return 0
    if group_of(node) != node:
        return 1
    return 3 if _WITHOUT_SERVERS.match(node) else 2


def scheduling(config: pytest.Config, log: object) -> LoadScopeScheduling:
    """A scheduler that gives a worker that is nearly done the next test, or group of tests, in their order."""
    config.option.loadscopereorder = False
    made = LoadScopeScheduling(config, log)
    # As xdist's own schedulers do in subclasses; it has no types, and its marks do not reach pytest 9's node ids.
    made._split_scope = group_of
    return made
