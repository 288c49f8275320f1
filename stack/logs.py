"""The ends of the servers' logs, and what is added to them. Standard library only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, BinaryIO, Final

from stack.servers.server import SERVERS, tail

if TYPE_CHECKING:
    from pathlib import Path

    from stack.places import Places

__all__ = ["show_logs"]

_POLL: Final = 0.2


def show_logs(places: Places, server: str | None, *, lines: int, follow: bool) -> int:
    """Print the end of one server's log, or of each with the server's name before every line.

    Args:
        places: whose state.
        server: one of SERVERS, or nothing for all.
        lines: how many lines of each.
        follow: go on until Ctrl-C, also with a log that does not exist yet.
    """
    names = [server] if server else list(SERVERS)
    prefix = {name: "" if server else f"{name:<10}| " for name in names}
    # Where following starts, taken before the end is read: a line may then show twice, and none is missed.
    position = {name: _size(places.log(name)) for name in names}
    for name in names:
        if not places.log(name).exists():
            print(f"{prefix[name]}no log yet: {places.log(name)}")
        for line in tail(places.log(name), lines).splitlines():
            print(prefix[name] + line)
    if follow:
        try:
            _follow(places, position, prefix)
        except KeyboardInterrupt:
            return 0
    return 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _follow(places: Places, position: dict[str, int], prefix: dict[str, str]) -> None:
    rest = dict.fromkeys(position, b"")
    while True:
        for name, before in list(position.items()):
            path = places.log(name)
            size = _size(path)
            if size == before:
                continue
            with path.open("rb") as log:
                # A log that shrank was begun again.
                rest[name] = _print_lines(log, before if before < size else 0, rest[name], prefix[name])
                position[name] = log.tell()
        time.sleep(_POLL)


def _print_lines(log: BinaryIO, start: int, rest: bytes, prefix: str) -> bytes:
    log.seek(start)
    *lines, rest = (rest + log.read()).split(b"\n")
    for line in lines:
        print(prefix + line.decode(errors="replace"), flush=True)
    return rest
