"""A text widget that repaints only when its text changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.visual import VisualType

__all__ = ["CachedStatic"]


class CachedStatic(Static):
    """A Static whose repeated update with the same content costs only a comparison."""

    told: Content | None = None
    """What it says."""

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Set the content, and repaint if it looks different."""
        told = content if isinstance(content, Content) else None
        if told is None or self.told is None or not told.is_same(self.told):
            self.told = told
            super().update(content, layout=layout)
