"""SVG elements of the bench's pictures. Pure."""

from __future__ import annotations

from xml.sax.saxutils import escape

__all__ = ["text_at"]


def text_at(x: float, y: float, text: str, kind: str) -> str:
    """Return a text that begins at a point, with one or more CSS classes."""
    return f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{escape(text)}</text>'
