"""The rows of a CSV file as messages, as the course's own producers make them, and the order of sending them. Pure."""

from __future__ import annotations

import asyncio
import csv
import heapq
import re
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bridge.errors import OpsciError
from bridge.route import RouteKind
from bridge.strapi.content import CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BadRow", "Layout", "Row", "RowOrder", "UnknownFileError", "read_rows", "recognise"]

_DELIMITERS: Final = ",;\t|"

_KINDS: Final = (
    (RouteKind.MOVEMENT, ("id", "amount", "type")),
    *((does, kind.columns) for does, kind in CONTENT.items()),
)

_NUMBERS: Final = frozenset({"id", "amount", "stock_available"})

_WHOLE: Final = re.compile(r"0|-?[1-9][0-9]{0,14}", re.ASCII)
"""What is written as a JSON number: with a leading zero it is a barcode, and more digits would lose precision."""


class RowOrder:
    """Decides which row may be sent now.

    Until one row succeeds, and again after one fails, only the lowest waiting line is tried: a broker that is away or
    has no subscriber accepts none, and if each row were retried at its own time, they would arrive in any order. When
    it succeeds, the others follow in the order of their lines. Rows in flight at the time of the failure were sent
    already; the broker determines their order.
    """

    def __init__(self) -> None:
        self._open = False
        self._tried: int | None = None
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    async def turn(self, line: int) -> None:
        """Wait until a row may be sent; report the result by `passed` or `failed`.

        Args:
            line: the row's line, unique, from 1.
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
        """Note a success: the others may be sent too, unless this row was in flight when the tried one failed."""
        if self._tried in {None, line}:
            self._open = True
            self._tried = None
            self._release()

    def failed(self, line: int) -> bool:
        """Note a failure; the row will wait for its turn again.

        Returns:
            Whether it is the row that is tried alone, and must pause before its next turn.
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
            # Tasks resume in the order in which their futures are set (asyncio's `call_soon`).
            turn.set_result(None)


class UnknownFileError(OpsciError):
    """The header is not one that `send` knows; the text says what was found and which are known."""


class Layout(NamedTuple):
    """The format of a file, from its header.

    Attributes:
        does: what its rows are.
        delimiter: between two cells.
        columns: the names in the header, in order.
    """

    does: RouteKind
    delimiter: str
    columns: tuple[str, ...]


class Row(NamedTuple):
    """A row and its first line, from 1."""

    line: int
    payload: bytes


class BadRow(NamedTuple):
    """A row that is not a message, its first line, and the reason."""

    line: int
    why: str


def recognise(header: str) -> Layout:
    """Recognise a file by its first line.

    Args:
        header: the line, with or without its end.

    Returns:
        The format of the file.

    Raises:
        UnknownFileError: it lacks columns of every known format.
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
    """Parse the rows below the header; contents are not checked, only the number of cells.

    Args:
        layout: from the header.
        lines: the file's lines after the first, with bytes that are not UTF-8 as lone surrogates.
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
