"""What the pictures of the bench are made of. Pure."""

from __future__ import annotations

from xml.sax.saxutils import escape

__all__ = ["text_at"]


def text_at(x: float, y: float, text: str, kind: str) -> str:
    """A text whose first letter stands on a place, in the look of a class or two."""
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'
