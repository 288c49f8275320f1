"""The screen in its container, in a user's terminal: its colours, size and keys, and a picture of it."""

from __future__ import annotations

import io
import os
import re
import time
from itertools import groupby
from typing import TYPE_CHECKING, Final

import pyte
from rich.console import Console
from rich.style import Style
from rich.text import Text

from tests.bench.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from pyte.screens import Char

    from tests.containers.project import Project

__all__ = ["check_screen", "picture"]

_COLUMNS: Final = 132
_ROWS: Final = 36
_STARTS: Final = 90.0
_ANSWERS: Final = 30.0
_LOOK: Final = 0.2
_STILL: Final = 2.0
_NAMES: Final = {"brown": "yellow", "default": "default"}
_FONT_FACES: Final = re.compile(r"@font-face \{.*?\}\s*", re.S)


class _Seen:
    """A terminal and the content of its cells."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self.cells = pyte.Screen(_COLUMNS, _ROWS)
        self._stream = pyte.ByteStream(self.cells)
        self._read = 0
        terminal.record()

    def look(self) -> str:
        """Process new output; return all rows as text."""
        painted = self._terminal.recorded
        for one in painted[self._read :]:
            self._stream.feed(one.data)
        self._read = len(painted)
        return "\n".join(self.cells.display)

    def wait_for(self, text: str, seconds: float) -> None:
        """Wait until the terminal shows a text."""
        until = time.monotonic() + seconds
        while text not in self.look():
            assert self._terminal.process.poll() is None, f"the screen ended: {self.look().strip()[-600:]}"
            assert time.monotonic() < until, f"{text!r} was not shown in {seconds:.0f} s: {self.look().strip()[-600:]}"
            time.sleep(_LOOK)

    def wait_still(self) -> None:
        """Wait until nothing was painted for a moment."""
        before = -1
        while before != self._read:
            before = self._read
            time.sleep(_STILL)
            self.look()


def check_screen(project: Project, product: str, target: Path | None = None) -> str:
    """Open the screen by `docker compose run --rm tui`, and take a picture of it.

    Args:
        project: the running one.
        product: the name of a product, which must be shown.
        target: the SVG file for the picture.

    Returns:
        What was seen.

    Raises:
        AssertionError: its colours, its size or its keys are wrong.
    """
    environment = {**os.environ, **project.environment}
    with Terminal(project.words("run", "--rm", "--no-deps", "tui"), _COLUMNS, _ROWS, environ=environment) as terminal:
        seen = _Seen(terminal)
        seen.wait_for(product, _STARTS)
        seen.wait_still()
        widest = max(len(row.rstrip()) for row in seen.cells.display)
        assert widest > _COLUMNS - 4, f"it is {widest} columns wide in a terminal of {_COLUMNS}"
        colours = {cell.fg for row in seen.cells.buffer.values() for cell in row.values()}
        exact = {colour for colour in colours if re.fullmatch(r"[0-9a-f]{6}", colour)}
        assert len(exact) > 3, f"its colours are {sorted(colours)}"
        if target is not None:
            target.write_text(picture(seen.cells))
        before = seen.look()
        terminal.type("?")
        deadline = time.monotonic() + _ANSWERS
        while seen.look() == before:
            assert time.monotonic() < deadline, "it does not answer to the key ?"
            time.sleep(_LOOK)
    return f"{widest} columns, {len(exact)} colours, and it answers to keys"


def picture(cells: pyte.Screen) -> str:
    """The content of a terminal as SVG."""
    console = Console(
        record=True, width=cells.columns, file=io.StringIO(), force_terminal=True, color_system="truecolor"
    )
    for row in range(cells.lines):
        line = Text(end="\n", no_wrap=True)
        # One piece for cells that look alike; the right half of a wide character holds nothing.
        for style, piece in groupby((cells.buffer[row][column] for column in range(cells.columns)), _style):
            line.append("".join(cell.data for cell in piece), style)
        console.print(line, overflow="crop")
    # A picture in a page loads no fonts from elsewhere.
    return _FONT_FACES.sub("", console.export_svg(title="docker compose run --rm tui"))


def _style(cell: Char) -> Style:
    return Style(color=_colour(cell.fg), bgcolor=_colour(cell.bg), bold=cell.bold, reverse=cell.reverse)


def _colour(name: str) -> str:
    if re.fullmatch(r"[0-9a-fA-F]{6}", name):
        return f"#{name}"
    name = _NAMES.get(name, name)
    return f"bright_{name.removeprefix('bright')}" if name.startswith("bright") else name
