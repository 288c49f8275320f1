"""Which columns a table shows in a width, how wide each is, and how a cell's text is made to fit."""

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
"""The rank from which a column is an extra for wide panes."""


class Cell(NamedTuple):
    """A printable text and its tone, with a shorter text for where it does not fit.

    Attributes:
        text: what it says.
        tone: its colour.
        short: what it says where it has no room.
        number: the number that it says, which is never cut; None where it is a text.
        needs: how many cells a column should have for it; 0 for as many as its text has.
        tail: a word at the right end of the cell, which is never cut where the text is.
        tail_tone: its colour.
        whole: whether its shorter text stands for it wherever it has no room, as it is not to be cut.
    """

    text: str
    tone: Tone = Tone.PLAIN
    short: str = ""
    number: int | None = None
    needs: int = 0
    tail: str = ""
    tail_tone: Tone = Tone.PLAIN
    whole: bool = False


def fit(cell: Cell, width: int, align: Literal["left", "right"]) -> str:
    """Cut or pad a cell's text to a width in terminal cells.

    What does not fit becomes its shorter text, or, where that would leave much of the room empty, is cut with a `…`. A
    number is written shorter and never cut, as what is left of it would be another number; `…` alone stands for it
    where there is no room at all.
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
        id: what it is called in the code; one that takes its place as `clock` or `ago` has the same.
        title: what stands above it, in English; it is said when it is drawn.
        least: the width in cells below which it is left out.
        wish: the width that it gets before a column of a much higher rank is shown at all.
        most: the width in cells beyond which it takes no more.
        rank: 0 is shown first; a column of a higher rank is left out earlier, from EXTRA on it is shown where the
            others have the width that they wish.
        cell: what stands in it for an item, at a moment in seconds since the epoch.
        align: numbers stand right.
        short_title: what stands above it where the title has no room, in English.
        clock: the column in its place where moments are said as the time of day; None where it does not change.
        ago: the column in its place where moments are said as how long ago they are; None where it does not change.
        grows: the width in cells to which its least grows with what stands in it, as numbers are not cut; 0 where it
            does not.
        sorts_by: what of an item is compared where the table is sorted by this column; None where it can't be.
        largest_first: whether the largest is what one looks for: then it stands on top at first.
        full: the width at which what stands in it is rarely cut: the extras wait until it has that.
        arrow: the sign of the order that the table is sorted in, where it is by this column.
    """

    id: str
    title: str
    least: int
    wish: int
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
        """What stands above it, in the person's language."""
        title = say(self.title)
        if not self.arrow:
            return Cell(title, Tone.PLAIN, say(self.short_title))
        return Cell(title + self.arrow, Tone.PLAIN, (say(self.short_title) or title)[: self.least - 1] + self.arrow)

    def grown(self, need: int) -> Column[Item]:
        """The column where something so wide stands in it."""
        if not self.grows or need <= self.least:
            return self
        least = max(self.least, min(need, self.grows))
        return replace(self, least=least, wish=max(self.wish, least), most=max(self.most, need))


class Layout(NamedTuple, Generic[Item]):
    """The columns that fit, in the order in which they stand, with a cell between each two.

    Attributes:
        columns: those that fit.
        widths: the width of each in cells.
        hidden: the ids of those that do not fit, but for the extras.
    """

    columns: tuple[Column[Item], ...]
    widths: tuple[int, ...]
    hidden: tuple[str, ...]


def lay_out(columns: Sequence[Column[Item]], width: int) -> Layout[Item]:
    """Choose columns for a width.

    Args:
        columns: all of them, in the order in which they stand; the one of the lowest rank is always shown.
        width: cells there are.

    Returns:
        The columns that fit at their least width by rank, the room that is left dealt out by rank too. Where some do
        not fit, the last cell stays free for the sign that says so.
    """
    layout = _lay_out(columns, width)
    return _lay_out(columns, width - 1) if layout.hidden else layout


def _lay_out(columns: Sequence[Column[Item]], width: int) -> Layout[Item]:
    by_rank = sorted(range(len(columns)), key=lambda place: columns[place].rank)
    core = [place for place in by_rank if columns[place].rank < EXTRA]
    extras = [place for place in by_rank if columns[place].rank >= EXTRA]
    widths: dict[int, int] = {}
    room = _admit(columns, core, widths, width + 1)
    room = _grow(widths, {place: columns[place].wish for place in core}, room)
    room = _grow(widths, {place: max(columns[place].wish, columns[place].full) for place in core}, room)
    room = _admit(columns, extras, widths, room)
    room = _grow(widths, {place: columns[place].wish for place in extras}, room)
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
