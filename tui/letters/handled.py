"""Which dead letters a person has dealt with: a file of JSON lines that outlives the program."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Final, Literal

import msgspec
import platformdirs

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Handled", "handled_file"]

How = Literal["sent again", "mended", "dropped"]

KEPT: Final = 20_000
"""How many are remembered; the file is cut to the latest half when it has more."""


class _Line(msgspec.Struct, frozen=True):
    movement_id: str
    how: How
    at: float


_decode = msgspec.json.Decoder(_Line).decode


def handled_file() -> Path:
    """Where the user's file stands: in the folder for state, as it is neither a setting nor anyone else's data."""
    return platformdirs.user_state_path("opsci") / "handled-letters.jsonl"


class Handled:
    """The letters that were dealt with, by movement-id.

    Args:
        path: the file; it need not be there. What can't be read in it is passed over.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: dict[str, _Line] = {}
        try:
            written = path.read_bytes().splitlines()
        except OSError:
            written = []
        for text in written:
            try:
                line = _decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            self._lines[line.movement_id] = line

    def __contains__(self, movement_id: str) -> bool:
        return movement_id in self._lines

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, movement_id: str, how: How) -> None:
        """Remember one, first here and then in the file.

        Raises:
            OSError: the file can't be written; until the program ends it is remembered all the same.
        """
        line = _Line(movement_id, how, time.time())
        self._lines[movement_id] = line
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if len(self._lines) > KEPT:
            self._lines = dict(list(self._lines.items())[-KEPT // 2 :])
            fresh = self.path.with_name(f"{self.path.name}.{os.getpid()}")
            fresh.write_bytes(b"".join(msgspec.json.encode(kept) + b"\n" for kept in self._lines.values()))
            fresh.replace(self.path)
        else:
            with self.path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
