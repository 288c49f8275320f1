"""In-place changes of single settings in the text of a settings file; everything else is preserved."""

from __future__ import annotations

import copy
import re
import tomllib
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

import tomli_w

from bridge.errors import SettingsError
from bridge.phrase import Phrase
from bridge.settings.names import SETTINGS
from bridge.settings.sources import SourcedValue
from bridge.settings.types import TABLES, check_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tomlkit import TOMLDocument

__all__ = ["as_toml", "rewritten", "without"]


KeyPath = tuple[str | int, ...]

_WIDTH: Final = 100

_EMPTY: Final[dict[str, object]] = {"routes": [], "screen.presets": [], "screen.keys": {}}

_COMMENT: Final = re.compile(
    r'''"""(?:[^\\]|\\.)*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:[^"\\]|\\.)*"|\'[^\']*\'|(?P<comment>\#[^\n]*)''', re.DOTALL
)
"""Matches a string, or a comment, in the text of a value."""


class _Line(NamedTuple):
    """A key with its value, or the head of a table, in the document.

    Attributes:
        path: its full name; in a list of tables, with the index after the list's name.
        table: the path of the head above it, the same for all keys under one head; () at the top.
        is_head: whether it is `[name]` or `[[name]]`.
        item: the value, or the table.
        entries: the entries of the table that contains it; for a head, those below it.
        place: the index of its line among them; -1 for a head, which is above the first.
        holder: the entries that contain the value itself: for a dotted key, those of the innermost table.
        slot: the index of the value among those.
    """

    path: KeyPath
    table: KeyPath
    is_head: bool
    item: Any
    entries: list[Any]
    place: int
    holder: list[Any]
    slot: int


def _leaf(entries: list[Any], place: int) -> tuple[tuple[str, ...], list[Any], int]:
    """The names in one line, and where its value is: `a.b = 1` is a table `a` that contains `b`."""
    from tomlkit.items import Table  # noqa: PLC0415 - see _parsed

    key, item = entries[place]
    if not (key.is_dotted() and isinstance(item, Table)):
        return (key.key,), entries, place
    inner = item.value.body
    names, holder, slot = _leaf(inner, next(number for number, (name, _) in enumerate(inner) if name is not None))
    return (key.key, *names), holder, slot


def _parsed(text: str) -> TOMLDocument:
    """Parse a document for changes in place.

    Raises:
        ValueError: tomlkit can't parse it, or would not write it back unchanged.
    """
    # Imported here: it takes as long as all other settings code, and is needed for changes only.
    import tomlkit  # noqa: PLC0415
    from tomlkit.exceptions import TOMLKitError  # noqa: PLC0415

    try:
        document = tomlkit.parse(text)
    except TOMLKitError as error:
        raise ValueError(str(error)) from None
    # tomlkit repeats the quoting of a table's first head in all its heads; nothing else may differ.
    lines, again = text.split("\n"), document.as_string().split("\n")
    if len(lines) != len(again) or any(
        one != other and not one.lstrip().startswith("[") for one, other in zip(lines, again, strict=True)
    ):
        raise ValueError("tomlkit would write it in another way")
    return document


def _lines(document: TOMLDocument) -> list[_Line]:
    """Every key and every head in the order of the text; blank lines and comments are skipped."""
    from tomlkit.items import AoT, Table  # noqa: PLC0415 - see _parsed

    found: list[_Line] = []
    rows: dict[KeyPath, int] = {}

    def walk(entries: list[Any], path: KeyPath, table: KeyPath) -> None:
        for place, (key, _) in enumerate(entries):
            if key is None:
                continue
            names, holder, slot = _leaf(entries, place)
            item, here = holder[slot][1], (*path, *names)
            if isinstance(item, AoT):
                for row in item.body:
                    rows[here] = rows.get(here, -1) + 1
                    head = (*here, rows[here])
                    found.append(_Line(head, head, True, row, row.value.body, -1, [], 0))
                    walk(row.value.body, head, head)
            elif isinstance(item, Table):
                if not item.is_super_table():
                    found.append(_Line(here, here, True, item, item.value.body, -1, [], 0))
                walk(item.value.body, here, here)
            else:
                found.append(_Line(here, table, False, item, entries, place, holder, slot))

    walk(document.body, (), ())
    return found


def rewritten(text: str, key: str, value: object) -> str:
    """Change a setting.

    An existing key is changed in place. A missing key is added at the end of its table, a missing table at the end of
    the text. Comments are preserved; those inside a replaced value move above it.

    Args:
        text: a settings file that can be loaded; may be empty.
        key: the setting's dotted name.
        value: for `as_toml`.

    Returns:
        The text, with only this setting changed.

    Raises:
        SettingsError: the text is written in a way that can't be changed like this.
    """
    setting = SETTINGS[key]
    path = (setting.section, setting.name) if setting.section else (setting.name,)
    _, wanted = _split({setting.section: {setting.name: value}} if setting.section else {setting.name: value}, key)
    old_rest, old = _split(tomllib.loads(text), key)
    if old == wanted:
        return text
    try:
        new = _put(text, path, value)
        new_rest, found = _split(tomllib.loads(new), key)
    except ValueError:
        raise _refused(key) from None
    if found != wanted or old_rest != new_rest:
        raise _refused(key)
    return new


def without(text: str, key: str) -> str:
    """Remove a setting, so that a lower layer or the default counts.

    Args:
        text: a settings file that can be loaded.
        key: the setting's dotted name.

    Returns:
        The text without its lines; comments above them are preserved.

    Raises:
        SettingsError: the text is written in a way that can't be changed like this.
    """
    setting = SETTINGS[key]
    path: KeyPath = (setting.section, setting.name) if setting.section else (setting.name,)
    old_rest, _ = _split(tomllib.loads(text), key)
    try:
        new = _taken_out(text, path)
        found = tomllib.loads(new)
    except ValueError:
        raise _refused(key) from None
    inside = found.get(setting.section, {}) if setting.section else found
    if new == text or setting.name in inside or old_rest != _split(found, key)[0]:
        raise _refused(key)
    return new


def _taken_out(text: str, path: KeyPath) -> str:
    document = _parsed(text)
    around = _around(_lines(document), path)
    if around is None or around.path == path:
        return _removed(text, path)
    table = copy.deepcopy(_at(tomllib.loads(text), around.path))
    table.pop(path[-1], None)
    return _replaced(document, around, table)


def _refused(key: str) -> SettingsError:
    return SettingsError(
        Phrase("open the file and edit {key} there: it is written in a way that only a person can change", key=key)
    )


def as_toml(value: object) -> str:
    """Format a value for TOML: a list of tables with one row per line, everything else on one line.

    Args:
        value: a text, a number, a boolean, a list or a table.
    """
    if isinstance(value, dict):
        inner = ", ".join(f"{_name(name)} = {as_toml(one)}" for name, one in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        parts = [as_toml(one) for one in value]
        line = f"[{', '.join(parts)}]"
        if len(line) <= _WIDTH and not (len(value) > 1 and isinstance(value[0], dict)):
            return line
        return "\n".join(["[", *(f"    {part}," for part in parts), "]"])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return tomli_w.dumps({"v": value}).removeprefix("v = ").rstrip("\n")


def _name(name: str) -> str:
    return tomli_w.dumps({name: 0}).removesuffix(" = 0\n")


def _put(text: str, path: KeyPath, value: object) -> str:
    """Set the value at a path, changing as few lines as possible."""
    document = _parsed(text)
    lines = _lines(document)
    if around := _around(lines, path):
        if around.path == path:
            return _replaced(document, around, value)
        table = copy.deepcopy(_at(tomllib.loads(text), around.path))
        inner = table
        for name in path[len(around.path) : -1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
        return _replaced(document, around, table)
    inside = [one for one in lines if one.path[: len(path)] == path]
    if inside and isinstance(value, list):
        return _put_rows(text, path, value)
    if inside and isinstance(value, dict):
        return _put_keys(text, path, value)
    return _inserted(text, path, value)


def _put_rows(text: str, path: KeyPath, rows: Sequence[dict[str, object]]) -> str:
    """Change a list that is written as [[tables]]."""
    old = _at(tomllib.loads(text), path)
    if len(old) > len(rows):
        gone = next((number for number, row in enumerate(old) if row not in rows), len(old) - 1)
        text = _removed(text, (*path, gone))
        return _put_rows(text, path, rows) if len(old) > 1 else text
    for number, row in enumerate(rows[: len(old)]):
        for name in old[number].keys() - row.keys():
            text = _removed(text, (*path, number, name))
        for name, value in row.items():
            if old[number].get(name) != value:
                text = _put(text, (*path, number, name), value)
    for row in rows[len(old) :]:
        document = _parsed(text)
        last = [one for one in _lines(document) if one.path[: len(path)] == path][-1]
        written = [f"{_name(name)} = {as_toml(value)}" for name, value in row.items()]
        text = _with_lines(document, last, ["", f"[[{_dotted(path)}]]", *written])
    return text


def _put_keys(text: str, path: KeyPath, table: dict[str, object]) -> str:
    """Change a table whose keys have their own lines; `a.b` without quotes is the key "a.b"."""
    inside = [one for one in _lines(_parsed(text)) if one.path[: len(path)] == path and not one.is_head]
    written = {".".join(map(str, one.path[len(path) :])): one.path for one in inside}
    old = tomllib.loads(text)
    for name, place in written.items():
        if name not in table:
            text = _removed(text, place)
        elif _at(old, place) != table[name]:
            text = _put(text, place, table[name])
    for name in [name for name in table if name not in written]:
        text = _inserted(text, (*path, name), table[name])
    return text


def _inserted(text: str, path: KeyPath, value: object) -> str:
    """Add a key at the end of its table, or with a new table at the end of the text."""
    document = _parsed(text)
    lines = _lines(document)
    parent = path[:-1]
    line = f"{_dotted(path[-1:])} = {as_toml(value)}"
    own = [one for one in lines if one.table == parent]
    if own and (not parent or own[0].is_head):
        return _with_lines(document, own[-1], [line])
    if parent and (
        dotted := [one for one in lines if one.path[: len(parent)] == parent and one.table == parent[: len(one.table)]]
    ):
        last = dotted[-1]
        return _with_lines(document, last, [f"{_dotted(path[len(last.table) :])} = {as_toml(value)}"])
    if not parent and lines:
        return _at_place(document, document.body, _above_first_head(document), [line, ""])
    added = [line] if not parent else [*([""] if text.strip() else []), f"[{_dotted(parent)}]", line]
    newline = _newline(text)
    ended = text if text.endswith("\n") or not text else f"{text}{newline}"
    return ended + "".join(f"{one}\n" for one in added).replace("\n", newline)


def _replaced(document: TOMLDocument, line: _Line, value: object) -> str:
    """Replace the value in a line; comments inside the old value move above it."""
    newline = _newline(document.as_string())
    _, new = _parsed(f"v = {as_toml(value)}".replace("\n", newline)).body[0]
    old = line.item
    new.trivia.indent, new.trivia.trail = old.trivia.indent, old.trivia.trail
    new.trivia.comment_ws, new.trivia.comment = old.trivia.comment_ws, old.trivia.comment
    key, _ = line.holder[line.slot]
    line.holder[line.slot] = (key, new)
    _put_comments_above(line, newline)
    return document.as_string()


def _removed(text: str, path: KeyPath) -> str:
    """Remove the lines of a key, a row or a table; comments between them and in their values are preserved."""
    document, newline, mark = _parsed(text), _newline(text), uuid4().hex
    gone = [one for one in _lines(document) if one.path[: len(path)] == path]
    if not gone:
        return text
    for line in reversed(gone):
        if line.is_head:
            line.item.trivia.comment_ws, line.item.trivia.comment = " ", f"# {mark}"
        else:
            key, _ = line.holder[line.slot]
            line.holder[line.slot] = (key, _parsed(f"v = '{mark}'{newline}").body[0][1])
            _put_comments_above(line, newline)
    return re.sub(rf"(?m)^.*{mark}.*\n?", "", document.as_string())


def _put_comments_above(line: _Line, newline: str) -> None:
    """Move the comments inside a line's old value above it."""
    comments = [one["comment"] for one in _COMMENT.finditer(line.item.as_string()) if one["comment"]]
    above = "".join(f"{comment.rstrip()}{newline}" for comment in comments)
    line.entries[line.place : line.place] = _parsed(above).body


def _with_lines(document: TOMLDocument, last: _Line, lines: Sequence[str]) -> str:
    """Insert lines after one."""
    if not last.item.trivia.trail.endswith("\n"):
        last.item.trivia.trail += _newline(document.as_string())
    return _at_place(document, last.entries, last.place + 1, lines)


def _at_place(document: TOMLDocument, entries: list[Any], place: int, lines: Sequence[str]) -> str:
    """Insert lines at an index among the entries of a table."""
    newline, mark = _newline(document.as_string()), f"# {uuid4().hex}\n"
    entries.insert(place, _parsed(mark).body[0])
    return document.as_string().replace(mark, "".join(f"{line}\n" for line in lines).replace("\n", newline))


def _above_first_head(document: TOMLDocument) -> int:
    """The index, among the entries at the top, of the comment directly above the first head."""
    from tomlkit.items import Comment  # noqa: PLC0415 - see _parsed

    place = next(number for number, (key, _) in enumerate(document.body) if key is not None)
    while place and isinstance(document.body[place - 1][1], Comment):
        place -= 1
    return place


def _around(lines: Sequence[_Line], path: KeyPath) -> _Line | None:
    """The line with a key, or with the inline table that contains it."""
    return next((one for one in lines if not one.is_head and one.path == path[: len(one.path)]), None)


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _dotted(names: KeyPath) -> str:
    return ".".join(_name(str(name)) for name in names)


def _at(document: Any, path: KeyPath) -> Any:
    for name in path:
        document = document[name]
    return document


def _split(document: dict[str, Any], key: str) -> tuple[dict[str, Any], object]:
    """Split a document into everything else and one setting, in a comparable form."""
    setting, rest = SETTINGS[key], copy.deepcopy(document)
    value = (rest.get(setting.section, {}) if setting.section else rest).pop(setting.name, None)
    if setting.section and not rest.get(setting.section):
        rest.pop(setting.section, None)
    if key in TABLES:
        value, problems = check_table(SourcedValue(key, _EMPTY[key] if value is None else value, key))
        value = problems or value
    return rest, value
