"""The messages of a runner to its screen about the servers that it is starting: lines of JSON.

The runner writes to a socket that the screen's engine reads (`bridge/server_start.py`). The screen writes one byte when
it has painted its first frame: starting servers occupy every core, and it needs one until then. Standard library only.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

__all__ = ["Phase", "StartLine", "say_start"]


class Phase(StrEnum):
    """The progress of a server's start."""

    PREPARES = "prepares"
    """Its files and configuration are being written."""
    ANSWER = "answer"
    """Its process runs but does not answer yet."""
    SET_UP = "set-up"
    """It answers and is being set up."""
    CATALOGUE = "catalogue"
    """The catalogue is being loaded into it."""
    STARTED = "started"
    FAILED = "failed"
    """It did not start; the others were stopped again."""
    ALL_STARTED = "all-started"
    """Every server runs, whatever was reported of each."""


@dataclass(frozen=True)
class StartLine:
    """One message.

    Attributes:
        phase: the progress.
        name: the runner's name of the server; empty for all of them.
        server: the engine's connection to it, a `Server`; empty if there is none.
        port: where it listens; 0 if that is not reported.
        cause: why it did not start; empty unless it failed.
        log: the path of its log.
    """

    phase: Phase
    name: str = ""
    server: str = ""
    port: int = 0
    cause: str = ""
    log: str = ""


def say_start(screen: socket.socket, line: StartLine) -> None:
    """Send a message to the screen; no effect if the screen has ended."""
    with suppress(ConnectionError):
        screen.sendall(json.dumps(asdict(line)).encode() + b"\n")
