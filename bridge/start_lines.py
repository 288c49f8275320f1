"""The messages of a runner to its screen about the servers that it is starting: lines of JSON.

The runner writes to a socket that the screen's engine reads (`bridge/server_start.py`). The screen writes one byte when
it has painted its first frame: starting servers occupy every core, and it needs one until then. Standard library only.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bridge.phrase import Phrase

if TYPE_CHECKING:
    import socket

__all__ = ["Phase", "StartLine", "read_start_line", "say_start"]


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
        cause: why it did not start, a `Phrase` stays one; empty unless it failed.
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
        screen.sendall(json.dumps({**asdict(line), "cause": _packed(line.cause)}).encode() + b"\n")


def read_start_line(data: bytes) -> StartLine:
    """Read what `say_start` wrote, without its end of line."""
    fields = json.loads(data)
    return StartLine(**{**fields, "cause": _unpacked(fields["cause"])})


def _packed(text: object) -> object:
    """A text for JSON; a phrase with its sentence and values, so that it can still be translated."""
    if isinstance(text, Phrase):
        return [text.sentence, {name: _packed(value) for name, value in text.values.items()}]
    return text


def _unpacked(packed: Any) -> Any:
    if isinstance(packed, list):
        sentence, values = packed
        return Phrase(sentence, **{name: _unpacked(value) for name, value in values.items()})
    return packed
