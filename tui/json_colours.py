"""JSON in colour: names, texts, numbers and literals. *Pure*."""

from __future__ import annotations

import re
from typing import Final

from textual.content import Content

__all__ = ["json_in_colour"]

_PARTS: Final = re.compile(
    r'(?P<name>"(?:[^"\\]|\\.)*")(?=\s*:)'
    r'|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<literal>true|false|null)"
    r"|(?P<rest>[^\"\d\-tfn]+|.)"
)

_STYLES: Final = {
    "name": "$text-primary",
    "text": "$text-success",
    "number": "$text-warning",
    "literal": "$text-secondary",
    "rest": "$text-muted",
}
"""The style of each part; without colour the JSON reads the same."""


def json_in_colour(line: str) -> Content:
    """Colour a line of valid JSON whose strings end on it.

    Args:
        line: the line, printable.
    """
    return Content.assemble(*((part[0], _STYLES[part.lastgroup or "rest"]) for part in _PARTS.finditer(line)))
