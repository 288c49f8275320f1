"""What every work stands on: servers of the bench's own, a folder, and how many messages a run has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stack.run_state import RunState

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local import LocalStack
    from stack.paths import Paths
    from stack.report import Report

__all__ = ["MESSAGES", "Bench", "FailedError"]

MESSAGES: Final = 300_000
"""How many messages the ingest works move where nothing else is said; the other works' sizes go with it."""


class FailedError(Exception):
    """A run came to no result; the text says why, and what the contender's log ends with."""


@dataclass(frozen=True)
class Bench:
    """A bench.

    Attributes:
        stack: the servers, running.
        paths: whose cache the peers are installed into.
        report: what tells the progress.
        messages: how many an ingest work moves.
        folder: for settings and logs.
        cpus: how many cores there are.
    """

    stack: LocalStack
    paths: Paths
    report: Report
    messages: int
    folder: Path
    cpus: int

    def scaled(self, count: int, least: int = 1) -> int:
        """A size that is `count` in a run of full size, and smaller in a smaller one."""
        return max(least, count * self.messages // MESSAGES)

    def pids(self, *servers: str) -> dict[str, int]:
        """The process ids of some servers."""
        running = RunState.read(self.stack.paths.record).servers
        return {name: running[name].identity.pid for name in servers if name in running}

    @property
    def mqtt_port(self) -> int:
        """Where the broker takes MQTT over TCP."""
        return self.stack.ports.mqtt_tcp

    @property
    def kafka(self) -> str:
        """Kafka's address."""
        return self.stack.addresses.kafka
