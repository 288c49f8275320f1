"""Checks of given values against the types of their settings.

A setting is a single value, a list of values, or one of the tables: routes, presets and keys, checked part by part.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta, inspect
from msgspec.structs import fields

from bridge.movement import MAX_REFERENCE
from bridge.phrase import Phrase, placed
from bridge.route import Route, RouteKind
from bridge.settings.model import LONGEST_NAME, Preset, TopicName
from bridge.settings.names import SETTINGS, allowed, expected, found, no_such
from bridge.text import length_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bridge.settings.sources import SourcedValue

__all__ = ["TABLES", "check_as", "check_table", "check_value", "every_allowed"]


_SURROGATE: Final = re.compile("[\ud800-\udfff]")
"""What Python makes of bytes in arguments and the environment that are not UTF-8 (PEP 383)."""

_NAME: Final = Annotated[
    str, Meta(min_length=1, max_length=LONGEST_NAME, description=f"a text of 1 to {LONGEST_NAME} characters")
]

_PRODUCT: Final = Annotated[
    str | int, Meta(description="an id, a documentId or a barcode, as text or number; empty for the chosen rows")
]

_AMOUNT: Final = next(field.type for field in fields(Preset) if field.name == "amount")

_KEYS: Final = "screen.keys"


def every_allowed() -> set[str]:
    """What is allowed of each setting and each part of a table, in the sentences of the messages about them."""
    kinds = [setting.kind for key, setting in SETTINGS.items() if key not in TABLES]
    parts = [kind for rows in _ROWS.values() for kind in rows.kinds.values()]
    return {allowed(kind).sentence for kind in (*kinds, *parts)}


def check_value(given: SourcedValue) -> tuple[object, list[str]]:
    """Convert a value to the type of its setting, which is a single value or a list of values.

    Args:
        given: a value for a setting that exists and is no table, see `check_table`.

    Returns:
        The value for the model, and the problems; with problems, the value is meaningless.
    """
    kind = SETTINGS[given.key].kind
    value = given.value
    if given.text and isinstance(value, str):
        value = value.strip()
        if isinstance(_bare(kind), inspect.ListType):
            value = [part.strip() for part in value.split(",") if part.strip()]
    return check_as(given.key, given.where, value, kind, text=given.text)


def check_as(key: str, where: str, value: object, kind: Any, *, text: bool = False) -> tuple[object, list[str]]:
    """Convert a value to a type.

    Args:
        key: the dotted name of its setting.
        where: the place for messages.
        value: the given value.
        kind: the type with its limits.
        text: whether to parse a text as the type.

    Returns:
        As `check_value`.
    """
    if any(isinstance(one, str) and _SURROGATE.search(one) for one in (value if isinstance(value, list) else [value])):
        return None, [expected(where, key, value, Phrase("text in UTF-8"))]
    try:
        return msgspec.convert(value, kind, strict=not text), []
    except msgspec.ValidationError:
        return None, [expected(where, key, value, allowed(kind))]


def _bare(kind: Any) -> inspect.Type:
    described = inspect.type_info(kind)
    return described.type if isinstance(described, inspect.Metadata) else described


class _Rows(NamedTuple):
    """A list of tables: the type of each key, the required keys, and the least number of rows, 0 or 1."""

    row: type[msgspec.Struct]
    kinds: Mapping[str, Any]
    needed: tuple[str, ...]
    least: int

    @property
    def allowed(self) -> Phrase:
        *others, last = self.kinds
        return Phrase("a table with {names} and {last}", names=", ".join(others), last=last)


_ROWS: Final = {
    "routes": _Rows(Route, {"mqtt": str, "kafka": TopicName, "does": RouteKind}, ("mqtt", "kafka"), 1),
    "screen.presets": _Rows(Preset, {"name": _NAME, "product": _PRODUCT, "amount": _AMOUNT}, ("name", "amount"), 0),
}


TABLES: Final = frozenset({*_ROWS, _KEYS})
"""The settings that are tables, or lists of tables; in the environment they are JSON."""


def check_table(given: SourcedValue) -> tuple[object, list[str]]:
    """Convert a value to the tables of its setting.

    Args:
        given: a value for one of `TABLES`.

    Returns:
        The value for the model, and the problems; with problems, the value is meaningless.
    """
    value = given.value
    if given.text and isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError as error:
            said = (
                Phrase("it is a JSON object of keys, and this is no JSON: {error}", error=str(error))
                if given.key == _KEYS
                else Phrase(
                    "it is a JSON list of {what}, and this is no JSON: {error}",
                    what=given.key.rpartition(".")[2],
                    error=str(error),
                )
            )
            return None, [placed(given.where, said)]
    return _keys(given, value) if given.key == _KEYS else _rows(given, value, _ROWS[given.key])


def _rows(given: SourcedValue, value: object, rows: _Rows) -> tuple[object, list[str]]:
    if not isinstance(value, list) or len(value) < rows.least:
        one_or_more = Phrase("a list of at least one [[{key}]] table", key=given.key)
        wanted = one_or_more if rows.least else Phrase("a list of [[{key}]] tables", key=given.key)
        return None, [expected(given.where, given.key, value, wanted)]
    read: list[object] = []
    problems: list[str] = []
    for number, item in enumerate(value):
        row, wrong = _row(given, f"[{number}]", item, rows)
        problems += wrong
        read += [] if row is None else [row]
    if rows.row is Preset and not problems:
        problems = _shared_names(given, [row for row in read if isinstance(row, Preset)])
    return read, problems


def _row(given: SourcedValue, part: str, item: object, rows: _Rows) -> tuple[object, list[str]]:
    if not isinstance(item, dict):
        return None, [expected(given.at(part), given.key, item, rows.allowed)]
    problems: list[str] = [
        placed(given.at(f"{part}.{name}"), no_such(str(name), rows.kinds)) for name in item if name not in rows.kinds
    ]
    problems += [
        placed(given.at(part), Phrase("{name} is missing", name=name)) for name in rows.needed if name not in item
    ]
    read: dict[str, object] = {}
    for name in [name for name in rows.kinds if name in item]:
        where = given.at(f"{part}.{name}")
        read[name], wrong = check_as(given.key, where, item[name], rows.kinds[name])
        problems += wrong
    if not problems and rows.row is Preset:
        problems = _preset_problems(given, part, read)
    return (None, problems) if problems else (msgspec.convert(read, rows.row), [])


def _preset_problems(given: SourcedValue, part: str, read: dict[str, object]) -> list[str]:
    """The problems of a preset whose values have the right types; its product is converted to text."""
    problems: list[str] = []
    name, product = str(read["name"]), read.get("product", "")
    read["name"], read["product"] = name.strip(), str(product).strip()
    if not name.strip() or not name.isprintable():
        problems.append(expected(given.at(f"{part}.name"), given.key, name, Phrase("a text that can be read")))
    if (
        (isinstance(product, int) and product < 1)
        or length_of(str(product)) > MAX_REFERENCE
        or not str(product).isprintable()
    ):
        wanted = Phrase("a number from 1 on, or up to {most} characters that can be read", most=MAX_REFERENCE)
        problems.append(expected(given.at(f"{part}.product"), given.key, product, wanted))
    if read["amount"] == 0:
        said = Phrase("found 0, which moves nothing; allowed: a number but 0")
        problems.append(placed(given.at(f"{part}.amount"), said))
    return problems


def _shared_names(given: SourcedValue, presets: list[Preset]) -> list[str]:
    first: dict[str, int] = {}
    return [
        Phrase(
            "{where}: found {found}, which {other} is called already; allowed: a name of its own",
            where=given.at(f"[{number}].name"),
            found=found(given.key, preset.name),
            other=f"{given.key}[{first[preset.name]}]",
        )
        for number, preset in enumerate(presets)
        if first.setdefault(preset.name, number) != number
    ]


def _keys(given: SourcedValue, value: object) -> tuple[object, list[str]]:
    """Keys by the id of their action; an id without quotes is nested tables in TOML, and is accepted too."""
    if not isinstance(value, dict):
        example = Phrase("a table as {example}", example='{ "focus.form" = "f4" }')
        return None, [expected(given.where, given.key, value, example)]
    read: dict[str, str] = {}
    problems: list[str] = []

    def take(table: Mapping[object, object], path: str) -> None:
        for name, inner in table.items():
            identity = f"{path}{name}"
            if isinstance(inner, dict):
                take(inner, f"{identity}.")
                continue
            keys = ",".join(map(str, inner)) if isinstance(inner, list) else inner
            if isinstance(keys, str) and keys and all(key.strip() for key in keys.split(",")):
                read[identity] = ",".join(key.strip() for key in keys.split(","))
            else:
                wanted = Phrase('a key as "f4", or several with commas between them')
                problems.append(expected(given.at(f".{identity}"), given.key, inner, wanted))

    take(value, "")
    return read, problems
