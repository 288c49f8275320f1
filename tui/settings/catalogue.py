"""The catalogue of settings: the kind of each, and its texts: purpose, value, source."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from msgspec import inspect

from bridge.journal import Server
from bridge.settings.names import SECRET, SETTINGS, limits, unit_of
from bridge.settings.reference import about
from bridge.settings.types import TABLES
from bridge.text import readable
from tui.language import say
from tui.settings.entry import CONNECTING, Entry, Kind, Page
from tui.settings.units import in_words

if TYPE_CHECKING:
    from bridge.settings.sources import SourcedValue

__all__ = [
    "catalogue",
    "servers_of",
    "short_path",
    "shown",
    "source_in_full",
    "source_in_short",
]

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

_LINE = re.compile(r", line (\d+): ")


def catalogue(themes: tuple[str, ...] = ()) -> list[Entry]:
    """List every setting, in the order of the model; those without a table come first.

    Args:
        themes: the names of the available themes.
    """
    entries = []
    for setting in sorted(SETTINGS.values(), key=lambda one: bool(one.section)):
        kind, choices = _kind(setting.key, setting.kind)
        if setting.key == "screen.theme" and themes:
            kind, choices = Kind.CHOICE, tuple(sorted(themes))
        says = _TABLE_WORDS.get(setting.key) or limits(setting.kind)
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
                " ".join(" ".join(about(setting.key)).split()),
                _page(setting.key),
                unit_of(setting.kind),
                *_range(setting.kind),
            )
        )
    return entries


def servers_of(key: str) -> tuple[Server, ...]:
    """Return the servers that a setting affects: those to try when it changes."""
    return _AFFECTED.get(key) or _AFFECTED.get(key.partition(".")[0], ())


def _page(key: str) -> Page:
    if key in CONNECTING:
        return Page.CONNECTION
    return Page.SCREEN if key.startswith("screen.") else Page.ADVANCED


def _range(kind: Any) -> tuple[float | None, float | None]:
    described = inspect.type_info(kind)
    if isinstance(described, inspect.Metadata):
        described = described.type
    return (described.ge, described.le) if isinstance(described, inspect.IntType | inspect.FloatType) else (None, None)


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
        # In the model's order: the usual one is first.
        return Kind.CHOICE, tuple(map(str, kind.__args__))
    return Kind.LINE, ()


def shown(entry: Entry, value: object) -> str:
    """Format a value on one printable line; for a secret only whether it is set."""
    if entry.kind is Kind.SECRET:
        return say("set, not shown") if value else say("empty")
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, dict):
        text = "  ".join(f"{name} {inner}" for name, inner in value.items()) or say("none")
    elif isinstance(value, list):
        text = ", ".join(map(_row, value)) or say("none")
    else:
        text = in_words(entry, value) or (f"{value:g}" if isinstance(value, float) else str(value)) or say("empty")
    return readable(text)


def _row(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    if "amount" in row:
        product = f" {row['product']}" if row.get("product") else ""
        return f"{row['name']}{product} {row['amount']:+d}"
    return f"{row.get('mqtt') or '-'} → {row['kafka']} ({row.get('does', 'movement')})"


def source_in_short(given: SourcedValue | None) -> str:
    """Name the source of a value in a few cells: `opsci.toml:4`, the variable, `default`."""
    if given is None:
        return say("default")
    if given.file is None:
        kind, _, name = given.where.partition(": ")
        return name if kind == "environment" else say("flag")
    line = _LINE.search(given.where)
    return f"{given.file.name}:{line[1]}" if line else given.file.name


def source_in_full(given: SourcedValue | None) -> str:
    """Name the source of a value as the end of a sentence."""
    if given is None:
        return say("the default")
    if given.file is None:
        kind, _, name = given.where.partition(": ")
        if kind == "environment":
            return say("the environment variable {name}").format(name=name)
        return say("the command line")
    line = _LINE.search(given.where)
    path = short_path(given.file)
    return say("line {line} of {path}").format(line=line[1], path=path) if line else path


def short_path(path: Path) -> str:
    """Shorten a path, with the user's home folder as ~."""
    text = str(path)
    home = str(Path.home())
    return readable(f"~{text.removeprefix(home)}" if text.startswith(f"{home}/") else text)
