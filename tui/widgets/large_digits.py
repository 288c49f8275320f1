"""Numbers in digits five rows high, drawn with the cells' background, so that they look solid in any font. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from tui.format import count

if TYPE_CHECKING:
    from textual.content import Content

__all__ = ["Line", "large"]

Line: TypeAlias = "list[Content | tuple[str, str]]"
"""The parts of a line of the screen, each with its style."""

_DIGITS: Final = {
    "0": ("###", "# #", "# #", "# #", "###"),
    "1": (" # ", "## ", " # ", " # ", "###"),
    "2": ("###", "  #", "###", "#  ", "###"),
    "3": ("###", "  #", "###", "  #", "###"),
    "4": ("# #", "# #", "###", "  #", "  #"),
    "5": ("###", "#  ", "###", "  #", "###"),
    "6": ("###", "#  ", "###", "# #", "###"),
    "7": ("###", "  #", "  #", "  #", "  #"),
    "8": ("###", "# #", "###", "# #", "###"),
    "9": ("###", "# #", "###", "  #", "###"),
    "-": ("   ", "   ", "###", "   ", "   "),
}
"""Five rows of three dots each."""

_ROWS: Final = 5

_DOTS: Final = ((2, 2, 2), (2, 1, 2), (1, 1, 1))
"""How many cells the three dots of a digit are wide, from the largest."""

_UPRIGHT: Final = "1"
"""The digit whose stroke is in the middle, so that its middle dot is never the narrow one."""


def large(number: int | str, room: int, ink: str, scale: int = 1) -> list[Line]:
    """Format a number in large digits.

    Args:
        number: the number, or `-` for an unknown one.
        room: the available cells; the digits are as wide as that allows.
        ink: the colour.
        scale: how many rows each of the five is drawn on.

    Returns:
        The lines of `room` cells with the number centred; in plain digits where there is no room at all.
    """
    room = max(0, room)
    text = str(number)
    for each in _DOTS:
        dots = [scale * cells for cells in each]
        apart = min(dots)
        width = len(text) * (sum(dots) + apart) - apart
        if width <= room:
            break
    else:
        plain = f"{number if isinstance(number, str) else count(number):^{room}}"[:room]
        rows = _ROWS * scale
        return [[(plain if row == rows // 2 else " " * room, f"bold {ink}")] for row in range(rows)]
    left = (room - width) // 2
    lines: list[Line] = []
    for row in range(_ROWS * scale):
        line: Line = [(" " * left, "")]
        for place, digit in enumerate(text):
            widths = sorted(dots) if digit == _UPRIGHT else dots
            line += [
                (" " * cells, f"on {ink}" if one == "#" else "")
                for one, cells in zip(_DIGITS[digit][row // scale], widths, strict=True)
            ]
            if place + 1 < len(text):
                line.append((" " * apart, ""))
        lines.append([*line, (" " * (room - width - left), "")])
    return lines
