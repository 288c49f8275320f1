"""What was typed and sent before, walked through with up and down as in a shell."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

__all__ = ["History"]

Entry = TypeVar("Entry")

KEPT: Final = 100
"""How many entries are kept."""


class History(Generic[Entry]):
    """The entries that were sent, the latest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._place = -1

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Note what was sent; the same one twice in a row counts once."""
        if not self._entries or self._entries[0] != entry:
            self._entries.appendleft(entry)
        self._place = -1

    def step(self, rows: int) -> Entry | None:
        """Walk.

        Args:
            rows: -1 for the entry before, 1 for the one after.

        Returns:
            The entry there, the oldest one at the end; None past the latest, where the person's own text stood.
        """
        self._place = max(-1, min(self._place - rows, len(self._entries) - 1))
        return self._entries[self._place] if self._place >= 0 else None
