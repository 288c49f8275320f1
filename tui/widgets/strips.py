"""The rows of a table as strips: the cells of a record in its columns, each in the style of its tone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from tui.outcome import Tone
from tui.widgets.column_layout import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from textual.filter import LineFilter

    from tui.widgets.column_layout import Layout

__all__ = ["MARK", "PaintedRow", "RowStyles", "header_line", "marked_line", "record_line"]


Item = TypeVar("Item")

_BESIDE_TAIL: Final = 6
"""The least cells of a text beside the word at the end of its cell; below that, the word is dropped."""

MARK: Final = "◀"
"""The sign at the end of a marked record."""


_OWN_GROUND: Final = frozenset({Tone.FRESH_IN, Tone.FRESH_OUT})


class PaintedRow(Strip):
    """A line of the terminal in two parts: the visible one, and the one under a scrollbar.

    Textual's own strip would be divided again for each line, and one that is not divided stores itself as its only
    part: at 5,000 messages a second, some thousand such cycles a second are the most that the cyclic garbage collector
    finds, which stops the program meanwhile.

    Args:
        shown: the line.
        hidden: its continuation under the scrollbar.
    """

    __slots__ = ("_parts",)

    def __init__(self, shown: Strip, hidden: Strip) -> None:
        super().__init__([*shown, *hidden], shown.cell_length + hidden.cell_length)
        self._parts = [shown, hidden]

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        """Divide it; see `Strip.divide`."""
        found = list(cuts)
        if found == [self.cell_length]:
            return [self]
        if found == [self._parts[0].cell_length, self.cell_length]:
            return self._parts
        return super().divide(found)


def record_line(layout: Layout[Item], item: Item, now: float, *, tones: Mapping[Tone, Style], width: int) -> Strip:
    """Draw one record.

    Args:
        layout: the columns.
        item: the record.
        now: seconds since the epoch, for ages.
        tones: the style of each tone in this row; tones that share one object share segments.
        width: the cells to fill.
    """
    # The compositor's cost is per segment: a gap belongs to the cell after it, and neighbours of one style are merged.
    segments: list[Segment] = []
    text, style, used = "", tones[Tone.PLAIN], 0
    for column, columns_width in zip(layout.columns, layout.widths, strict=True):
        cell = column.cell(item, now)
        if cell.parts:
            if used:
                segments.append(Segment(f"{text} ", style))
            segments += [Segment(part, tones[tone]) for part, tone in cell.parts]
            text, style = " " * (columns_width - cell_len(cell.text)), tones[Tone.PLAIN]
            used += columns_width + bool(used)
            continue
        cell_style = tones[cell.tone]
        if cell_style is not style and text:
            segments.append(Segment(text, style))
            text = ""
        style = cell_style
        tail = f" {cell.tail}" if cell.tail and cell_len(cell.tail) + _BESIDE_TAIL <= columns_width else ""
        text += (" " if used else "") + fit(cell, columns_width - cell_len(tail), column.align)
        if tail:
            segments.append(Segment(text, style))
            text, style = tail, tones[cell.tail_tone]
        used += columns_width + bool(used)
    segments.append(Segment(text + " " * (width - used), style))
    return Strip(segments, width)


def header_line(layout: Layout[Item], style: Style, width: int) -> Strip:
    """Draw the titles of the columns; a `…` at the right says that some have no room."""
    text = " ".join(
        fit(column.heading(), columns_width, column.align)
        for column, columns_width in zip(layout.columns, layout.widths, strict=True)
    )
    text += " " * (width - cell_len(text))
    if layout.hidden and width:
        text = text[:-1] + "…"
    return Strip([Segment(text, style)], width)


def marked_line(strip: Strip, mark: Style) -> Strip:
    """Underline a record, with a sign at its end."""
    width = strip.cell_length
    if not width:
        return strip
    kept = strip.crop(0, width - 1).apply_style(Style(underline=True))
    return Strip([*kept, Segment(MARK, mark)], width)


class RowStyles:
    """A cache of styles.

    Args:
        component: returns the stylesheet's style of a component class.
    """

    def __init__(self, component: Callable[[str], Style]) -> None:
        self._component = component
        self._filters: Sequence[LineFilter] = ()
        self._background = Color(0, 0, 0)
        self._styles: dict[str, Style] = {}
        self._tones: dict[str, dict[Tone, Style]] = {}

    def filter_by(self, filters: Sequence[LineFilter], background: Color) -> None:
        """Reload the stylesheet's styles, and filter them for a terminal without colours or with 16 unknown ones."""
        self._filters, self._background = filters, background
        self._styles.clear()
        self._tones.clear()

    def of(self, name: str) -> Style:
        """The style of a component class."""
        if name not in self._styles:
            self._styles[name] = self._filtered(self._component(name))
        return self._styles[name]

    def tones_of(self, row: str) -> Mapping[Tone, Style]:
        """The style of each tone in a row: with the row's background, and the cursor's attributes.

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
                # Only fresh changes have a background of their own, and only in rows without one.
                ground = own.bgcolor if tone in _OWN_GROUND and row == "line--blank" else None
                style = self._filtered(whole + Style(color=own.color, bgcolor=ground, bold=own.bold, italic=own.italic))
                tones[tone] = known.setdefault(style, style)
            self._tones[row] = tones
        return self._tones[row]

    def _filtered(self, style: Style) -> Style:
        segments = [Segment(" ", style)]
        for line_filter in self._filters:
            segments = line_filter.apply(segments, self._background)
        return segments[0].style or style
