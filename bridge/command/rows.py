"""The rows of a CSV file as the messages that the course's own producers make of them. Pure but for reading lines."""

from __future__ import annotations

import asyncio
import csv
import heapq
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bridge.errors import OpsciError
from bridge.route import Does
from bridge.strapi.content import CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BadRow", "Layout", "Row", "RowOrder", "UnknownFileError", "read_rows", "recognise"]

_DELIMITERS: Final = ",;\t|"

_KINDS: Final = (
    (Does.MOVEMENT, ("id", "amount", "type")),
    *((does, kind.columns) for does, kind in CONTENT.items()),
)

_NUMBERS: Final = frozenset({"id", "amount", "stock_available"})

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,14}", re.ASCII)
"""What is written as a JSON number: a leading zero makes a barcode of it, and more digits a JSON reader would lose."""


class RowOrder:
    """Decides which row may be sent now.

    Until one row has got through, and again after one has not, the lowest line that waits is tried alone: a broker
    without a subscriber, or away, takes none, and rows that were tried again each at a time of its own would arrive in
    any order. When it gets through, the others follow in the order of their lines.

    What was under way when the first of them failed was sent already; its order is the broker's.
    """

    def __init__(self) -> None:
        self._open = False
        self._tried: int | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def turn(self, line: int) -> None:
        """Wait until a row may be sent; that it is ends with `passed` or `failed`.

        Args:
            line: the row's, different from each other's, 1 or above.
        """
        if self._open:
            return
        if self._tried == line:
            self._tried = None
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (line, turn))
        self._release()
        await turn

    def passed(self, line: int) -> None:
        """A row got through: so do the others, unless it was under way already when the one that is tried failed."""
        if self._tried in {None, line}:
            self._open = True
            self._tried = None
            self._release()

    def failed(self, line: int) -> bool:
        """A row did not get through, and will ask for its turn again.

        Returns:
            Whether it is the one that is tried, and is to pause before it asks.
        """
        self._open = False
        if self._tried is None:
            self._tried = line
        return self._tried == line

    def _release(self) -> None:
        while self._waiting and (self._open or self._tried is None):
            line, turn = heapq.heappop(self._waiting)
            if not self._open:
                self._tried = line
            # Tasks go on in the order in which what they wait for is set (asyncio's `call_soon`).
            turn.set_result(None)


class UnknownFileError(OpsciError):
    """The header is none that `send` knows; the text says what was found and which it knows."""


class Layout(NamedTuple):
    """What a file is by its header.

    Attributes:
        does: what its rows are: movements, products or events.
        delimiter: what stands between two cells.
        columns: the names in the header, in order.
    """

    does: Does
    delimiter: str
    columns: tuple[str, ...]


class Row(NamedTuple):
    """A row and the line that it begins in, from 1 on."""

    line: int
    payload: bytes


class BadRow(NamedTuple):
    """A row that is no message, the line that it begins in, and why."""

    line: int
    why: str


def recognise(header: str) -> Layout:
    """Recognise a file by its first line.

    Args:
        header: the line, with or without its end.

    Returns:
        What the rows are and how they are written.

    Raises:
        UnknownFileError: it has not the columns of any.
    """
    for delimiter in _DELIMITERS:
        columns = tuple(name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), []))
        for does, needed in _KINDS:
            if set(needed) <= set(columns) and len(set(columns)) == len(columns):
                return Layout(does, delimiter, columns)
    known = "; ".join(f"{', '.join(needed)} ({does.value}s)" for does, needed in _KINDS)
    msg = f"line 1: {header.strip()[:80]!r} is no header that is known: {known}"
    raise UnknownFileError(msg)


def read_rows(layout: Layout, lines: Iterable[str]) -> Iterator[Row | BadRow]:
    """Read the rows below the header; what they say is not judged, only that each has its cells.

    Args:
        layout: from the header.
        lines: the file's lines after the first; what was no UTF-8 in them stands there as lone surrogates.
    """
    reader = csv.reader(lines, delimiter=layout.delimiter)
    while True:
        line = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(line, f"it is no CSV: {error}")
            continue
        if cells:
            yield _row(layout, line, cells)


def _row(layout: Layout, line: int, cells: list[str]) -> Row | BadRow:
    if len(cells) != len(layout.columns):
        return BadRow(line, f"it has {len(cells)} cells; the header has {len(layout.columns)}")
    message = {name: _value(name, cell) for name, cell in zip(layout.columns, cells, strict=True) if name}
    try:
        return Row(line, msgspec.json.encode(message))
    except UnicodeEncodeError:
        return BadRow(line, "it is not UTF-8")


def _value(name: str, cell: str) -> int | str:
    return int(cell) if name in _NUMBERS and _WHOLE.fullmatch(cell) else cell
