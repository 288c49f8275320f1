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
from bridge.command.health import HealthServer, needed
from bridge.journal import Hop, Journal, Server, State
from bridge.phrase import Phrase
from bridge.runtime import collect_rarely, loop_factory

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.journal import Verdict
    from bridge.settings import Settings

__all__ = ["QUIET", "Exhausted", "account", "moved", "run"]

QUIET: Final = 2.0
"""Seconds without any activity: a broker delivers queued messages within moments of a connection."""

_KEPT: Final = 1_000

_LOOK: Final = 0.25

_ACCOUNT: Final = 30.0

_GROWING: Final = frozenset({"apply", "held"})
"""Notes whose figures change all the time: they are logged when they appear and when their sentence changes."""

_GRACE: Final = 5.0
"""Seconds after the drain for closing connections; what hangs longer hangs for ever."""

_log = logging.getLogger(__name__)


def account(journal: Journal) -> str:
    """Summarise what was received, produced, decided and rejected, what waits, and recent latencies."""
    parts = [
        f"received {journal.received.total:,}",
        f"produced {journal.produced.total:,}",
        f"decided {journal.decided.total:,}{_listed(journal.verdicts)}",
        f"dead letters {journal.rejected.total:,}{_listed(journal.reasons)}",
    ]
    if deleted := sum(journal.skipped.values()):
        parts.append(f"deleted by Kafka before they were applied {deleted:,}")
    if passed := sum(journal.passed_over.values()):
        parts.append(f"passed over {passed:,}")
    if journal.lag >= 0:
        parts.append(f"lag {journal.lag:,}")
    if held := sum(one.offsets for one in journal.held.copy().values()):
        parts.append(f"behind an open transaction {held:,}")
    total = journal.latency[Hop.TOTAL].summary()
    if total.measured:
        parts.append(f"MQTT to Strapi p50 {total.p50 * 1000:,.0f} ms p99 {total.p99 * 1000:,.0f} ms")
    return "; ".join(parts)


def moved(journal: Journal) -> tuple[int, ...]:
    """The counts by which to detect activity."""
    return tuple(rate.total for rate in (journal.received, journal.produced, journal.decided, journal.rejected))


def _listed(counts: Mapping[Verdict, int] | Mapping[str, int]) -> str:
    listed = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()) if count)
    return f" ({listed})" if listed else ""


class Exhausted:
    """Detects when the input is exhausted.

    Args:
        settings: which parts the engine has.
        journal: its activity.
        chain: what it has in flight.
    """

    def __init__(self, settings: Settings, journal: Journal, chain: Chain) -> None:
        self._settings = settings
        self._journal = journal
        self._chain = chain
        self._seen: tuple[int, ...] = ()
        self._since = time.monotonic()

    def look(self) -> bool:
        """Return whether all needed servers are up, and nothing moved or waited for two seconds."""
        counts = moved(self._journal)
        up = all(self._journal.connections[server].state is State.UP for server in needed(self._settings))
        waits = self._settings.ingest.enabled and self._chain.ingest.pending > 0
        reads = self._settings.apply.enabled and not self._chain.apply.idle
        held = self._chain.ingest.wrote_behind(self._chain.apply.held)
        if counts != self._seen or not up or waits or reads or held:
            self._seen = counts
            self._since = time.monotonic()
        return time.monotonic() - self._since >= QUIET


def run(settings: Settings, *, once: bool) -> int:
    """Run the engine.

    Args:
        settings: the engine's.
        once: whether to end when the input is exhausted, and to print the account.

    Returns:
        The exit code: 0 when stopped as requested.

    Raises:
        SettingsError: it can't listen on the host in the settings of `watch`.
    """
    # No screen shows the records: they are kept to time movements from hop to hop.
    journal = Journal(_KEPT)
    collect_rarely()
    with asyncio.Runner(loop_factory=loop_factory(settings)) as runner:
        runner.run(_Run(settings, journal, once=once).until_stopped())
    if once:
        print(account(journal))
    return 0


class _Run:
    def __init__(self, settings: Settings, journal: Journal, *, once: bool) -> None:
        self._settings = settings
        self._journal = journal
        self._once = once
        self._chain = self._made()
        self._exhausted = Exhausted(settings, journal, self._chain) if once else None
        self._signals = 0
        self._stopping = False
        self._states: dict[Server, State] = {}
        self._noted: dict[str, str] = {}

    def _made(self) -> Chain:
        # With `--once` it is temporary, and other engines need not wait for it.
        return Chain(self._settings, self._journal, board=False, program="" if self._once else "opsci-bridge")

    async def until_stopped(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_stop, number)
        with contextlib.ExitStack() as stack:
            watch = (
                stack.enter_context(HealthServer(self._settings, self._journal))
                if self._settings.watch.enabled
                else None
            )
            if watch is not None:
                _log.info("health and metrics on %s", watch.url)
            observing = asyncio.create_task(self._observe(watch))
            try:
                await self._chain.run()
                while self._chain.superseded and not self._stopping:
                    # Wait until the engine that took over ends.
                    self._journal.go_on(_KEPT)
                    self._chain = self._made()
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
        # A thread, as the event loop itself may hang, or a library's connection attempt when the interpreter exits.
        deadline = threading.Timer(drain + _GRACE, _give_up)
        deadline.daemon = True
        deadline.start()

    def _stop(self) -> None:
        self._stopping = True
        self._chain.stop()

    async def _observe(self, watch: HealthServer | None) -> None:
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
        """Log when servers come up, and when Strapi goes down, which no request shows until a movement arrives."""
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
            # Counts that keep changing are in the account.
            said = text.sentence if name in _GROWING and isinstance(text, Phrase) else text
            if self._noted.get(name) != said:
                self._noted[name] = said
                _log.warning("%s", text)
        for name in self._noted.keys() - self._journal.notes.keys():
            del self._noted[name]


def _name(number: int) -> str:
    return signal.Signals(number).name


def _give_up() -> None:
    _log.error("not finished in time: what was under way comes again at the next start")
    logging.shutdown()
    os._exit(1)
