"""The identity of the server known at each address: a port, a tunnel or a name may lead to another one tomorrow.

The identity is the server's own, such as a Kafka cluster's id. It is stored in a file, so that it survives restarts,
and by address, so that a new address starts without one.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.private_file import write_own

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["KnownServers"]

_log = logging.getLogger(__name__)

_MOST: Final = 1_000
"""How many addresses of a kind are kept; the least recently noted are dropped first."""

_unsaved: dict[tuple[Path, str, str], str] = {}
"""What could not be written: it is valid for this process only."""

_said: set[Path] = set()
"""The files that were complained of, as every client of the engine reads them."""


class KnownServers:
    """The file, read again at each request, as another engine may have written it.

    Args:
        path: the file; the first note creates it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, named: str) -> KnownServers:
        """The file named in the settings, or `known-servers.json` in the user's state folder if that is empty."""
        if named:
            return cls(Path(named).expanduser())
        # Imported here, as the runner's `reset` uses this module on a machine where nothing is installed.
        import platformdirs  # noqa: PLC0415

        return cls(platformdirs.user_state_path("opsci") / "known-servers.json")

    def identity(self, kind: str, addresses: Iterable[str]) -> str | None:
        """The known identity at the first of these addresses that has one; None if none has.

        Args:
            kind: of server, `kafka`.
            addresses: as in the settings.
        """
        kept = self._read().get(kind, {})
        for address in addresses:
            found = kept.get(address) or _unsaved.get((self.path, kind, address))
            if found:
                return found
        return None

    def note(self, kind: str, addresses: Iterable[str], identity: str) -> None:
        """Store the identity for these addresses; if it can't be written, log that, and keep it for this process.

        Args:
            kind: of server, `kafka`.
            addresses: as in the settings.
            identity: the server's own.
        """
        names = list(addresses)
        try:
            with self._held():
                known = self._read()
                kept = {address: found for address, found in known.get(kind, {}).items() if address not in names}
                kept |= dict.fromkeys(names, identity)
                known[kind] = dict(list(kept.items())[-_MOST:])
                self._write(known)
        except OSError as error:
            self._complain("which servers are this engine's is not kept over its restart: %s: %s", error.strerror)
            _unsaved.update({(self.path, kind, address): identity for address in names})

    def forget(self, identity: str | None = None, *, kind: str | None = None) -> None:
        """Forget servers that are gone for good, at all addresses.

        Args:
            identity: of one server; None forgets all of a kind.
            kind: of server, `kafka`; None means all kinds.

        Raises:
            OSError: the file can't be written.
        """
        if not self.path.exists():
            return
        with self._held():
            known = self._read()
            kept = {
                name: {
                    address: found
                    for address, found in servers.items()
                    if kind not in {None, name} or identity not in {None, found}
                }
                for name, servers in known.items()
            }
            if kept != known:
                self._write(kept)

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not all(isinstance(servers, dict) for servers in found.values()):
            self._complain(
                "which servers are this engine's can't be read, those that answer now count as its own: %s%s", ""
            )
            return {}
        return {
            str(kind): {address: found for address, found in servers.items() if isinstance(found, str)}
            for kind, servers in found.items()
        }

    def _write(self, known: dict[str, dict[str, str]]) -> None:
        write_own(self.path, json.dumps(known, indent=2) + "\n")

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Lock the file while it is changed: two engines may start at once."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self.path.with_name(f".{self.path.name}.lock")
        with os.fdopen(os.open(lock, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _complain(self, text: str, why: str | None) -> None:
        if self.path not in _said:
            _said.add(self.path)
            _log.warning(text, self.path, why)
