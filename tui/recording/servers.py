"""The servers of a film: stopped and started by the runner's command line, or by the staged engine."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Final, Protocol

from bridge.errors import OpsciError

if TYPE_CHECKING:
    from pathlib import Path

    from tui.recording.staged import StagedEngine

__all__ = ["RunnerServers", "ServerCommandError", "Servers", "StagedServers"]

_MARKER: Final = ".opsci-state"


class ServerCommandError(OpsciError):
    """The runner could not stop or start a server; the message is the runner's output."""


class Servers(Protocol):
    """Stops and starts servers of the chain."""

    async def stop(self, name: str) -> None:
        """Stop `mosquitto`, `kafka` or `strapi`; returns once it has stopped."""
        ...

    async def start(self, name: str) -> None:
        """Start it again; returns once it answers."""
        ...


class RunnerServers:
    """The local servers.

    Args:
        settings_file: of the film. If it is in a runner's state folder, that runner's servers are used, else those of
            the runner's default folder.
        command: the runner's command line.
    """

    def __init__(
        self, settings_file: Path | None = None, command: tuple[str, ...] = (sys.executable, "-P", "-m", "stack")
    ) -> None:
        self._command = command
        folder = settings_file.absolute().parent if settings_file is not None else None
        self._state = ("--state", str(folder)) if folder is not None and (folder / _MARKER).is_file() else ()

    async def stop(self, name: str) -> None:
        """Stop a server; returns once it has stopped."""
        await self._run("stop", name)

    async def start(self, name: str) -> None:
        """Start it again; returns once it answers."""
        await self._run("start", name)

    async def _run(self, verb: str, name: str) -> None:
        pipe = asyncio.subprocess.PIPE
        argv = (*self._command, verb, name, *self._state)
        runner = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=asyncio.subprocess.STDOUT
        )
        said, _ = await runner.communicate()
        if runner.returncode:
            raise ServerCommandError(f"{' '.join(argv[1:])}: {said.decode(errors='replace').strip()}")


class StagedServers:
    """The simulated servers of a staged engine."""

    def __init__(self, engine: StagedEngine) -> None:
        self._engine = engine

    async def stop(self, name: str) -> None:
        """Make a server unavailable."""
        await self._engine.stop_server(name)

    async def start(self, name: str) -> None:
        """Make it available again."""
        await self._engine.start_server(name)
