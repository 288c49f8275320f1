"""A TOML document by its statements, each with its place in the text: what a change in place has to know."""

from __future__ import annotations

import tomllib
from enum import Enum
from typing import Any, NamedTuple

__all__ = ["Kind", "Statement", "statements_of"]


class Kind(Enum):
    """What a statement is."""

    KEY = "key"
    TABLE = "table"
    """`[name]`"""
    ROW = "row"
    """`[[name]]`"""


class Statement(NamedTuple):
    """A key with its value, or the head of a table.

    Attributes:
        kind: which of them.
        path: its whole name from the top on; the place in the list stands after the name of a list of tables.
        table: the head that it stands under, the same for all keys of one head; () at the top.
        start: where its first line begins.
        end: where the line after it begins.
        value: where the value begins and ends; nothing for a head.
        comments: the comments inside of the value, without their line's end.
    """

    kind: Kind
    path: tuple[str | int, ...]
    table: tuple[str | int, ...]
    start: int
    end: int
    value: tuple[int, int] = (0, 0)
    comments: tuple[str, ...] = ()


def statements_of(text: str) -> list[Statement]:
    """Take a document apart.

    Args:
        text: a document that tomllib reads.

    Returns:
        Its statements in their order; what stands between them are blank lines and comments.
    """
    found: list[Statement] = []
    rows: dict[tuple[str | int, ...], int] = {}
    table: tuple[str | int, ...] = ()
    place = 0
    while place < len(text):
        begin = _after_blanks(text, place)
        if begin >= len(text) or text[begin] in "#\r\n":
            place = _next_line(text, begin)
            continue
        if text[begin] == "[":
            stop = _bracket_end(text, begin)
            is_row = text.startswith("[[", begin)
            names = _names(tomllib.loads(text[begin:stop]))
            table = _resolved(names[:-1], rows)
            if is_row:
                rows[(*table, names[-1])] = rows.get((*table, names[-1]), -1) + 1
            table = _resolved((*table, names[-1]), rows) if is_row else (*table, names[-1])
            end = _next_line(text, stop)
            found.append(Statement(Kind.ROW if is_row else Kind.TABLE, table, table, place, end))
        else:
            equals = _equals(text, begin)
            names = _names(tomllib.loads(f"{text[begin:equals]}= 0"))
            first = _after_blanks(text, equals + 1)
            last, comments = _value_end(text, first)
            end = _next_line(text, last)
            found.append(Statement(Kind.KEY, (*table, *names), table, place, end, (first, last), comments))
        place = end
    return found


def _names(document: dict[str, Any]) -> tuple[str, ...]:
    """The names in a document that has one key."""
    names: list[str] = []
    inner: Any = document
    while isinstance(inner, dict) and inner:
        (name,) = inner
        names.append(name)
        inner = inner[name][0] if isinstance(inner[name], list) else inner[name]
    return tuple(names)


def _resolved(names: tuple[str | int, ...], rows: dict[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """A head's name with the place of the row that it goes into, after each name of a list of tables."""
    path: tuple[str | int, ...] = ()
    for name in names:
        path = (*path, name)
        if path in rows and isinstance(name, str):
            path = (*path, rows[path])
    return path


def _after_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t":
        place += 1
    return place


def _next_line(text: str, place: int) -> int:
    line_end = text.find("\n", place)
    return len(text) if line_end < 0 else line_end + 1


def _bracket_end(text: str, place: int) -> int:
    """Where the head ends that begins here."""
    depth = 0
    while True:
        if text[place] in "\"'":
            place = _string_end(text, place)
            continue
        depth += {"[": 1, "]": -1}.get(text[place], 0)
        place += 1
        if depth == 0:
            return place


def _equals(text: str, place: int) -> int:
    while text[place] != "=":
        place = _string_end(text, place) if text[place] in "\"'" else place + 1
    return place


def _string_end(text: str, place: int) -> int:
    """Where the string ends that begins here (TOML 1.0, "String")."""
    quote = text[place]
    fence = quote * 3
    if not text.startswith(fence, place):
        fence = quote
    place += len(fence)
    while not text.startswith(fence, place):
        place += 2 if text[place] == "\\" and quote == '"' else 1
    place += len(fence)
    if len(fence) == 3:
        # One or two quotes may stand right before the closing ones.
        while text.startswith(quote, place):
            place += 1
    return place


def _value_end(text: str, place: int) -> tuple[int, tuple[str, ...]]:
    """Where the value ends that begins here, and the comments in it."""
    depth, end = 0, place
    comments: list[str] = []
    while place < len(text):
        character = text[place]
        if character in "\"'":
            place = end = _string_end(text, place)
            continue
        if character in "#\r\n" and depth == 0:
            break
        if character == "#":
            line_end = _next_line(text, place)
            comments.append(text[place:line_end].rstrip())
            place = line_end
            continue
        depth += 1 if character in "[{" else -1 if character in "]}" else 0
        place += 1
        if character not in " \t\r\n":
            end = place
    return end, tuple(comments)
