"""The local servers of `opsci-tui --stack`, driven through the command line of their runner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from bridge.errors import OpsciError
from bridge.phrase import Phrase

__all__ = ["LocalServers", "LocalServersError"]


class LocalServersError(OpsciError):
    """The local servers could not be started; the runner's own messages are printed above it."""


class _Server(msgspec.Struct):
    state: str


class _Status(msgspec.Struct):
    settings_file: str
    servers: dict[str, _Server]


class LocalServers:
    """Starts the servers, and stops them if none of them ran before.

    Args:
        command: the runner's command line.
    """

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-P", "-m", "stack")) -> None:
        self._command = command
        self.started = False
        """Whether no server ran before `start`, so that `stop` stops them."""

    def start(self) -> Path:
        """Start the servers that don't run yet, with progress on standard error.

        Returns:
            The settings file that names the servers.

        Raises:
            LocalServersError: the runner failed.
        """
        self.started = not any(server.state == "running" for server in self._status().servers.values())
        up = subprocess.run([*self._command, "up"], check=False, stdout=sys.stderr)
        if up.returncode:
            raise LocalServersError(Phrase("the local servers did not start; see above, or try `python3 -m stack up`"))
        return Path(self._status().settings_file)

    def stop(self) -> None:
        """Stop the servers if this started them."""
        if self.started:
            subprocess.run([*self._command, "down"], check=False, stdout=sys.stderr)

    def leave(self) -> None:
        """Leave the servers running and print how to stop them."""
        self.started = False
        print("opsci: the servers run on; `python3 -m stack down` stops them", file=sys.stderr)  # noqa: T201

    def _status(self) -> _Status:
        asked = subprocess.run([*self._command, "status", "--json"], check=False, capture_output=True, text=True)
        try:
            return msgspec.json.decode(asked.stdout, type=_Status)
        except msgspec.DecodeError:
            said = Phrase("the runner of the local servers failed: {why}", why=asked.stderr.strip())
            raise LocalServersError(said) from None
