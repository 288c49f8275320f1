"""In which line of a TOML file a key stands: tomllib does not tell, and a person who has to mend it wants to know."""

from __future__ import annotations

import re

__all__ = ["find_lines"]

_TABLE = re.compile(r"\s*\[([A-Za-z0-9_.\s-]+)\]\s*(?:#.*)?")
_ARRAY = re.compile(r"\s*\[\[([A-Za-z0-9_.\s-]+)\]\]\s*(?:#.*)?")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\s-]+?|\"[^\"]*\"|'[^']*')\s*=")


def find_lines(text: str) -> dict[str, int]:
    """Find the lines of tables and keys written in the usual way, one a line.

    Args:
        text: a TOML document.

    Returns:
        The line, from 1 on, of each dotted name: `mqtt`, `mqtt.url`, `routes[0].kafka`. What is written in a less
        usual way (a key inside an inline table) is not in it.
    """
    lines: dict[str, int] = {}
    counts: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), 1):
        if match := _ARRAY.fullmatch(line):
            name = _dotted(match[1])
            table = f"{name}[{counts.get(name, 0)}]"
            counts[name] = counts.get(name, 0) + 1
            lines.setdefault(name, number)
            lines.setdefault(table, number)
        elif match := _TABLE.fullmatch(line):
            table = _dotted(match[1])
            lines.setdefault(table, number)
        elif match := _KEY.match(line):
            key = _dotted(match[1])
            lines.setdefault(f"{table}.{key}" if table else key, number)
    return lines


def _dotted(name: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in name.split("."))
