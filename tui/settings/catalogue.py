"""Which settings there are, of which kind, and what is said about each: from the model and the shipped file."""

from __future__ import annotations

from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec import inspect

import bridge
from bridge.journal import Server
from bridge.settings.lines import find_lines
from bridge.settings.names import SECRET, SETTINGS
from bridge.settings.tables import TABLES
from bridge.settings.wording import allowed

__all__ = ["Entry", "Kind", "catalogue", "servers_of"]

SHIPPED: Final = Path(bridge.__file__).parent.parent / "configs" / "opsci.toml"


class Kind(Enum):
    """How a setting is edited."""

    SWITCH = "switch"
    CHOICE = "choice"
    LINE = "line"
    SECRET = "secret"  # noqa: S105 - a kind of field
    TABLE = "table"
    """Several lines of TOML."""


class Entry(NamedTuple):
    """A setting as the screen knows it.

    Attributes:
        key: its dotted name.
        section: its table, empty for one at the top.
        name: its name there.
        variable: the environment variable that gives it.
        kind: how it is edited.
        choices: what can be chosen, for a CHOICE.
        allowed: which values it takes, in the loader's words.
        about: what it is for, in the words of the shipped settings file; empty where that file is not there.
    """

    key: str
    section: str
    name: str
    variable: str
    kind: Kind
    choices: tuple[str, ...]
    allowed: str
    about: str


_TABLE_WORDS: Final = {
    "routes": "at least one { mqtt = ..., kafka = ..., does = ... }",
    "screen.presets": "any number of { name = ..., product = ..., amount = ... }",
    "screen.keys": '{ "id" = "key", ... }',
}

_AFFECTED: Final = {
    "mqtt": (Server.MQTT,),
    "kafka": (Server.KAFKA,),
    "strapi": (Server.STRAPI,),
    "routes": tuple(Server),
    "ingest.enabled": tuple(Server),
    "apply.enabled": tuple(Server),
}


def catalogue(themes: tuple[str, ...] = ()) -> list[Entry]:
    """Every setting, in the order of the shipped file; those without a table come first.

    Args:
        themes: the names of the themes that can be chosen.
    """
    about = _about()
    entries = []
    for setting in sorted(SETTINGS.values(), key=lambda one: bool(one.section)):
        kind, choices = _kind(setting.key, setting.kind)
        if setting.key == "screen.theme" and themes:
            kind, choices = Kind.CHOICE, tuple(sorted(themes))
        says = _TABLE_WORDS.get(setting.key) or allowed(setting.kind)
        if kind is Kind.CHOICE:
            says = ", ".join(choices)
        entries.append(
            Entry(
                setting.key,
                setting.section,
                setting.name,
                setting.variable,
                kind,
                choices,
                says,
                about.get(setting.key, ""),
            )
        )
    return entries


def servers_of(key: str) -> tuple[Server, ...]:
    """The servers that a setting is about: those to try when it changes."""
    return _AFFECTED.get(key) or _AFFECTED.get(key.partition(".")[0], ())


def _kind(key: str, kind: Any) -> tuple[Kind, tuple[str, ...]]:
    described = inspect.type_info(kind)
    if isinstance(described, inspect.Metadata):
        described = described.type
    if key in SECRET:
        return Kind.SECRET, ()
    if key in TABLES:
        return Kind.TABLE, ()
    if isinstance(described, inspect.BoolType):
        return Kind.SWITCH, ()
    if isinstance(described, inspect.LiteralType):
        # In the model's order: the usual one stands first.
        return Kind.CHOICE, tuple(map(str, kind.__args__))
    return Kind.LINE, ()


@cache
def _about() -> dict[str, str]:
    try:
        text = SHIPPED.read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = text.splitlines()
    about = {}
    for key, number in find_lines(text).items():
        if key not in SETTINGS:
            continue
        first = number - 1
        while first > 0 and lines[first - 1].startswith("#"):
            first -= 1
        about[key] = " ".join(line.lstrip("# ") for line in lines[first : number - 1])
    return about
