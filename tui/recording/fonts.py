"""The fonts of a film: DejaVu Sans Mono, which has nearly every sign of the screen, and DejaVu Sans for the others."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tui.recording.terminal import MissingLibraryError, library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Fonts", "find_font"]

_REGULAR: Final = ("DejaVuSansMono.ttf", "DejaVuSans.ttf")
_BOLD: Final = ("DejaVuSansMono-Bold.ttf", *_REGULAR)
_PACKAGE: Final = "fonts-dejavu-core"
_NOWHERE: Final = "\U0010fffe"
"""A character that no font has: what is drawn for it stands for all that a font lacks."""


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where fonts are, by the XDG base directories."""
    home = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    yield home / "fonts"
    yield Path.home() / ".fonts"
    for folder in (environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        yield Path(folder) / "fonts"
    yield Path("/usr/share/fonts")


def find_font(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Find a font's file by its name.

    Raises:
        MissingLibraryError: there is none, with the command that brings it.
    """
    for folder in _folders(environ):
        found = next(folder.rglob(name), None) if folder.is_dir() else None
        if found is not None:
            return found
    raise MissingLibraryError(f"the font {name} is not there: sudo apt-get install -y {_PACKAGE}")


class Fonts:
    """The fonts in the size that fits a cell.

    Args:
        width: of a cell in pixels.
        height: of a cell in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._draw = library("PIL.ImageFont")
        self.size = self._fitting(width, height)
        self._regular = [self._load(name) for name in _REGULAR]
        self._bold = [self._load(name) for name in _BOLD]
        self._lacking = {id(font): bytes(font.getmask(_NOWHERE)) for font in (*self._regular, *self._bold)}
        ascent, descent = self._regular[0].getmetrics()
        self.baseline: int = (height - ascent - descent) // 2 + ascent
        """Pixels from a cell's top."""

    def having(self, character: str, *, bold: bool) -> Any:
        """The font of Pillow that draws a character; None where none of them has it."""
        for font in self._bold if bold else self._regular:
            if bytes(font.getmask(character)) != self._lacking[id(font)]:
                return font
        return None

    def _fitting(self, width: int, height: int) -> int:
        size = height
        while size > 4:
            font = self._draw.truetype(str(find_font(_REGULAR[0])), size)
            ascent, descent = font.getmetrics()
            if font.getlength("M") <= width + 0.4 and ascent + descent <= height + 1:
                break
            size -= 1
        return size

    def _load(self, name: str) -> Any:
        return self._draw.truetype(str(find_font(name)), self.size)
