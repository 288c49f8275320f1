"""The record of the started servers in the state folder, by which later commands know their processes.

Damaged files of the state folder are moved aside, reported on the terminal, and listed by `status` while they exist.
Standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.private_file import damage_of, set_aside
from stack.ports import Ports
from stack.servers.process import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from stack.paths import Paths
    from stack.report import Report

__all__ = ["UNKNOWN", "Damage", "RunState", "Running", "damaged_files", "hold", "repair_run_state", "write_whole"]


UNKNOWN: Final = "unknown how many"

_ENTRY: Final = "OPSCI_STARTED_AS"
"""The variable in a server's environment that contains its entry."""

_ENTRY_IS: Final = f"{_ENTRY}=".encode()


class Damage:
    """Moves the damaged files of one state folder aside.

    Args:
        paths: with the state.
        report: where it is reported.
    """

    def __init__(self, paths: Paths, report: Report) -> None:
        self._paths = paths
        self._report = report

    def move(self, path: Path, why: str, consequence: str, *, into: Path | None = None) -> Path:
        """Move one file or folder aside.

        Args:
            path: the file.
            why: what is wrong with it, as in "is empty".
            consequence: what is lost with it and what is done instead, as a sentence without its end.
            into: another folder for it, as in `set_aside`.

        Returns:
            Where it is now.

        Raises:
            OSError: it can't be moved.
        """
        aside = set_aside(path, into)
        self._report.note(f"  damaged: {path} {why}. It is kept as {aside.name}. {consequence}")
        line = {"at": time.time(), "file": str(path), "aside": str(aside), "why": why, "consequence": consequence}
        with self._paths.damage.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line) + "\n")
        return aside


def damaged_files(paths: Paths) -> Iterator[str]:
    """Describe each file that was moved aside and still exists: what was wrong, and the consequence."""
    try:
        lines = paths.damage.read_bytes().splitlines()
    except OSError:
        return
    for text in lines:
        try:
            line = json.loads(text)
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(line["at"]))
            said = f"{line['file']} {line['why']} ({when}): {line['consequence']}. It is kept as {line['aside']}"
            is_there = paths.state.joinpath(line["aside"]).exists()
        except (ValueError, KeyError, TypeError, OverflowError, OSError):
            yield f"{paths.damage} is damaged itself: names with .damaged- in {paths.state} are what was moved aside"
            continue
        if is_there:
            yield said


@dataclass(frozen=True)
class Running:
    """A started server.

    Attributes:
        identity: its process.
        owner: the runner with which it ends, or None for one that keeps running after `up`.
        log_start: the size of its log in bytes when it started.
        stop_timeout: how many seconds it gets between SIGTERM and SIGKILL.
    """

    identity: Identity
    owner: Identity | None
    log_start: int
    stop_timeout: float


@dataclass
class RunState:
    """The servers that were started in a state folder.

    Attributes:
        ports: the ports in use.
        servers: by name; one that has died is kept until it is started again or stopped.
        admin: whether Strapi was started with its admin panel.
        any_origin: whether Mosquitto itself accepts MQTT over websockets, from pages of every origin.
        origins: the pages that may use the broker besides those of this machine.
        lan: whether the web page, and MQTT over websockets for it, are open to the network.
        damage: what is wrong with the file; then the servers are those that run. Empty where nothing is.
    """

    ports: Ports = field(default_factory=Ports)
    servers: dict[str, Running] = field(default_factory=dict)
    admin: bool = False
    any_origin: bool = False
    origins: list[str] = field(default_factory=list)
    lan: bool = False
    damage: str = ""

    @classmethod
    def read(cls, path: Path) -> RunState:
        """Read the record; empty if there is none. If it is damaged, find the servers that run."""
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return cls()
        try:
            return cls._of(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError):
            found = cls._of_running(path.parent)
            found.damage = damage_of(content) or "is no record of servers"
            return found

    @classmethod
    def _of(cls, found: dict[str, Any]) -> RunState:
        servers = {
            name: Running(
                Identity(**running["identity"]),
                Identity(**running["owner"]) if running["owner"] else None,
                int(running["log_start"]),
                float(running["stop_patience"]),
            )
            for name, running in found["servers"].items()
        }
        return cls(
            Ports(**found["ports"]),
            servers,
            bool(found["admin"]),
            bool(found.get("any_origin", False)),
            [str(origin) for origin in found.get("origins", ())],
            bool(found.get("lan", False)),
        )

    @classmethod
    def _of_running(cls, state: Path) -> RunState:
        """Restore the record from the environments of the running servers of a state folder."""
        record = cls()
        for entry, identity in sorted(_entries(state), key=lambda pair: pair[1].start_ticks):
            # The entry of the latest one counts, as it includes the ports of those that were running already.
            servers = {**record.servers}
            record = cls._of({**entry, "servers": {entry["name"]: {**entry, "identity": identity.as_dict()}}})
            record.servers = {**servers, **record.servers}
        return record

    def entry(self, name: str, running: Running, state: Path) -> dict[str, str]:
        """The environment variable for a server.

        Args:
            name: the server's.
            running: everything but the identity is used, which it does not have yet.
            state: the state folder.
        """
        return {_ENTRY: json.dumps({"state": str(state), "name": name, **self._settled(), **_as_dict(running)})}

    def write(self, path: Path) -> None:
        """Write the record atomically."""
        servers = {name: _as_dict(running) for name, running in self.servers.items()}
        write_whole(path, json.dumps({**self._settled(), "servers": servers}, indent=2))

    def _settled(self) -> dict[str, Any]:
        return {
            "ports": self.ports.as_dict(),
            "admin": self.admin,
            "any_origin": self.any_origin,
            "origins": self.origins,
            "lan": self.lan,
        }

    def alive(self) -> set[str]:
        """The servers that still run."""
        return {name for name, running in self.servers.items() if running.identity.is_alive}


def repair_run_state(path: Path, damage: Damage) -> None:
    """Replace a damaged record by one of the servers that run. The caller must hold the state's lock."""
    record = RunState.read(path)
    if record.damage:
        running = ", ".join(sorted(record.alive())) or "none"
        damage.move(path, record.damage, f"The servers that run were found by their processes ({running})")
        record.write(path)


def _as_dict(running: Running) -> dict[str, Any]:
    return {
        "identity": running.identity.as_dict(),
        "owner": running.owner.as_dict() if running.owner else None,
        "log_start": running.log_start,
        "stop_patience": running.stop_timeout,
    }


def _entries(state: Path) -> Iterator[tuple[dict[str, Any], Identity]]:
    """The running servers of a state folder: the entry of each, and its process."""
    for process in Path("/proc").glob("[0-9]*"):
        pid = int(process.name)
        try:
            variables = (process / "environ").read_bytes().split(b"\0")
            entry = next((json.loads(one.partition(b"=")[2]) for one in variables if one.startswith(_ENTRY_IS)), None)
            # A server's children inherit its environment, and are in its process group.
            if entry and entry["state"] == str(state) and os.getpgid(pid) == pid:
                yield entry, Identity.of(pid)
        except (OSError, ValueError, KeyError, TypeError):
            # It belongs to another user, or ended just now.
            continue


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file atomically, so that neither a reader nor a crash ever sees half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    temporary.replace(path)


@contextmanager
def hold(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file, which the kernel releases however this process ends.

    Args:
        path: the lock file; its folder is created.
        waiting: called once if another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", opener=partial(os.open, mode=0o600)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
