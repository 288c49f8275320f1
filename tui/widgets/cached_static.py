"""A text widget, and the titles of a border, that repaint only when their text changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.visual import VisualType
    from textual.widget import Widget

__all__ = ["CachedStatic", "set_titles"]


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


def set_titles(widget: Widget, title: Content, subtitle: Content | None = None) -> None:
    """Set the titles of a widget's border, and repaint it if they look different.

    Textual repaints the whole widget at each assignment, and with it the window that covers it.

    Args:
        widget: what the border is around.
        title: one line.
        subtitle: one line; None leaves it as it is.
    """
    if widget.border_title != title.markup:
        widget.border_title = title
    if subtitle is not None and widget.border_subtitle != subtitle.markup:
        widget.border_subtitle = subtitle
