"""The colours of a recording: those of the application's theme, and a terminal's 16 numbered ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.color import Color

from tui.recording.cast import Theme

if TYPE_CHECKING:
    from textual.app import App

__all__ = ["PALETTE", "theme_of"]

PALETTE: Final = (
    "#1d1f21",
    "#cc6666",
    "#b5bd68",
    "#f0c674",
    "#81a2be",
    "#b294bb",
    "#8abeb7",
    "#c5c8c6",
    "#666666",
    "#d54e53",
    "#b9ca4a",
    "#e7c547",
    "#7aa6da",
    "#c397d8",
    "#70c0b1",
    "#eaeaea",
)
"""Black, red, green, yellow, blue, magenta, cyan, white, and their bright variants."""


def theme_of(app: App[None]) -> Theme:
    """Return the colours that a player uses where the application sets none."""
    variables = app.theme_variables
    foreground, background = (Color.parse(variables[name]).hex6.lower() for name in ("foreground", "background"))
    return Theme(foreground, background, ":".join(PALETTE))
