"""One window at a time drives the chain: a second one would take the MQTT session from the first."""

from __future__ import annotations

import fcntl
import threading
from typing import TYPE_CHECKING, Final

from bridge.embedded import EmbeddedChain
from bridge.phrase import Phrase

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import Settings

__all__ = ["WaitingChain"]

_NOTE: Final = "turn"
_LOOK: Final = 0.2
"""Seconds between two looks whether the other window is gone."""


class WaitingChain(EmbeddedChain):
    """A chain that starts once no other window's runs: the one before a reload drains first.

    Args:
        settings: the engine's.
        turn: the file whose lock says whose turn it is; the kernel lets go of it however a window's process ends.
    """

    def __init__(self, settings: Settings, turn: Path) -> None:
        super().__init__(settings)
        self._turn = turn.open("a")
        self._left = threading.Event()
        self._starting = threading.Lock()

    def start(self) -> None:
        """Start at once, or when the other window is closed."""
        if not self._started():
            self.journal.notes[_NOTE] = Phrase(
                "another window has this chain: this one starts its own when that one is closed and has drained"
            )
            threading.Thread(target=self._wait, name="opsci-turn", daemon=True).start()

    def stop(self, deadline: float | None = None) -> None:
        """Stop it, or wait no longer; the turn is another window's then."""
        with self._starting:
            self._left.set()
        super().stop(deadline)
        self._turn.close()

    def _wait(self) -> None:
        while not self._left.wait(_LOOK):
            if self._started():
                return

    def _started(self) -> bool:
        with self._starting:
            if self._left.is_set():
                return True
            try:
                fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            self.journal.notes.pop(_NOTE, None)
            super().start()
            return True
