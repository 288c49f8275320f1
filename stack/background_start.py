"""The start of the servers while the screen is already open and shows the progress."""

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
"""By server, the engine's connection to it and the field of `Ports` with its port."""

_FIRST_FRAME: Final = 5.0
"""Seconds to wait for the screen's first frame before the servers are started."""


class BackgroundStart:
    """Starts servers on a separate thread and reports the progress to a screen.

    Args:
        servers: the servers; everything that they need is installed.
        seed: loads the catalogue into Strapi once it runs.
        introduce: prints the servers' addresses before a screen covers the terminal.
        report: prints the progress on the terminal until a screen covers it.

    Attributes:
        screen_end: the screen's end of a socket; pass it to the screen's process, then close it.
        started: whether any server was started.
        error: why the start failed; None if it has not.
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
        # A daemon thread: it may wait for another runner until the ports are chosen, and the user may interrupt that.
        self._thread = threading.Thread(target=self._run, name="start", daemon=True)

    def begin(self) -> bool:
        """Start, and wait until the settings have the servers' addresses; then a screen may cover the terminal.

        Returns:
            Whether servers are being started; False if all of them run already.

        Raises:
            StackError: nothing can be started.
        """
        self._thread.start()
        self._settled.wait()
        if self.error is not None:
            raise self.error
        return self._ports is not None

    def finish(self) -> None:
        """Wait until all servers run.

        Raises:
            StackError: one did not start; those that had started were stopped again.
        """
        self._thread.join()
        if self.error is not None:
            raise self.error

    def cancel(self) -> None:
        """Cancel the start and wait until what it started is stopped; no effect once it is over."""
        if self._thread.is_alive():
            self._servers.cancel_start()
            if self._ports is not None:
                self._thread.join()

    @property
    def is_over(self) -> bool:
        """Whether it has finished or failed."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.started = self._servers.start(self._settle, self._tell)
            if self.started:
                self._tell("strapi", Phase.CATALOGUE)
                self._seed()
                self._say(StartLine(Phase.ALL_STARTED))
        except BaseException as error:
            # Raised by the thread that waits.
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
        # Readable too if the screen has ended.
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
