"""The line that names the panes where only one of them has room, with what each counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from tui.panes.pane import Pane

__all__ = ["PaneTabs"]


class PaneTabs(Widget):
    """One line: `▸1 MQTT in◂  2 Kafka  3 Strapi`; a click shows a pane.

    Args:
        panes: those that it names.
    """

    @dataclass
    class Chosen(Message):
        """A pane is to be shown."""

        number: int

    def __init__(self, panes: Sequence[Pane]) -> None:
        super().__init__(id="tabs")
        self._panes = panes
        self._current = 1

    def show(self, number: int) -> None:
        """Mark the pane of that number."""
        if number != self._current:
            self._current = number
            self.refresh()

    def render(self) -> Content:
        """The names, the current one between marks and inverted."""
        parts: list[tuple[str, str]] = []
        for pane in self._panes:
            name = f"{pane.number} {pane.heading}"
            if pane.number == self._current:
                parts.append((f"▸{name}◂", "bold $block-cursor-foreground on $block-cursor-background"))
            else:
                parts.append((f" {name} ", "$foreground-muted"))
            parts.append((" ", ""))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Show the pane whose name was clicked."""
        start = 0
        for pane in self._panes:
            width = len(f" {pane.number} {pane.heading} ") + 1
            if start <= event.x < start + width:
                self.post_message(self.Chosen(pane.number))
            start += width
