"""When a run with `--once` is at its end: nothing comes, nothing waits, and the consumer has read everything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from bridge.command.account import moved
from bridge.command.watch import needed
from bridge.journal import State

if TYPE_CHECKING:
    from bridge.chain import Chain
    from bridge.journal import Journal
    from bridge.settings import Settings

__all__ = ["QUIET", "Exhausted"]

QUIET: Final = 2.0
"""Seconds in which nothing may happen: a broker hands out what it kept within moments of a connection."""


class Exhausted:
    """Looks whether the input is exhausted.

    Args:
        settings: which parts the engine has.
        journal: what it did.
        chain: what it has in hand.
    """

    def __init__(self, settings: Settings, journal: Journal, chain: Chain) -> None:
        self._settings = settings
        self._journal = journal
        self._chain = chain
        self._seen: tuple[int, ...] = ()
        self._since = time.monotonic()

    def look(self) -> bool:
        """Whether all needed servers are up and for two seconds nothing moved or waited."""
        counts = moved(self._journal)
        up = all(self._journal.connections[server].state is State.UP for server in needed(self._settings))
        waits = self._settings.ingest.enabled and self._chain.ingest.pending > 0
        reads = self._settings.apply.enabled and not self._chain.apply.idle
        if counts != self._seen or not up or waits or reads:
            self._seen = counts
            self._since = time.monotonic()
        return time.monotonic() - self._since >= QUIET
