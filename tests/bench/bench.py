"""The environment of every work: the bench's own servers, a folder, and the number of messages."""

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
    """A run failed; the message says why, and has the end of the contender's log."""


@dataclass(frozen=True)
class Bench:
    """A bench.

    Attributes:
        stack: the running servers.
        paths: where peers are installed (its cache).
        report: called with the progress.
        messages: messages of an ingest work.
        folder: for settings and logs.
        cpus: number of cores.
    """

    stack: LocalStack
    paths: Paths
    report: Report
    messages: int
    folder: Path
    cpus: int

    def scaled(self, count: int, least: int = 1) -> int:
        """Scale a size that is `count` in a full-size run."""
        return max(least, count * self.messages // MESSAGES)

    def pids(self, *servers: str) -> dict[str, int]:
        """Return the process ids of some servers."""
        running = RunState.read(self.stack.paths.record).servers
        return {name: running[name].identity.pid for name in servers if name in running}

    @property
    def mqtt_port(self) -> int:
        """The broker's port for MQTT over TCP."""
        return self.stack.ports.mqtt_tcp

    @property
    def kafka(self) -> str:
        """Kafka's address."""
        return self.stack.addresses.kafka
