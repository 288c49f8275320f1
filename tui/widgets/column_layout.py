"""Which columns a table shows at a width, how wide each is, and how a cell's text is fitted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar

from rich.cells import cell_len, set_cell_size

from tui.format import shorter
from tui.language import say
from tui.outcome import Tone

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["EXTRA", "Cell", "Column", "Layout", "fit", "lay_out"]


Item = TypeVar("Item")

EXTRA: Final = 10
"""From this rank on, a column is an extra for wide panes."""


class Cell(NamedTuple):
    """A printable text and its tone, with a shorter text for where it does not fit.

    Attributes:
        text: the text.
        tone: its colour.
        short: the text where there is no room for it.
        number: the number in the text, which is never cut; None for other texts.
        needs: how many cells a column should have for it; 0 for as many as its text has.
        tail: a word at the right end of the cell, which is not cut when the text is.
        tail_tone: its colour.
        whole: whether to use the shorter text wherever there is no room, as the text must not be cut.
        parts: the whole text in parts with a tone each, for a text that needs several; its column has room for it.
    """

    text: str
    tone: Tone = Tone.PLAIN
    short: str = ""
    number: int | None = None
    needs: int = 0
    tail: str = ""
    tail_tone: Tone = Tone.PLAIN
    whole: bool = False
    parts: tuple[tuple[str, Tone], ...] = ()


def fit(cell: Cell, width: int, align: Literal["left", "right"]) -> str:
    """Cut or pad a cell's text to a width in terminal cells.

    A text that does not fit is replaced by its shorter text or, if that would leave much of the room empty, cut with a
    `…`. A number is abbreviated and never cut, as the rest would be another number; without room it is replaced by `…`.
    """
    text = cell.text
    length = cell_len(text)
    if length > width and cell.number is not None:
        forms = (*filter(None, (cell.short,)), *shorter(text, cell.number))
        text = next((form for form in forms if len(form) <= width), "…")
        length = len(text)
    if length > width and cell.short and (cell.whole or width - cell_len(cell.short) < 5):
        text = cell.short
        length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


@dataclass(frozen=True)
class Column(Generic[Item]):
    """One column of a pane.

    Attributes:
        id: its name in the code; its replacements in `clock` and `ago` have the same.
        title: its heading, in English; it is translated when drawn.
        least: the width in cells below which it is left out.
        preferred: the width that it gets before a column of a much higher rank is shown at all.
        most: the largest width in cells.
        rank: 0 is shown first; columns of higher rank are left out first, and those from EXTRA on are shown once the
            others have their `preferred`.
        cell: returns its cell for an item, at a time in seconds since the epoch.
        align: numbers are right-aligned.
        short_title: the heading where there is no room for the title, in English.
        clock: its replacement where times are shown as the time of day; None for no replacement.
        ago: its replacement where times are shown as ages; None for no replacement.
        grows: the width in cells up to which `least` grows with the content, as numbers are not cut; 0 for no growth.
        sorts_by: returns the value to sort by; None if the table can't be sorted by this column.
        largest_first: whether sorting begins with the largest value on top.
        full: the width at which its content is rarely cut; it gets that before the extras are shown.
        arrow: the arrow in the heading, if the table is sorted by this column.
    """

    id: str
    title: str
    least: int
    preferred: int
    most: int
    rank: int
    cell: Callable[[Item, float], Cell]
    align: Literal["left", "right"] = "left"
    short_title: str = ""
    clock: Column[Item] | None = None
    ago: Column[Item] | None = None
    grows: int = 0
    sorts_by: Callable[[Item], int | float | str] | None = None
    largest_first: bool = False
    full: int = 0
    arrow: str = ""

    def heading(self) -> Cell:
        """The heading in the user's language."""
        title = say(self.title)
        if not self.arrow:
            return Cell(title, Tone.PLAIN, say(self.short_title))
        return Cell(title + self.arrow, Tone.PLAIN, (say(self.short_title) or title)[: self.least - 1] + self.arrow)

    def grown(self, need: int) -> Column[Item]:
        """Return the column for content of this width."""
        if not self.grows or need <= self.least:
            return self
        least = max(self.least, min(need, self.grows))
        return replace(self, least=least, preferred=max(self.preferred, least), most=max(self.most, need))


class Layout(NamedTuple, Generic[Item]):
    """The columns that fit, in their order, separated by one cell each.

    Attributes:
        columns: those that fit.
        widths: the width of each in cells.
        hidden: the ids of those that do not fit, except for the extras.
    """

    columns: tuple[Column[Item], ...]
    widths: tuple[int, ...]
    hidden: tuple[str, ...]


def lay_out(columns: Sequence[Column[Item]], width: int) -> Layout[Item]:
    """Choose the columns for a width.

    Args:
        columns: all of them, in their order; the one of the lowest rank is always shown.
        width: the available cells.

    Returns:
        The columns that fit at their least width by rank, with the remaining room distributed by rank too. If some do
        not fit, the last cell is left free for the sign that says so.
    """
    layout = _lay_out(columns, width)
    return _lay_out(columns, width - 1) if layout.hidden else layout


def _lay_out(columns: Sequence[Column[Item]], width: int) -> Layout[Item]:
    by_rank = sorted(range(len(columns)), key=lambda place: columns[place].rank)
    core = [place for place in by_rank if columns[place].rank < EXTRA]
    extras = [place for place in by_rank if columns[place].rank >= EXTRA]
    widths: dict[int, int] = {}
    room = _admit(columns, core, widths, width + 1)
    room = _grow(widths, {place: columns[place].preferred for place in core}, room)
    room = _grow(widths, {place: max(columns[place].preferred, columns[place].full) for place in core}, room)
    room = _admit(columns, extras, widths, room)
    room = _grow(widths, {place: columns[place].preferred for place in extras}, room)
    _grow(widths, {place: columns[place].most for place in by_rank}, room)
    shown = sorted(widths)
    return Layout(
        tuple(columns[place] for place in shown),
        tuple(widths[place] for place in shown),
        tuple(columns[place].id for place in core if place not in widths),
    )


def _admit(columns: Sequence[Column[Item]], places: Sequence[int], widths: dict[int, int], room: int) -> int:
    for place in places:
        least = columns[place].least
        if least + 1 > room and widths:
            break
        widths[place] = max(1, min(least, room - 1))
        room -= least + 1
    return room


def _grow(widths: dict[int, int], limits: dict[int, int], room: int) -> int:
    for place, limit in limits.items():
        if place in widths and room > 0:
            more = max(0, min(room, limit - widths[place]))
            widths[place] += more
            room -= more
    return room
