"""Lines and blocks drawn to a cell's very edges, so that borders join whatever the font leaves between its lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["draw_stroke"]

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
"""The ways that a line leaves the middle, and its width in pixels."""

_CORNERS: Final[Mapping[str, tuple[int, int, int]]] = {
    "╭": (1, 1, 180),
    "╮": (-1, 1, 270),
    "╯": (-1, -1, 0),
    "╰": (1, -1, 90),
}
"""Where the centre of the arc lies from the middle, and the angle at which it begins."""

_LOWER: Final = "▁▂▃▄▅▆▇█"
_LEFT: Final = "▏▎▍▌▋▊▉█"


def draw_stroke(draw: Any, character: str, width: int, height: int, colour: str) -> bool:
    """Draw a line or a block over a cell.

    Args:
        draw: Pillow's, on a cell alone.
        character: what to draw.
        width: of the cell in pixels.
        height: of the cell in pixels.
        colour: `#rrggbb`.

    Returns:
        Whether it was one; else nothing is drawn.
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
