"""Receives the progress of the servers' start from the runner that opened this program, and notes it in a journal."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from bridge.journal import Server, State
from bridge.phrase import Phrase
from bridge.start_lines import Phase, StartLine, read_start_line

if TYPE_CHECKING:
    from bridge.journal import Journal

__all__ = ["ServerStart"]

_NOTE: Final = "start"
"""The journal's note of a failed start."""

_READ: Final = 65_536


class ServerStart:
    """Notes the progress of the servers' start in a journal.

    Args:
        descriptor: of a socket whose other end the runner has; it is closed once the start is over.

    Attributes:
        all_started: None while servers are being started, then whether all of them run.
    """

    def __init__(self, descriptor: int) -> None:
        self.all_started: bool | None = None
        self._runner = socket.socket(fileno=descriptor)
        self._phases: dict[str, StartLine] = {}
        self._rest = b""
        self._over: asyncio.Event | None = None
        self._runner.setblocking(False)

    def begin(self, journal: Journal) -> None:
        """Note that every server is being started, before the runner reports anything."""
        if not self.is_over:
            for server in Server:
                journal.connection(server, State.STARTING)

    def shown(self) -> None:
        """Tell the runner that the screen's first frame is painted."""
        if not self.is_over:
            with suppress(OSError):
                self._runner.send(b"\n")

    async def wait(self, journal: Journal) -> bool:
        """Note the progress until all servers run, one fails, or `give_up` is called; run this on the engine's loop.

        Args:
            journal: its connections, and a note if the start fails, are updated.

        Returns:
            Whether all servers run.
        """
        if not self.is_over:
            self._over = asyncio.Event()
            loop = asyncio.get_running_loop()
            descriptor = self._runner.fileno()
            loop.add_reader(descriptor, self._read, journal)
            try:
                await self._over.wait()
            finally:
                loop.remove_reader(descriptor)
        return bool(self.all_started)

    @property
    def is_over(self) -> bool:
        """Whether the start has finished or failed."""
        return self.all_started is not None

    def give_up(self) -> None:
        """Make `wait` return."""
        if self._over is not None:
            self._over.set()

    def _read(self, journal: Journal) -> None:
        try:
            data = self._runner.recv(_READ)
        except ConnectionError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take(read_start_line(line), journal)
        if not data and not self.is_over:
            self._failed(StartLine(Phase.FAILED, cause=Phrase("the runner ended")), journal)

    def _take(self, line: StartLine, journal: Journal) -> None:
        if line.phase == Phase.FAILED:
            self._failed(line, journal)
        elif line.phase == Phase.ALL_STARTED:
            self._end(all_started=True)
            for server in Server:
                journal.connection(server, State.CONNECTING)
        elif line.server:
            self._phases[line.name] = line
            server = Server(line.server)
            left = [one for one in self._phases.values() if one.server == server and one.phase != Phase.STARTED]
            if left:
                journal.connection(server, State.STARTING, _waits_for(left[0]))
            else:
                journal.connection(server, State.STARTED, Phrase("answers, waits for others"))

    def _failed(self, line: StartLine, journal: Journal) -> None:
        for server in Server:
            failed = line.server in {"", server}
            journal.connection(server, State.FAILED if failed else State.OFF, line.cause if failed else "")
        if line.log:
            journal.notes[_NOTE] = Phrase(
                "{name} did not start: {cause}. Its log is {log}. The other servers were stopped again; quit, fix it "
                "and run again",
                name=line.name,
                cause=line.cause,
                log=line.log,
            )
        else:
            journal.notes[_NOTE] = Phrase(
                "the servers did not start: {cause}. Those that had started were stopped again", cause=line.cause
            )
        self._end(all_started=False)

    def _end(self, *, all_started: bool) -> None:
        self.all_started = all_started
        asyncio.get_running_loop().remove_reader(self._runner)
        self._runner.close()
        self.give_up()


def _waits_for(line: StartLine) -> str:
    if line.phase == Phase.ANSWER:
        return Phrase("no answer yet on port {port}", port=line.port)
    if line.phase == Phase.SET_UP:
        return Phrase("is being set up")
    if line.phase == Phase.CATALOGUE:
        return Phrase("the catalogue is put in")
    return Phrase("its files are prepared")
