"""The frames of a film: a terminal's cells as pixels; only cells that changed are drawn anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tui.recording.colours import PALETTE
from tui.recording.fonts import Fonts
from tui.recording.strokes import draw_stroke
from tui.recording.terminal import Terminal, library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.recording.cast import Cast

__all__ = ["HEIGHT", "WIDTH", "Frames"]

WIDTH: Final = 1280
"""Of a film in pixels."""

HEIGHT: Final = 720
"""Of a film in pixels."""

_NAMED: Final = ("black", "red", "green", "brown", "blue", "magenta", "cyan", "white")
_COLOURS: Final = {
    **dict(zip(_NAMED, PALETTE[:8], strict=True)),
    **{f"bright{name}": colour for name, colour in zip(_NAMED, PALETTE[8:], strict=True)},
    "brightyellow": PALETTE[11],
    "bfightmagenta": PALETTE[13],  # so pyte calls it
}


class _Look(NamedTuple):
    """How a cell is drawn: all that its picture depends on."""

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
        rate: frames a second.

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
        """Each frame as 8-bit RGB, WIDTH times HEIGHT pixels."""
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
        """Write a character in the middle of its cell, smaller where it is wider than that, as some signs are."""
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
    """The events with the time at which they play, pauses cut as a player cuts them."""
    limit = cast.header.idle_time_limit or float("inf")
    at = before = 0.0
    for event in cast.events:
        at += min(event.at - before, limit)
        before = event.at
        yield at, event


def _length(cast: Cast) -> float:
    return max((at for at, _ in _cut_pauses(cast)), default=0.0)
