"""How to start a server, check it, and explain why it ended; common to all servers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from stack.servers.process import Identity

__all__ = ["BROKERS", "SERVERS", "Launch", "cause_of_death", "servers_of", "tail"]

SERVERS: Final = ("websockets", "mosquitto", "kafka", "strapi", "web")
"""The servers by name, in the order in which a browser's message passes them; the last serves the web client."""

BROKERS: Final = ("kafka", "kafka-2", "kafka-3")
"""Kafka's brokers by name, in the order of their node ids from 1; the first exists in every state."""


def servers_of(brokers: int) -> tuple[str, ...]:
    """The servers of a state with a number of Kafka brokers, in the order of SERVERS."""
    place = SERVERS.index(BROKERS[0])
    return (*SERVERS[:place], *BROKERS[:brokers], *SERVERS[place + 1 :])


_CAUSES: Final = (
    (r"Address already in use|EADDRINUSE|java\.net\.BindException", Phrase("its port is taken by another program")),
    (r"OutOfMemoryError|JavaScript heap out of memory|Cannot allocate memory", Phrase("there is not enough memory")),
    (r"No space left on device|ENOSPC", Phrase("the disk is full")),
    (r"UnsupportedClassVersionError", Phrase("this Java is too old: Java 17 or newer is needed")),
    (r"NODE_MODULE_VERSION", Phrase("its packages were built for another Node.js: remove the cache's strapi folder")),
    (r"[Pp]ermission denied|EACCES|AccessDeniedException", Phrase("it may not read or write one of its files")),
    (
        r"Inconsistent ?cluster|InconsistentClusterIdException",
        Phrase("its data belong to another cluster: try `reset`"),
    ),
    (
        r"SQLITE_CORRUPT|SQLITE_NOTADB|database disk image is malformed|Couldn't open database",
        Phrase("its database is damaged"),
    ),
    (r"Unable to start any listening sockets", Phrase("it could open none of its listeners")),
    (r"Error: (Unknown configuration variable|Invalid)[^\n]*", Phrase("its configuration is wrong")),
    (r"Cannot find module '([^']+)'", Phrase("a package is missing: remove the cache's strapi folder")),
)


@dataclass(frozen=True)
class Launch:
    """One start of one server.

    Attributes:
        name: the server's, one of `servers_of`.
        argv: the program and its arguments.
        cwd: the working folder.
        environment: the whole environment.
        checks: health checks by name; each takes the process that was started, and raises OSError until that process
            answers.
        finish: called once, when the checks pass and before the server counts as started.
        repair: for a server that died while starting: moves aside what its output names as damaged, and returns whether
            it did, so that another start is worthwhile. Its argument is the server's output.
        start_timeout: how many seconds it may take to answer.
        stop_timeout: how many seconds it gets between SIGTERM and SIGKILL.
    """

    name: str
    argv: Sequence[str | Path]
    cwd: Path
    environment: Mapping[str, str]
    checks: Mapping[str, Callable[[Identity], None]]
    finish: Callable[[], None] | None = None
    repair: Callable[[str], bool] | None = None
    start_timeout: float = 60.0
    stop_timeout: float = field(default=20.0)


def cause_of_death(log: str) -> Phrase:
    """Explain why a server ended, from its log.

    Args:
        log: the end of its log.
    """
    found = (cause for pattern, cause in _CAUSES if re.search(pattern, log, re.IGNORECASE))
    return next(found, Phrase("it ended; its log says why"))


def tail(path: Path, lines: int = 15, since: int = 0, most: int = 65_536) -> str:
    """Read the end of a log.

    Args:
        path: the log; a missing one reads as empty.
        lines: the most lines.
        since: the size of the log in bytes before this start, as earlier lines are another run's.
        most: the most bytes.
    """
    try:
        with path.open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(since if since <= size else 0, size - most))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""
