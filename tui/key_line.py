"""What the line of keys says: each key with what it does, those of a group together, as far as there is room. Pure."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from textual.content import Content

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["CUT", "KeyLine", "KeyShown", "key_line"]

CUT = "…"
"""What stands at the end of a line that has no room for all keys."""

_RIGHT = "▏"


class KeyShown(NamedTuple):
    """A key.

    Attributes:
        key: as Textual names it.
        display: as a person reads it.
        does: in a word; what the group does where it is in one.
        tooltip: in a sentence.
        enabled: whether it does that now.
        group: the same text for keys whose displays stand together before one `does`; empty where it is in none.
    """

    key: str
    display: str
    does: str
    tooltip: str
    enabled: bool = True
    group: str = ""


class KeyLine(NamedTuple):
    """A line.

    Attributes:
        content: what is drawn.
        places: for each key from the left, from which cell on it stands, to before which, and the key.
    """

    content: Content
    places: tuple[tuple[int, int, KeyShown], ...]

    def at(self, x: int) -> KeyShown | None:
        """The key that stands in a cell."""
        return next((key for start, end, key in self.places if start <= x < end), None)


def key_line(keys: Sequence[KeyShown], last: KeyShown | None, width: int, styles: tuple[str, str]) -> KeyLine:
    """Lay a line out.

    Args:
        keys: in order.
        last: one that stands at the right end; None for none.
        width: the cells that there are.
        styles: those of a key and of what it does.
    """
    right: list[tuple[str, str, KeyShown | None]] = []
    if last is not None:
        right = [(_RIGHT, styles[1], None), *_pieces([last], last.does, styles)]
    room = width - sum(cell_len(text) for text, _, _ in right)
    pieces: list[tuple[str, str, KeyShown | None]] = []
    used = 0
    for _, group in groupby(enumerate(keys), lambda place: place[1].group or place[0]):
        members = [key for _, key in group]
        more = _pieces(members, members[0].group or members[0].does, styles)
        size = sum(cell_len(text) for text, _, _ in more)
        if used + size > room:
            pieces, used = _cut(pieces, room, styles[1])
            break
        pieces += more
        used += size
    pieces.append((" " * max(0, room - used), styles[1], None))
    return _laid_out([*pieces, *right])


def _pieces(members: Sequence[KeyShown], does: str, styles: tuple[str, str]) -> list[tuple[str, str, KeyShown | None]]:
    dim = "" if all(member.enabled for member in members) else " dim"
    keys: list[tuple[str, str, KeyShown | None]] = [(key.display, styles[0] + dim, key) for key in members]
    return [*keys, (f" {does}", styles[1] + dim, members[-1]), (" ", styles[1], None)]


def _cut(
    pieces: list[tuple[str, str, KeyShown | None]], room: int, style: str
) -> tuple[list[tuple[str, str, KeyShown | None]], int]:
    used = sum(cell_len(text) for text, _, _ in pieces)
    while pieces and used + cell_len(CUT) > room:
        used -= cell_len(pieces.pop()[0])
    fill = max(0, room - used - cell_len(CUT))
    return [*pieces, (" " * fill, style, None), (CUT, style, None)], used + fill + cell_len(CUT)


def _laid_out(pieces: Sequence[tuple[str, str, KeyShown | None]]) -> KeyLine:
    places, x = [], 0
    for text, _, key in pieces:
        size = cell_len(text)
        if key is not None:
            places.append((x, x + size, key))
        x += size
    return KeyLine(Content.assemble(*((text, style) for text, style, _ in pieces)), tuple(places))
