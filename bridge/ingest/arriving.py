"""Detection of messages that arrive so slowly that the connection seems idle.

Mosquitto's own websockets listener delivers a large message at about 41 kB/s: a message of 1 MB takes 24 seconds, and
everything the broker has queued behind it waits as long. Over TCP the same message arrives at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.journal import Journal
    from bridge.mqtt.session import Session

__all__ = ["Arriving", "Progress"]

_NOTE: Final = "arriving"
_LOOK: Final = 1.0
_LOOKS: Final = 3
"""How many looks in a row must find an incomplete message before this is reported."""

_SLOW: Final = 250_000
"""Bytes a second below which it is reported; no broker on TCP is that slow."""


class Progress(NamedTuple):
    """The progress of a connection's stream of packets.

    Attributes:
        taken: bytes received in all.
        have: how many of them belong to a packet that is not complete.
        needed: the size of that packet in bytes, 0 where it is not known yet.
    """

    taken: int
    have: int
    needed: int


class Arriving:
    """Checks once a second, and notes in the journal what arrives slowly.

    Args:
        url: the broker's, for the note.
        journal: where the note is set, and removed once messages are complete again.
    """

    def __init__(self, url: str, journal: Journal) -> None:
        self._url = url
        self._journal = journal
        self._seen: deque[Progress] = deque(maxlen=_LOOKS + 1)

    async def watch(self, session: Callable[[], Session | None]) -> None:
        """Check until cancelled.

        Args:
            session: returns the open connection, None while there is none.
        """
        try:
            while True:
                await asyncio.sleep(_LOOK)
                current = session()
                self.look(None if current is None else Progress(*current.progress))
        finally:
            self._journal.notes.pop(_NOTE, None)

    def look(self, progress: Progress | None) -> None:
        """Check once, `_LOOK` seconds after the check before; `progress` is None while there is no connection."""
        if progress is None or (self._seen and progress.taken < self._seen[-1].taken):
            self._seen.clear()
        if progress is not None:
            self._seen.append(progress)
        rate = (self._seen[-1].taken - self._seen[0].taken) / (_LOOK * _LOOKS) if len(self._seen) > _LOOKS else 0.0
        if 0 < rate < _SLOW and all(one.have for one in self._seen):
            self._journal.notes[_NOTE] = self._said(self._seen[-1], rate)
        elif not any(one.have for one in [*self._seen][-2:]):
            self._journal.notes.pop(_NOTE, None)

    def _said(self, progress: Progress, rate: float) -> Phrase:
        values = {
            "url": self._url,
            "rate": f"{rate / 1000:,.0f} kB/s",
            "have": f"{progress.have / 1000:,.0f}",
            "size": f"{max(progress.needed, progress.have) / 1000:,.0f} kB",
        }
        if self._url.startswith("ws"):
            return Phrase(
                "a message arrives from {url} at {rate}, {have} of {size} so far, and everything behind it waits: "
                "brokers are that slow over websockets; their TCP listener (mqtt.url with mqtt:// and its port) is not",
                **values,
            )
        return Phrase(
            "a message arrives from {url} at {rate}, {have} of {size} so far, and everything behind it waits", **values
        )
