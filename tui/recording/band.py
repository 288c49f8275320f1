"""The band under the screen of a film: what is told, the chapter, and the keys that were pressed last.

It is not the application's: its rows lie below those that the application has, so that it covers nothing, stays where
windows open, and is the same for a player whatever the application draws.
"""

from __future__ import annotations

import textwrap
from typing import Final

__all__ = ["ROWS", "band", "key_caps"]

ROWS: Final = 4
"""Of the film's rows, below the application's."""

_GROUND: Final = "\x1b[0;48;2;24;38;66m"
_EDGE: Final = "\x1b[38;2;94;160;255m"
_TITLE: Final = "\x1b[1;38;2;140;190;255m"
_TEXT: Final = "\x1b[1;38;2;255;255;255m"
_CAP: Final = "\x1b[0;1;38;2;24;38;66;48;2;255;214;102m"
_MARGIN: Final = 3
_MOST_KEYS: Final = 6

_NAMES: Final = {
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "space": "Space",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "end": "End",
    "home": "Home",
    "delete": "Del",
    "backspace": "⌫",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "slash": "/",
    "question_mark": "?",
}


def key_caps(key: str) -> str:
    """What stands on a key: `Enter` for `enter`, `Ctrl+F` for `ctrl+f`, a character as it is."""
    *held, last = key.split("+") if len(key) > 1 else [key]
    name = _NAMES.get(last, last.upper() if held or len(last) in (2, 3) else last)
    return "+".join([*(part.capitalize() for part in held), name])


def band(width: int, top: int, caption: str, chapter: str, keys: list[str]) -> str:
    """Draw the band.

    Args:
        width: columns.
        top: its first row, counted from 1.
        caption: what is told, wrapped to two lines; more is cut.
        chapter: its title.
        keys: what stands on the keys that were pressed last; the last ones are shown.

    Returns:
        What the terminal is sent.
    """
    lines = textwrap.wrap(caption, width - 2 * _MARGIN, max_lines=2, placeholder=" …")
    shown = keys[-_MOST_KEYS:]
    room = sum(len(key) + 3 for key in shown)
    title = chapter[: max(0, width - 2 * _MARGIN - room)]
    gap = width - _MARGIN - len(title) - room - 2
    caps = "".join(f"{_CAP} {key} {_GROUND} " for key in shown)
    rows = [
        f"{_TITLE}{title}{_GROUND}{' ' * gap}{caps}  ",
        *(f"{_TEXT}{line:<{width - _MARGIN}}" for line in [*lines, "", ""][:2]),
        " " * (width - _MARGIN),
    ]
    return "".join(
        f"\x1b[{top + number};1H{_GROUND}{_EDGE}▌{_GROUND}{' ' * (_MARGIN - 1)}{row}\x1b[0m"
        for number, row in enumerate(rows)
    )
