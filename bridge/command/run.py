"""`opsci-bridge run`: the engine until a signal, or with `--once` until its input is exhausted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Final

from bridge.chain import Chain
from bridge.collector import spare_the_rings
from bridge.command.account import account, moved
from bridge.command.exhausted import Exhausted
from bridge.command.watch import Watch
from bridge.event_loop import loop_factory
from bridge.journal import Journal, Server, State

if TYPE_CHECKING:
    from bridge.settings import Settings

__all__ = ["run"]

_log = logging.getLogger(__name__)

_KEPT: Final = 1_000
_LOOK: Final = 0.25
_ACCOUNT: Final = 30.0
_GRACE: Final = 5.0
"""Seconds after the drain in which connections are closed; what hangs then, hangs for good."""


def run(settings: Settings, *, once: bool) -> int:
    """Run the engine.

    Args:
        settings: the engine's.
        once: whether to end when the input is exhausted, and to print the account.

    Returns:
        The exit code: 0 stopped as asked.

    Raises:
        SettingsError: nothing can listen on the host of the settings' watch.
    """
    # No screen looks at the records: they are kept to time a movement from hop to hop.
    journal = Journal(_KEPT)
    spare_the_rings()
    with asyncio.Runner(loop_factory=loop_factory(settings)) as runner:
        runner.run(_Run(settings, journal, once=once).until_stopped())
    if once:
        print(account(journal))
    return 0


class _Run:
    def __init__(self, settings: Settings, journal: Journal, *, once: bool) -> None:
        self._settings = settings
        self._journal = journal
        self._chain = Chain(settings, journal, board=False)
        self._exhausted = Exhausted(settings, journal, self._chain) if once else None
        self._signals = 0
        self._stopping = False
        self._states: dict[Server, State] = {}
        self._noted: dict[str, str] = {}

    async def until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        with contextlib.ExitStack() as stack:
            watch = stack.enter_context(Watch(self._settings, self._journal)) if self._settings.watch.enabled else None
            if watch is not None:
                _log.info("health and metrics on %s", watch.url)
            observing = asyncio.create_task(self._observe(watch))
            try:
                await self._chain.run()
            finally:
                observing.cancel()
        _log.info("stopped: %s", account(self._journal))

    def _asked_to_stop(self, number: int) -> None:
        self._signals += 1
        if self._signals > 1:
            _log.warning("stopped at once: what was under way comes again at the next start")
            logging.shutdown()
            os._exit(128 + number)
        drain = self._settings.drain
        _log.info("%s: finishing what is under way, within %g s; again stops at once", _name(number), drain)
        self._stop()
        # A thread, as what hangs may be the event loop, or a library's connection attempt at the interpreter's end.
        deadline = threading.Timer(drain + _GRACE, _give_up)
        deadline.daemon = True
        deadline.start()

    def _stop(self) -> None:
        self._stopping = True
        self._chain.stop()

    async def _observe(self, watch: Watch | None) -> None:
        said, said_at = moved(self._journal), time.monotonic()
        while True:
            if watch is not None:
                watch.beat()
            self._tell_connections()
            self._tell_notes()
            if time.monotonic() - said_at >= _ACCOUNT:
                said_at = time.monotonic()
                if (counts := moved(self._journal)) != said:
                    said = counts
                    _log.info("%s", account(self._journal))
            if self._exhausted is not None and self._exhausted.look():
                _log.info("the input is exhausted")
                self._stop()
                return
            await asyncio.sleep(_LOOK)

    def _tell_connections(self) -> None:
        """Say what came up, and when Strapi went: nothing in the engine asks for it until a movement comes."""
        for server, connection in self._journal.connections.items():
            if connection.state is self._states.get(server) or self._stopping:
                continue
            self._states[server] = connection.state
            why = "; ".join(text for text in (connection.detail, connection.advice) if text)
            if connection.state is State.UP:
                _log.info("%s: connected to %s%s", server, connection.address, f" ({why})" if why else "")
            elif server is Server.STRAPI and connection.state in {State.DOWN, State.REFUSED}:
                _log.warning("%s: %s", server, why or connection.state)

    def _tell_notes(self) -> None:
        for name, text in self._journal.notes.copy().items():
            if self._noted.get(name) != text:
                self._noted[name] = text
                _log.warning("%s", text)
        for name in self._noted.keys() - self._journal.notes.keys():
            del self._noted[name]


def _name(number: int) -> str:
    return signal.Signals(number).name


def _give_up() -> None:
    _log.error("not finished in time: what was under way comes again at the next start")
    logging.shutdown()
    os._exit(1)
