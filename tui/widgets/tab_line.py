"""A line of names that can be clicked, such as the panes of a narrow terminal, or the pages of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.content import Content
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

__all__ = ["Part", "TabLine"]

Part = tuple[Content, Any]
"""A part of the line, with the key that a click on it chooses; an empty tuple as key for what stands between tabs."""


class TabLine(Widget):
    """One line of tabs; a click on one posts `Chosen` with its key.

    Args:
        identity: the widget's id.
    """

    Chosen: type[Any]
    """The message that a tab was clicked; each subclass has its own."""

    def __init__(self, identity: str) -> None:
        super().__init__(id=identity)
        self._parts: Sequence[Part] = ()
        self._said = Content("")

    def put(self, parts: Sequence[Part]) -> None:
        """Show these parts, one after the other."""
        self._parts = parts
        said = Content.assemble(*(content for content, _ in parts))
        if not said.is_same(self._said):
            self._said = said
            self.refresh()

    def render(self) -> Content:
        return self._said

    def on_click(self, event: events.Click) -> None:
        """Choose the clicked tab."""
        end = 0
        for content, key in self._parts:
            end += content.cell_length
            if event.x < end:
                if key != ():
                    self.post_message(self.Chosen(key))
                return
