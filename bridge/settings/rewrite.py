"""Changing one setting in a settings file's text: its line in place, and everything else as the person wrote it."""

from __future__ import annotations

import copy
import tomllib
from typing import TYPE_CHECKING, Any, Final

import tomli_w

from bridge.errors import SettingsError
from bridge.settings.document import Kind, Statement, statements_of
from bridge.settings.given import Given
from bridge.settings.names import SETTINGS
from bridge.settings.tables import TABLES, check_table

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["as_toml", "rewritten"]

Path = tuple[str | int, ...]

_WIDTH: Final = 100

_EMPTY: Final[dict[str, object]] = {"routes": [], "screen.presets": [], "screen.keys": {}}


def rewritten(text: str, key: str, value: object) -> str:
    """Change a setting.

    The line of a key that is there is changed in place. A missing key goes to the end of its table, a missing table to
    the end of the text. Comments stay; those inside of a value that is replaced come to stand above it.

    Args:
        text: a settings file that can be loaded; may be empty.
        key: the setting's dotted name.
        value: as TOML has it: see `as_toml`.

    Returns:
        The text, in which exactly this setting is another one.

    Raises:
        SettingsError: the text is written in a way that can't be changed so; nothing else is lost by it.
    """
    setting = SETTINGS[key]
    path = (setting.section, setting.name) if setting.section else (setting.name,)
    _, wanted = _split({setting.section: {setting.name: value}} if setting.section else {setting.name: value}, key)
    old_rest, old = _split(tomllib.loads(text), key)
    if old == wanted:
        return text
    new = _put(text, path, value)
    try:
        new_rest, found = _split(tomllib.loads(new), key)
    except tomllib.TOMLDecodeError:
        found = None
    if found != wanted or old_rest != new_rest:
        raise SettingsError(f"{key} is written there in a way that only a person can change: open the file and edit it")
    return new


def as_toml(value: object) -> str:
    """Write a value as it stands behind the `=`: a list of tables a row a line, everything else on one line.

    Args:
        value: a text, a number, true or false, a list, a table.
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


def _put(text: str, path: Path, value: object) -> str:
    """The text with a value at a path, in the way that changes the fewest lines."""
    statements = statements_of(text)
    keys = [statement for statement in statements if statement.kind is Kind.KEY]
    if exact := next((one for one in keys if one.path == path), None):
        return _replaced(text, exact, value)
    for one in keys:
        if one.path == path[: len(one.path)]:
            table = copy.deepcopy(_at(tomllib.loads(text), one.path))
            inner = table
            for name in path[len(one.path) : -1]:
                inner = inner.setdefault(name, {})
            inner[path[-1]] = value
            return _replaced(text, one, table)
    inside = [one for one in statements if one.path[: len(path)] == path]
    if inside and isinstance(value, list):
        return _put_rows(text, path, value, inside)
    if inside and isinstance(value, dict):
        return _put_keys(text, path, value, inside)
    return _inserted(text, statements, path, value)


def _put_rows(text: str, path: Path, rows: Sequence[dict[str, object]], inside: Sequence[Statement]) -> str:
    """Change a list that is written as [[tables]]."""
    old = _at(tomllib.loads(text), path)
    if len(old) > len(rows):
        gone = next((number for number, row in enumerate(old) if row not in rows), len(old) - 1)
        text = _removed(text, [one for one in inside if one.path[: len(path) + 1] == (*path, gone)])
        inside = [one for one in statements_of(text) if one.path[: len(path)] == path]
        return _put_rows(text, path, rows, inside) if inside else text
    for number, row in enumerate(rows[: len(old)]):
        for name in old[number].keys() - row.keys():
            gone_key = (*path, number, name)
            text = _removed(text, [one for one in statements_of(text) if one.path[: len(gone_key)] == gone_key])
        for name, value in row.items():
            if old[number].get(name) != value:
                text = _put(text, (*path, number, name), value)
    for row in rows[len(old) :]:
        last = [one for one in statements_of(text) if one.path[: len(path)] == path][-1]
        head = f"[[{'.'.join(_name(str(name)) for name in path)}]]"
        lines = [f"{_name(name)} = {as_toml(value)}" for name, value in row.items()]
        text = _with_lines(text, last.end, ["", head, *lines])
    return text


def _put_keys(text: str, path: Path, table: dict[str, object], inside: Sequence[Statement]) -> str:
    """Change a table whose keys have lines of their own; `a.b` without quotes is the key "a.b"."""
    written = {".".join(map(str, one.path[len(path) :])): one for one in inside if one.kind is Kind.KEY}
    for name, one in written.items():
        if name in table and _at(tomllib.loads(text), one.path) != table[name]:
            text = _put(text, one.path, table[name])
    gone = {one.path for name, one in written.items() if name not in table}
    text = _removed(text, [one for one in statements_of(text) if one.path in gone])
    for name in [name for name in table if name not in written]:
        text = _inserted(text, statements_of(text), (*path, name), table[name])
    return text


def _inserted(text: str, statements: Sequence[Statement], path: Path, value: object) -> str:
    """Add a key: to the end of its table, else with a new table at the end of the text."""
    parent = path[:-1]
    line = f"{_dotted(path[-1:])} = {as_toml(value)}"
    if not parent:
        keys = [one for one in statements if not one.table]
        if keys:
            return _with_lines(text, keys[-1].end, [line])
        if not statements:
            return _with_lines(text, len(text), [line])
        return _with_lines(text, _above(text, statements[0].start), [line, ""])
    if any(one.kind is not Kind.KEY and one.path == parent for one in statements):
        own = [one for one in statements if one.table == parent]
        return _with_lines(text, own[-1].end, [line])
    dotted = [
        one
        for one in statements
        if one.kind is Kind.KEY and one.path[: len(parent)] == parent and one.table == parent[: len(one.table)]
    ]
    if dotted:
        last = dotted[-1]
        return _with_lines(text, last.end, [f"{_dotted(path[len(last.table) :])} = {as_toml(value)}"])
    blank = [""] if text.strip() else []
    return _with_lines(text, len(text), [*blank, f"[{_dotted(parent)}]", line])


def _replaced(text: str, statement: Statement, value: object) -> str:
    first, last = statement.value
    above = "".join(f"{comment}{_newline(text)}" for comment in statement.comments)
    written = as_toml(value).replace("\n", _newline(text))
    return f"{text[: statement.start]}{above}{text[statement.start : first]}{written}{text[last:]}"


def _removed(text: str, statements: Sequence[Statement]) -> str:
    for one in reversed(statements):
        kept = "".join(f"{comment}{_newline(text)}" for comment in one.comments)
        text = f"{text[: one.start]}{kept}{text[one.end :]}"
    return text


def _with_lines(text: str, place: int, lines: Sequence[str]) -> str:
    newline = _newline(text)
    before = text[:place]
    if before and not before.endswith("\n"):
        before += newline
    added = "".join(f"{line}\n" for line in lines).replace("\n", newline)
    return f"{before}{added}{text[place:]}"


def _above(text: str, place: int) -> int:
    """Where the comment begins that stands right above a place, else the place."""
    while True:
        before = text.rfind("\n", 0, max(0, place - 1)) + 1
        if before == place or not text[before:place].lstrip().startswith("#"):
            return place
        place = before


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _dotted(names: Path) -> str:
    return ".".join(_name(str(name)) for name in names)


def _at(document: Any, path: Path) -> Any:
    for name in path:
        document = document[name]
    return document


def _split(document: dict[str, Any], key: str) -> tuple[dict[str, Any], object]:
    """What a document says of everything else, and of one setting in a form that can be compared."""
    setting, rest = SETTINGS[key], copy.deepcopy(document)
    value = (rest.get(setting.section, {}) if setting.section else rest).pop(setting.name, None)
    if setting.section and not rest.get(setting.section):
        rest.pop(setting.section, None)
    if key in TABLES:
        value, problems = check_table(Given(key, _EMPTY[key] if value is None else value, key))
        value = problems or value
    return rest, value
