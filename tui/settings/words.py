"""What is shown of a setting: its value in a line, and who gave it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bridge.text import readable
from tui.language import say
from tui.settings.catalogue import Kind

if TYPE_CHECKING:
    from bridge.settings.given import Given
    from tui.settings.catalogue import Entry

__all__ = ["short_path", "shown", "source_in_full", "source_in_short"]

_LINE = re.compile(r", line (\d+): ")


def shown(entry: Entry, value: object) -> str:
    """A value on one printable line; of a secret only whether it is set."""
    if entry.kind is Kind.SECRET:
        return say("set, not shown") if value else say("empty")
    if isinstance(value, bool):
        return say("yes") if value else say("no")
    if isinstance(value, dict):
        text = "  ".join(f"{name} {inner}" for name, inner in value.items()) or say("none")
    elif isinstance(value, list):
        text = ", ".join(map(_row, value)) or say("none")
    elif isinstance(value, float):
        text = f"{value:g}"
    else:
        text = str(value) or say("empty")
    return readable(text)


def _row(row: Any) -> str:
    if not isinstance(row, dict):
        return str(row)
    if "amount" in row:
        product = f" {row['product']}" if row.get("product") else ""
        return f"{row['name']}{product} {row['amount']:+d}"
    return f"{row.get('mqtt') or '-'} → {row['kafka']} ({row.get('does', 'movement')})"


def source_in_short(given: Given | None) -> str:
    """Who gave a value, in a few cells: `opsci.toml:4`, the variable, `default`."""
    if given is None:
        return say("default")
    if given.file is None:
        kind, _, name = given.where.partition(": ")
        return name if kind == "environment" else say("flag")
    line = _LINE.search(given.where)
    return f"{given.file.name}:{line[1]}" if line else given.file.name


def source_in_full(given: Given | None) -> str:
    """Who gave a value, as a sentence's end."""
    if given is None:
        return say("the default, as nobody gave it a value")
    if given.file is None:
        kind, _, name = given.where.partition(": ")
        if kind == "environment":
            return say("the environment variable {name}").format(name=name)
        return say("the command line")
    line = _LINE.search(given.where)
    path = short_path(given.file)
    return say("line {line} of {path}").format(line=line[1], path=path) if line else path


def short_path(path: Path) -> str:
    """A path, the person's own folder as ~."""
    text = str(path)
    home = str(Path.home())
    return readable(f"~{text.removeprefix(home)}" if text.startswith(f"{home}/") else text)
