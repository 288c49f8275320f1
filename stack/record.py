"""The record of what was started, kept beside the state so that any later command knows what is its own."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stack.errors import StateError
from stack.ports import Ports
from stack.servers.process import Identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["Record", "Running", "hold", "write_whole"]


@dataclass(frozen=True)
class Running:
    """A server that was started.

    Attributes:
        identity: its process.
        owner: the runner that it is to end with, or nothing for one that stays after `up`.
        log_start: the size of its log in bytes when it started.
        stop_patience: how many seconds it gets between SIGTERM and SIGKILL.
    """

    identity: Identity
    owner: Identity | None
    log_start: int
    stop_patience: float


@dataclass
class Record:
    """What was started in a state folder.

    Attributes:
        ports: the ports in use.
        servers: by name; one that has died stays here until it is started again or stopped.
        admin: whether Strapi was started with its admin panel.
    """

    ports: Ports = field(default_factory=Ports)
    servers: dict[str, Running] = field(default_factory=dict)
    admin: bool = False

    @classmethod
    def read(cls, path: Path) -> Record:
        """Read the record; none is an empty one.

        Raises:
            StateError: the file holds something else.
        """
        try:
            found: dict[str, Any] = json.loads(path.read_text())
            servers = {
                name: Running(
                    Identity(**running["identity"]),
                    Identity(**running["owner"]) if running["owner"] else None,
                    int(running["log_start"]),
                    float(running["stop_patience"]),
                )
                for name, running in found["servers"].items()
            }
            return cls(Ports(**found["ports"]), servers, bool(found["admin"]))
        except FileNotFoundError:
            return cls()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"{path} cannot be read ({error!r}): end the servers that you started, then remove that file"
            ) from error

    def write(self, path: Path) -> None:
        """Write the record, whole or not at all."""
        servers = {
            name: {
                "identity": running.identity.as_dict(),
                "owner": running.owner.as_dict() if running.owner else None,
                "log_start": running.log_start,
                "stop_patience": running.stop_patience,
            }
            for name, running in self.servers.items()
        }
        write_whole(
            path, json.dumps({"ports": self.ports.as_dict(), "admin": self.admin, "servers": servers}, indent=2)
        )

    def alive(self) -> set[str]:
        """The servers that still run."""
        return {name for name, running in self.servers.items() if running.identity.is_alive}


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that a reader, or a crash, never meets half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
    temporary.replace(path)


@contextmanager
def hold(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file, which the kernel lets go of however this process ends.

    Args:
        path: the lock file; its folder is made.
        waiting: called once if another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
