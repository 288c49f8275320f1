"""What a runner tells the screen that it opened, of the servers that it starts meanwhile: JSON, a line at a time.

The runner writes into a socket whose other end the screen's engine reads (`bridge/server_start.py`). The screen writes
one byte, once it has painted its first frame: the servers take every core while they start, and it needs one until
then. Standard library only.
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
    """How far the start of a server is."""

    PREPARES = "prepares"
    """Its files and its configuration are written."""
    ANSWER = "answer"
    """Its process runs, and does not answer yet."""
    SET_UP = "set-up"
    """It answers, and is set up."""
    CATALOGUE = "catalogue"
    """The catalogue is put into it."""
    STARTED = "started"
    FAILED = "failed"
    """It did not start, and the others were stopped again."""
    ALL_STARTED = "all-started"
    """Every server is there, whatever was said of each."""


@dataclass(frozen=True)
class StartLine:
    """One thing that a runner tells.

    Attributes:
        phase: how far it is.
        name: the server's name as the runner has it; empty where all are meant.
        server: which of the engine's connections leads there, a `Server`; empty where none does.
        port: where it is asked for its answer, 0 where that says nothing.
        cause: why it did not start.
        log: the path of its log.
    """

    phase: Phase
    name: str = ""
    server: str = ""
    port: int = 0
    cause: str = ""
    log: str = ""


def say_start(screen: socket.socket, line: StartLine) -> None:
    """Tell the screen one thing; where it has ended, nothing."""
    with suppress(ConnectionError):
        screen.sendall(json.dumps(asdict(line)).encode() + b"\n")
