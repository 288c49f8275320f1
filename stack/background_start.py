"""The start of the servers beside the screen that is open meanwhile and shows how far it is."""

from __future__ import annotations

import select
import socket
import threading
from typing import TYPE_CHECKING, Final

from bridge.start_lines import Phase, StartLine, say_start
from stack.errors import ServerStartError
from stack.servers.server import BROKERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.local import LocalStack
    from stack.ports import Ports
    from stack.report import Report

__all__ = ["BackgroundStart"]

_CONNECTIONS: Final = {
    "websockets": ("mqtt", "mqtt_ws"),
    "mosquitto": ("mqtt", "mqtt_tcp"),
    **{name: ("kafka", name.replace("-", "_")) for name in BROKERS},
    "strapi": ("strapi", "strapi"),
    "web": ("", "web"),
}
"""By server which of the engine's connections leads there, and which of `Ports` it listens on."""

_FIRST_FRAME: Final = 5.0
"""Seconds after which the servers are started though the screen has not painted its first frame."""


class BackgroundStart:
    """Starts servers on a thread of its own and tells a screen how far it is.

    Args:
        servers: the servers, of which all that must be installed is.
        seed: puts the catalogue into Strapi once it runs.
        introduce: says where the servers will be, before a screen covers the terminal.
        report: tells the progress on the terminal for as long as no screen covers it.

    Attributes:
        screen_end: the end of a socket for the screen, to be handed to it and then closed.
        started: whether any server was started.
        error: why the start failed; None while it has not.
    """

    def __init__(
        self, servers: LocalStack, seed: Callable[[], object], introduce: Callable[[], None], report: Report
    ) -> None:
        self.screen_end, self._screen = socket.socketpair()
        self.started = False
        self.error: BaseException | None = None
        self._servers = servers
        self._seed = seed
        self._introduce = introduce
        self._report = report
        self._ports: Ports | None = None
        self._said: dict[str, StartLine] = {}
        self._mutex = threading.Lock()
        self._settled = threading.Event()
        # A daemon: until the ports are chosen it may wait for another runner, which a person may break off.
        self._thread = threading.Thread(target=self._run, name="start", daemon=True)

    def begin(self) -> bool:
        """Start, and wait until the settings name the servers: from then on a screen may cover the terminal.

        Returns:
            Whether servers are being started; False where all of them run already.

        Raises:
            StackError: nothing can be started.
        """
        self._thread.start()
        self._settled.wait()
        if self.error is not None:
            raise self.error
        return self._ports is not None

    def finish(self) -> None:
        """Wait until all servers are there.

        Raises:
            StackError: one did not start; those that had started were stopped again.
        """
        self._thread.join()
        if self.error is not None:
            raise self.error

    def cancel(self) -> None:
        """Break the start off and wait until what it started is stopped; nothing where it is over."""
        if self._thread.is_alive():
            self._servers.cancel_start()
            if self._ports is not None:
                self._thread.join()

    @property
    def is_over(self) -> bool:
        """Whether it is done, or failed."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.started = self._servers.start(self._settle, self._tell)
            if self.started:
                self._tell("strapi", Phase.CATALOGUE)
                self._seed()
                self._say(StartLine(Phase.ALL_STARTED))
        except BaseException as error:
            # Whatever it is, the thread that waits raises it.
            self.error = error
            if self._ports is not None:
                self._servers.stop()
                self._say(self._failure(error))
        finally:
            self._screen.close()
            self._settled.set()

    def _settle(self, ports: Ports) -> None:
        self._ports = ports
        self._introduce()
        self._report.cover()
        self._settled.set()
        # Also readable where the screen has ended.
        select.select([self._screen], [], [], _FIRST_FRAME)

    def _tell(self, name: str, phase: Phase) -> None:
        server, port = _CONNECTIONS[name]
        self._say(StartLine(phase, name, server, getattr(self._ports, port) if phase is Phase.ANSWER else 0))

    def _say(self, line: StartLine) -> None:
        with self._mutex:
            if self._said.get(line.name) != line:
                self._said[line.name] = line
                say_start(self._screen, line)

    def _failure(self, error: BaseException) -> StartLine:
        if isinstance(error, ServerStartError):
            server, _ = _CONNECTIONS[error.server]
            return StartLine(Phase.FAILED, error.server, server, cause=error.cause, log=error.log)
        return StartLine(Phase.FAILED, cause=str(error) or type(error).__name__)
