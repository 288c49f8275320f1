"""All pictures of the screen, for a person to look at: `.venv/bin/python -m tests.tui.matrix FOLDER [KIND ...]`.

Five sizes, three views, two themes and two languages of each kind; of what has a window of its own, without the views.
Writes one PNG for each picture, and one sheet for each kind, theme and language with those of all sizes and views.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image

from tests.tui.kinds import drawn, lines_of, opened
from tui.language import LANGUAGES, speak
from tui.theme import OWN_THEMES

if TYPE_CHECKING:
    from collections.abc import Iterable

SIZES: Final = ((200, 60), (120, 40), (80, 24), (60, 15), (50, 12))
"""Columns and rows; the last is smaller than the screen needs."""

VIEWS: Final = {"panes": (), "movements": ("v",), "stage": ("v", "v")}
"""The keys that show each view."""

WINDOWS: Final = {"refused": ("d",), "product": ("3", "g", "down", "enter")}
"""The keys that open what has a window of its own."""

CONTENTS: Final = {"empty": "empty", "live": "live", "down": "down", "refused": "live", "product": "live"}
"""The kinds of pictures, with what of `tests.tui.kinds.KINDS` is in them."""

_GAP: Final = 10


async def take(folder: Path, kind: str, theme: str, language: str) -> None:
    """Take the pictures of a kind in a theme and the process's language, and their sheet."""
    shown = {"": WINDOWS[kind]} if kind in WINDOWS else VIEWS
    taken = []
    for (columns, rows), (view, keys) in product(SIZES, shown.items()):
        # A view that was chosen before is not for this picture.
        os.environ["XDG_STATE_HOME"] = tempfile.mkdtemp(dir=os.environ["OPSCI_MATRIX_STATE"])
        async with opened(CONTENTS[kind], (columns, rows), theme) as pilot:
            await pilot.press(*keys)
            await pilot.pause(0.3)
            picture = drawn(lines_of(pilot.app))
        name = "-".join(part for part in (kind, view, f"{columns}x{rows}", theme, language) if part)
        picture.save(folder / f"{name}.png")
        taken.append(picture)
    sheet([taken[at : at + len(shown)] for at in range(0, len(taken), len(shown))]).save(
        folder / f"sheet-{kind}-{theme}-{language}.png"
    )


def sheet(rows: Iterable[list[Image.Image]]) -> Image.Image:
    """Put pictures side by side, row below row."""
    placed, y, width = [], 0, 0
    for row in rows:
        x = 0
        for picture in row:
            placed.append((picture, (x, y)))
            x += picture.width + _GAP
        width, y = max(width, x), y + max(picture.height for picture in row) + _GAP
    whole = Image.new("RGB", (width, y), "#808080")
    for picture, place in placed:
        whole.paste(picture, place)
    return whole


def main() -> None:
    """Take all pictures, each theme and language in a process of its own."""
    folder, kinds = Path(sys.argv[1]), sys.argv[2:]
    folder.mkdir(parents=True, exist_ok=True)
    if "OPSCI_MATRIX_STATE" in os.environ:
        theme, language, kind = kinds
        speak(language)
        asyncio.run(take(folder, kind, theme, language))
        return
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "OPSCI_MATRIX_STATE": state}
        for kind, theme, language in product(kinds or CONTENTS, (theme.name for theme in OWN_THEMES), LANGUAGES):
            command = [sys.executable, "-m", "tests.tui.matrix", str(folder), theme, language, kind]
            subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    main()
