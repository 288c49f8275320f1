"""Fields for one line of printable text, and their history."""

from __future__ import annotations

from collections import deque
from typing import Final, Generic, TypeVar

from textual.widgets import Input

from tui.actions import bindings

__all__ = ["History", "PlainInput", "PrintableInput"]

Entry = TypeVar("Entry")

KEPT: Final = 100
"""How many entries are kept."""


class PrintableInput(Input):
    """A field that accepts only printable text, so that pasted text can't control the terminal."""

    def validate_value(self, value: str) -> str:
        """Remove characters that are not printable."""
        return "".join(character for character in value if character.isprintable())


class PlainInput(PrintableInput):
    """A field whose Enter sends the movement."""

    BINDINGS = bindings("movement_field")


class History(Generic[Entry]):
    """The sent entries, the latest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._place = -1

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: Entry) -> None:
        """Add an entry, unless it equals the latest."""
        if not self._entries or self._entries[0] != entry:
            self._entries.appendleft(entry)
        self._place = -1

    def step(self, rows: int) -> Entry | None:
        """Step through the entries.

        Args:
            rows: -1 for an older entry, 1 for a newer one.

        Returns:
            The entry, or the oldest one at the end; None past the latest, where the user's own text was.
        """
        self._place = max(-1, min(self._place - rows, len(self._entries) - 1))
        return self._entries[self._place] if self._place >= 0 else None
