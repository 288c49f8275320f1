"""A text on the screen that is painted anew only when it says something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.visual import VisualType

__all__ = ["CachedStatic"]


class CachedStatic(Static):
    """A Static that can be told the same again and again, at the cost of a comparison."""

    _told: Content | None = None

    def update(self, content: VisualType = "", *, layout: bool = True) -> None:
        """Say something, which is painted where it looks different from what was said last."""
        told = content if isinstance(content, Content) else None
        if told is None or self._told is None or not told.is_same(self._told):
            self._told = told
            super().update(content, layout=layout)
