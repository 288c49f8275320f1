"""Which columns a pane shows in a width, and how wide each is: the important ones first, the rest as there is room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, Literal, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tui.panes.cells import Cell

__all__ = ["EXTRA", "Column", "Layout", "lay_out"]

Item = TypeVar("Item")

EXTRA: Final = 10
"""The rank from which a column is an extra for wide panes."""


@dataclass(frozen=True)
class Column(Generic[Item]):
    """One column of a pane.

    Attributes:
        title: what stands above it.
        least: the width in cells below which it is left out.
        wish: the width that it gets before a column of a much higher rank is shown at all.
        most: the width in cells beyond which it takes no more.
        rank: 0 is shown first; a column of a higher rank is left out earlier, from EXTRA on it is shown where the
            others have the width that they wish.
        cell: what stands in it for an item, at a moment in seconds since the epoch.
        align: numbers stand right.
        short_title: what stands above it where the title has no room.
        clock: the column in its place where moments are said as the time of day; None where it does not change.
        ago: the column in its place where moments are said as how long ago they are; None where it does not change.
    """

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


class Layout(NamedTuple, Generic[Item]):
    """The columns that fit, in the order in which they stand, with a cell between each two.

    Attributes:
        columns: those that fit.
        widths: the width of each in cells.
        hidden: the titles of those that do not fit.
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
    room = _admit(columns, extras, widths, room)
    room = _grow(widths, {place: columns[place].wish for place in extras}, room)
    _grow(widths, {place: columns[place].most for place in by_rank}, room)
    shown = sorted(widths)
    return Layout(
        tuple(columns[place] for place in shown),
        tuple(widths[place] for place in shown),
        tuple(column.title for place, column in enumerate(columns) if place not in widths),
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
