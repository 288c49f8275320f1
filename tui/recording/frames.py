"""The frames of a film: a terminal's cells as pixels; only cells that changed are redrawn."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tui.recording.colours import PALETTE
from tui.recording.terminal import MissingLibraryError, Terminal, library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tui.recording.cast import Cast

__all__ = ["HEIGHT", "WIDTH", "Fonts", "Frames", "draw_stroke", "find_font"]


_LINES: Final[Mapping[str, tuple[str, int]]] = {
    "─": ("lr", 1),
    "━": ("lr", 3),
    "│": ("ud", 1),
    "┃": ("ud", 3),
    "┌": ("rd", 1),
    "┐": ("ld", 1),
    "└": ("ru", 1),
    "┘": ("lu", 1),
    "├": ("urd", 1),
    "┤": ("uld", 1),
    "┬": ("lrd", 1),
    "┴": ("lru", 1),
    "┼": ("lrud", 1),
    "┏": ("rd", 3),
    "┓": ("ld", 3),
    "┗": ("ru", 3),
    "┛": ("lu", 3),
}
"""The directions in which a line leaves the centre, and its width in pixels."""

_CORNERS: Final[Mapping[str, tuple[int, int, int]]] = {
    "╭": (1, 1, 180),
    "╮": (-1, 1, 270),
    "╯": (-1, -1, 0),
    "╰": (1, -1, 90),
}
"""The direction of the arc's centre from the cell's centre, and the arc's start angle."""

_LOWER: Final = "▁▂▃▄▅▆▇█"
_LEFT: Final = "▏▎▍▌▋▊▉█"

_REGULAR: Final = ("DejaVuSansMono.ttf", "DejaVuSans.ttf")

_BOLD: Final = ("DejaVuSansMono-Bold.ttf", *_REGULAR)

_PACKAGE: Final = "fonts-dejavu-core"

_NOWHERE: Final = "\U0010fffe"
"""A character that no font has; its glyph reveals which characters a font lacks."""

WIDTH: Final = 1280
"""Width of a film in pixels."""

HEIGHT: Final = 720
"""Height of a film in pixels."""

_NAMED: Final = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")

_COLOURS: Final = {
    **dict(zip(_NAMED, PALETTE[:8], strict=True)),
    **{f"bright{name}": colour for name, colour in zip(_NAMED, PALETTE[8:], strict=True)},
    "brightyellow": PALETTE[11],
    "bfightmagenta": PALETTE[13],  # so pyte calls it
}


def draw_stroke(draw: Any, character: str, width: int, height: int, colour: str) -> bool:
    """Draw a line or block character over a cell.

    Args:
        draw: Pillow's drawing context, for one cell.
        character: the character.
        width: of the cell in pixels.
        height: of the cell in pixels.
        colour: `#rrggbb`.

    Returns:
        Whether it was such a character; else nothing is drawn.
    """
    box = _block(character, width, height)
    if box is not None:
        draw.rectangle(box, fill=colour)
        return True
    x, y = width // 2, height // 2
    if character in _LINES:
        ways, weight = _LINES[character]
        half = weight // 2
        for way in ways:
            across, along = (x - half, x + half), (y - half, y + half)
            draw.rectangle(
                {
                    "l": (0, along[0], across[1], along[1]),
                    "r": (across[0], along[0], width - 1, along[1]),
                    "u": (across[0], 0, across[1], along[1]),
                    "d": (across[0], along[0], across[1], height - 1),
                }[way],
                fill=colour,
            )
        return True
    if character in _CORNERS:
        right, down, start = _CORNERS[character]
        radius = min(width - 1 - x, x) if right > 0 else x
        cx, cy = x + right * radius, y + down * radius
        draw.arc((cx - radius, cy - radius, cx + radius, cy + radius), start, start + 90, fill=colour)
        draw.line((cx, y, width - 1 if right > 0 else 0, y), fill=colour)
        draw.line((x, cy, x, height - 1 if down > 0 else 0), fill=colour)
        return True
    return False


def _block(character: str, width: int, height: int) -> tuple[int, int, int, int] | None:
    if character in _LOWER:
        return 0, height - round(height * (_LOWER.index(character) + 1) / 8), width - 1, height - 1
    if character in _LEFT:
        return 0, 0, max(0, round(width * (_LEFT.index(character) + 1) / 8) - 1), height - 1
    return {
        "▀": (0, 0, width - 1, height // 2 - 1),
        "▔": (0, 0, width - 1, max(1, height // 8) - 1),
        "▐": (width // 2, 0, width - 1, height - 1),
        "▕": (width - max(1, width // 8), 0, width - 1, height - 1),
    }.get(character)


def _folders(environ: Mapping[str, str]) -> Iterator[Path]:
    """Yield the font folders according to the XDG base directories."""
    home = Path(environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    yield home / "fonts"
    yield Path.home() / ".fonts"
    for folder in (environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share").split(":"):
        yield Path(folder) / "fonts"
    yield Path("/usr/share/fonts")


def find_font(name: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Find a font's file by its name.

    Raises:
        MissingLibraryError: there is none; the message has the command that installs it.
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
        """Pixels from the top of a cell."""

    def having(self, character: str, *, bold: bool) -> Any:
        """Return the Pillow font that has a character; None if no font has it."""
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


class _Look(NamedTuple):
    """The appearance of a cell: everything that its picture depends on."""

    character: str
    ink: str
    ground: str
    bold: bool
    underlined: bool
    struck: bool


class Frames:
    """Plays a cast and draws its screen.

    Args:
        cast: the recording.
        rate: frames per second.

    Attributes:
        lacking: characters that no font has, so far.

    Raises:
        MissingLibraryError: a library or a font is missing.
    """

    def __init__(self, cast: Cast, rate: int) -> None:
        self._images = library("PIL.Image")
        self._drawing = library("PIL.ImageDraw")
        self._cast = cast
        self._rate = rate
        self.lacking: set[str] = set()
        theme = cast.header.theme
        self._ink, self._ground = (theme.fg, theme.bg) if theme else ("#d0d0d0", "#121212")
        self._cells: dict[_Look, Any] = {}
        self._shape(cast.header.width, cast.header.height)

    def __len__(self) -> int:
        return max(1, int(_length(self._cast) * self._rate))

    def __iter__(self) -> Iterator[bytes]:
        """Yield each frame as 8-bit RGB, WIDTH times HEIGHT pixels."""
        terminal = Terminal(self._cast.header.width, self._cast.header.height)
        events = iter(_cut_pauses(self._cast))
        at, event = next(events, (0.0, None))
        pixels = b""
        for number in range(len(self)):
            moment = (number + 1) / self._rate
            while event is not None and at <= moment:
                terminal.play(event)
                if event.code == "r":
                    self._shape(*terminal.size)
                at, event = next(events, (at, None))
            if self._draw(terminal) or not pixels:
                pixels = self._image.tobytes()
            yield pixels

    def _shape(self, columns: int, rows: int) -> None:
        self._width, self._height = max(4, WIDTH // columns), max(8, HEIGHT // rows)
        self._left = max(0, (WIDTH - columns * self._width) // 2)
        self._top = max(0, (HEIGHT - rows * self._height) // 2)
        self._image = self._images.new("RGB", (WIDTH, HEIGHT), self._ground)
        self._shown: dict[tuple[int, int], _Look] = {}
        self._cells.clear()
        self._fonts = Fonts(self._width, self._height)

    def _draw(self, terminal: Terminal) -> bool:
        changed = False
        for number, row in terminal.changed_rows():
            top = self._top + number * self._height
            for column, cell in enumerate(row):
                look = self._look(cell)
                if self._shown.get((number, column)) != look:
                    self._shown[number, column] = look
                    self._image.paste(self._cell(look), (self._left + column * self._width, top))
                    changed = True
        return changed

    def _look(self, cell: Any) -> _Look:
        ink = _colour(cell.fg, self._ink)
        ground = _colour(cell.bg, self._ground)
        if cell.reverse:
            ink, ground = ground, ink
        return _Look(cell.data, ink, ground, cell.bold, cell.underscore, cell.strikethrough)

    def _cell(self, look: _Look) -> Any:
        cell = self._cells.get(look)
        if cell is None:
            cell = self._cells[look] = self._picture(look)
        return cell

    def _picture(self, look: _Look) -> Any:
        width, height = self._width, self._height
        picture = self._images.new("RGB", (width, height), look.ground)
        draw = self._drawing.Draw(picture)
        character = look.character
        if character.strip() and not draw_stroke(draw, character, width, height, look.ink):
            font = self._fonts.having(character, bold=look.bold)
            if font is None:
                self.lacking.add(character)
                draw.rectangle((1, 3, width - 2, height - 4), outline=look.ink)
            else:
                self._write(draw, font, look)
        if look.underlined:
            draw.line((0, self._fonts.baseline + 2, width, self._fonts.baseline + 2), fill=look.ink)
        if look.struck:
            draw.line((0, height // 2, width, height // 2), fill=look.ink)
        return picture

    def _write(self, draw: Any, font: Any, look: _Look) -> None:
        """Draw a character centred in its cell, in a smaller size if it is wider than the cell."""
        while True:
            start, _, end, _ = font.getbbox(look.character, anchor="ls")
            if end - start <= self._width or font.size <= self._width // 2:
                break
            font = font.font_variant(size=font.size - 1)
        left = (self._width - font.getlength(look.character)) / 2
        left = max(-start, min(left, self._width - end))
        draw.text((left, self._fonts.baseline), look.character, fill=look.ink, font=font, anchor="ls")


def _colour(name: str, otherwise: str) -> str:
    if name == "default":
        return otherwise
    return _COLOURS.get(name) or f"#{name}"


def _cut_pauses(cast: Cast) -> Iterator[tuple[float, Any]]:
    """Yield the events with their playing times, with pauses cut as players do."""
    limit = cast.header.idle_time_limit or float("inf")
    at = before = 0.0
    for event in cast.events:
        at += min(event.at - before, limit)
        before = event.at
        yield at, event


def _length(cast: Cast) -> float:
    return max((at for at, _ in _cut_pauses(cast)), default=0.0)
