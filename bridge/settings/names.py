"""The settings by dotted name, such as `mqtt.url`, and the wording of messages about their values."""

from __future__ import annotations

import difflib
import json
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from msgspec import inspect
from msgspec.structs import fields

from bridge.phrase import Phrase
from bridge.settings.model import SECONDS, Settings
from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "SECRET",
    "SECTIONS",
    "SETTINGS",
    "Setting",
    "allowed",
    "did_you_mean",
    "expected",
    "found",
    "limits",
    "no_such",
    "unit_of",
]


SECRET: Final = frozenset({"strapi.token"})
"""The settings whose value is never shown in a message."""

# A password may precede the @ of an address, and contain any characters.
_CREDENTIALS = re.compile(r'(?<=")(?:[^"\\]|\\.)*@')

_LONGEST = 80


class Setting(NamedTuple):
    """One setting.

    Attributes:
        section: its table, empty at the top.
        name: its key in the table.
        kind: its type with its limits.
    """

    section: str
    name: str
    kind: Any

    @property
    def key(self) -> str:
        """The dotted name."""
        return f"{self.section}.{self.name}" if self.section else self.name

    @property
    def variable(self) -> str:
        return f"OPSCI_{self.key.replace('.', '_').upper()}"


def _settings() -> list[Setting]:
    found: list[Setting] = []
    for field in fields(Settings):
        if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
            found += [Setting(field.name, inner.name, inner.type) for inner in fields(field.type)]
        else:
            found.append(Setting("", field.name, field.type))
    return found


SETTINGS: Final = {setting.key: setting for setting in _settings()}
"""Every setting by its dotted name, in the order of the model."""

SECTIONS: Final = tuple(dict.fromkeys(setting.section for setting in SETTINGS.values() if setting.section))
"""The tables of the settings file."""


def allowed(kind: Any) -> Phrase:
    """Describe which values a type allows, for the user.

    Args:
        kind: a type as in the model, with its limits.
    """
    said = _allowed(inspect.type_info(kind))
    return said if isinstance(said, Phrase) else Phrase(said)


def limits(kind: Any) -> str:
    """Describe which values a type allows, with the unit where it has one."""
    unit = unit_of(kind)
    if unit == SECONDS["unit"]:
        return f"{allowed(kind)}, in {unit}"
    return f"{allowed(kind)} {unit}".rstrip()


def unit_of(kind: Any) -> str:
    """Return the unit of a type of the model, in the plural; empty where it has none."""
    described = inspect.type_info(kind)
    extra = described.extra if isinstance(described, inspect.Metadata) else None
    return str((extra or {}).get("unit", ""))


def _allowed(kind: inspect.Type) -> str:
    match kind:
        case inspect.Metadata():
            said = str((kind.extra_json_schema or {}).get("description") or _allowed(kind.type))
        case inspect.BoolType():
            said = "true or false"
        case inspect.IntType():
            said = f"a whole number{_range(kind)}"
        case inspect.FloatType():
            said = f"a number{_range(kind)}"
        case inspect.LiteralType():
            said = _alternatives(sorted(json.dumps(value) for value in kind.values))
        case inspect.EnumType():
            said = _alternatives(json.dumps(member.value) for member in kind.cls)
        case inspect.ListType():
            least = f" of at least {kind.min_length}" if kind.min_length else ""
            said = f"a list{least}, each {_allowed(kind.item_type)}"
        case inspect.StrType(max_length=int() as most):
            said = f"a text of {kind.min_length or 0} to {most:,} characters"
        case _:
            said = "a text"
    return said


def _range(kind: inspect.IntType | inspect.FloatType) -> str:
    low = f" from {kind.ge:,}" if kind.ge is not None else f" above {kind.gt:,}" if kind.gt is not None else ""
    high = f" to {kind.le:,}" if kind.le is not None else ""
    return low + high


def _alternatives(names: Iterable[str]) -> str:
    *others, last = names
    return Phrase("{names} or {last}", names=", ".join(others), last=last) if others else last


def found(key: str, value: object) -> str:
    """Show an invalid value, without secrets and on one line.

    Args:
        key: the dotted name of the setting.
        value: the invalid value.
    """
    if key in SECRET:
        return Phrase("a value that is not shown")
    if isinstance(value, dict):
        return Phrase("a table")
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)
    text = readable(_CREDENTIALS.sub("***@", text))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def expected(where: str, key: str, value: object, wanted: str) -> Phrase:
    """The message about an invalid value.

    Args:
        where: the place where it was given.
        key: the dotted name of the setting.
        value: the invalid value.
        wanted: what is allowed.
    """
    return Phrase("{where}: found {found}; allowed: {allowed}", where=where, found=found(key, value), allowed=wanted)


def no_such(name: str, names: Iterable[str]) -> Phrase:
    """The message about an unknown setting, with the most similar known one, or all of them."""
    return Phrase("there is no such setting; {known}", known=did_you_mean(name, names))


def did_you_mean(name: str, names: Iterable[str]) -> Phrase:
    """The end of a message about an unknown name: the most similar known one, or all of them."""
    known = list(names)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if near:
        return Phrase("did you mean {name}?", name=near[0])
    return Phrase("known are {names}", names=", ".join(known))
