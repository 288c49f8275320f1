"""The screens at three sizes, kept as text: `python -m tests.tui.snapshot` retakes them.

They are taken from a stepped film, with its own clock and a staged chain, so each process gives the same text. With a
width and a height it prints those of one size as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

from bridge.runtime import collect_rarely
from tests.tui.looking import SIZES
from tui.recording.cast import MARKER
from tui.recording.film import Script, Size, film_stepped
from tui.recording.terminal import Terminal
from tui.recording.tour import Player

FOLDER: Final = Path(__file__).parent / "snapshots"
BAND: Final = 100 - Player.rows(100)
"""The rows under the screen in which a film has its captions."""


def take(size: tuple[int, int]) -> dict[str, str]:
    """Film the tour in a size, and return the screen's text at each of its marks, by the mark's name."""
    width, height = size
    cast = film_stepped(Script(FOLDER / "tour.py", "en", Size(width, height + BAND))).cast
    terminal = Terminal(width, height + BAND)
    taken: dict[str, str] = {}
    for event in cast.events:
        terminal.play(event)
        if event.code == MARKER:
            rows = terminal.text.splitlines()[:height]
            taken[event.data] = "\n".join(row.rstrip() for row in rows) + "\n"
    return taken


def file_of(name: str, size: tuple[int, int]) -> Path:
    """The file of a snapshot."""
    return FOLDER / f"{name}-{size[0]}x{size[1]}.txt"


def main() -> None:
    """Retake all snapshots, or print those of a size."""
    collect_rarely()
    if sys.argv[1:]:
        width, height = map(int, sys.argv[1:])
        json.dump(take((width, height)), sys.stdout)
        return
    for old in FOLDER.glob("*.txt"):
        old.unlink()
    for size in SIZES:
        for name, text in take(size).items():
            file_of(name, size).write_text(text)


if __name__ == "__main__":
    main()
