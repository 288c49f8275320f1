"""A lock that lets one window carry the chain; others watch, as a second MQTT session would end the first."""

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
"""Seconds between two attempts to get the lock."""


class WaitingChain(EmbeddedChain):
    """A chain that watches while another window carries, such as the one before a reload, which drains first.

    Args:
        settings: the engine's.
        turn: the lock file; the kernel releases the lock however a window's process ends.
    """

    def __init__(self, settings: Settings, turn: Path) -> None:
        super().__init__(settings, role="auto")
        self._turn = turn.open("a")
        self._left = threading.Event()

    def start(self) -> None:
        """Carry the chain, unless another window or an engine elsewhere does."""
        if not self._locked():
            self._role, self.watches = "watch", True
            self.journal.notes[_NOTE] = Phrase(
                "another window has this chain: this one watches until that one is closed and has drained"
            )
            threading.Thread(target=self._wait, name="opsci-turn", daemon=True).start()
        super().start()

    def stop(self, deadline: float | None = None) -> None:
        """Stop the chain, stop waiting for the lock and release it."""
        self._left.set()
        super().stop(deadline)
        self._turn.close()

    def _wait(self) -> None:
        while not self._left.wait(_LOOK):
            if self._locked():
                self.journal.notes.pop(_NOTE, None)
                self._call(self._take_over_chain)
                return

    def _locked(self) -> bool:
        try:
            fcntl.flock(self._turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, ValueError):
            # The file is closed once this window ends.
            return False
        return True
