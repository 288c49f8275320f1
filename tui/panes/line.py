"""Lines of a pane as strips: the cells of a record set into its columns, each in its tone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.strip import Strip

from tui.panes.cells import Cell, fit
from tui.verdicts import Tone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.style import Style

    from tui.panes.columns import Layout

__all__ = ["header_line", "record_line"]

Item = TypeVar("Item")


def record_line(
    layout: Layout[Item], item: Item, now: float, *, tones: Mapping[Tone, Style], width: int, row: Style
) -> Strip:
    """Draw one record.

    Args:
        layout: the columns.
        item: the record.
        now: seconds since the epoch, for what is said as an age.
        tones: the style of each tone, without a background.
        width: the cells to fill.
        row: the style of the whole row: its background, and what a cursor adds.
    """
    segments = []
    used = 0
    for column, columns_width in zip(layout.columns, layout.widths, strict=True):
        if used:
            segments.append(Segment(" ", row))
            used += 1
        cell = column.cell(item, now)
        segments.append(Segment(fit(cell, columns_width, column.align), row + tones[cell.tone]))
        used += columns_width
    segments.append(Segment(" " * (width - used), row))
    return Strip(segments, width)


def header_line(layout: Layout[Item], style: Style, width: int) -> Strip:
    """Draw the titles of the columns; a `…` at the right says that some have no room."""
    text = " ".join(
        fit(Cell(column.title, Tone.PLAIN, column.short_title), columns_width, column.align)
        for column, columns_width in zip(layout.columns, layout.widths, strict=True)
    )
    text += " " * (width - cell_len(text))
    if layout.hidden and width:
        text = text[:-1] + "…"
    return Strip([Segment(text, style)], width)
