"""Trying settings on the servers, on a thread of its own: the screen pulls what each probe said."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.command.checks.finding import Finding
    from bridge.journal import Server
    from bridge.settings import Settings

__all__ = ["Trial"]


class Trial:
    """Tries servers one after the other; nothing is made or changed there.

    Args:
        settings: to try.
        servers: which servers.
    """

    def __init__(self, settings: Settings, servers: Sequence[Server]) -> None:
        self._settings = settings
        self._servers = servers
        self.findings: list[Finding] = []
        """What was tried so far."""
        self._ended = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        # A daemon: a server that never answers must not keep a program that wants to end.
        self._thread = threading.Thread(target=self._main, name="opsci-trial", daemon=True)

    def start(self) -> None:
        """Start, at once."""
        self._thread.start()

    @property
    def ended(self) -> bool:
        """Whether everything was tried, or the trial was broken off."""
        return self._ended.is_set()

    @property
    def all_well(self) -> bool:
        """Whether everything was tried and is as it must be."""
        return self.ended and all(finding.ok for finding in self.findings)

    def cancel(self) -> None:
        """Break it off; what a probe opened is closed."""
        if self._loop is not None and self._task is not None and not self.ended:
            self._loop.call_soon_threadsafe(self._task.cancel)

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except asyncio.CancelledError:
            pass
        finally:
            self._ended.set()

    async def _run(self) -> None:
        # Here, as the clients' libraries take a good part of a second to import.
        from bridge.command.check import try_servers  # noqa: PLC0415
        from bridge.command.checks.finding import Finding  # noqa: PLC0415

        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        for server in self._servers:
            try:
                async for finding in try_servers(self._settings, [server]):
                    self.findings.append(finding)
            # Whatever a library raises is a finding about the settings too.
            except Exception as error:
                self.findings.append(Finding(server, False, readable(f"{type(error).__name__}: {error}")))
