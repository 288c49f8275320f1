"""The styles of a pane's rows as they go to the terminal: what Textual does with each line, done once for all lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from tui.verdicts import Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.filter import LineFilter

__all__ = ["RowStyles"]


class RowStyles:
    """Keeps each style that was asked for.

    Args:
        component: gives the style that the stylesheet has for a component class.
    """

    def __init__(self, component: Callable[[str], Style]) -> None:
        self._component = component
        self._filters: Sequence[LineFilter] = ()
        self._background = Color(0, 0, 0)
        self._styles: dict[str, Style] = {}
        self._tones: dict[str, dict[Tone, Style]] = {}

    def filter_by(self, filters: Sequence[LineFilter], background: Color) -> None:
        """Ask the stylesheet again, and filter: for a terminal without colours, or one whose sixteen are not known."""
        self._filters, self._background = filters, background
        self._styles.clear()
        self._tones.clear()

    def of(self, name: str) -> Style:
        """The style of a component class."""
        if name not in self._styles:
            self._styles[name] = self._filtered(self._component(name))
        return self._styles[name]

    def tones_of(self, row: str) -> Mapping[Tone, Style]:
        """The style of each tone in a row: the row's background, and what a cursor adds.

        Args:
            row: the row's component class.

        Returns:
            One object for all tones that look the same.
        """
        if row not in self._tones:
            known: dict[Style, Style] = {}
            whole, tones = self._component(row), {}
            for tone in Tone:
                own = self._component(f"line--{tone}")
                style = self._filtered(whole + Style(color=own.color, bold=own.bold, italic=own.italic))
                tones[tone] = known.setdefault(style, style)
            self._tones[row] = tones
        return self._tones[row]

    def _filtered(self, style: Style) -> Style:
        segments = [Segment(" ", style)]
        for line_filter in self._filters:
            segments = line_filter.apply(segments, self._background)
        return segments[0].style or style
