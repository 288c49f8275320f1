"""A screen whose tables hold records: what Enter and the keys of a record do there."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from textual.screen import Screen

from tui._compositor import draw_parts_only
from tui.records.desk import RecordDesk
from tui.screens.record import RecordScreen

if TYPE_CHECKING:
    from bridge.journal import Journey, Product
    from tui.engine import Engine
    from tui.panes.line_view import LineView

__all__ = ["RecordsScreen"]


class RecordsScreen(Screen[None]):
    """Opens records, and takes them along.

    Args:
        engine: the chain.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        draw_parts_only(self)
        self._engine = engine
        self._desk = RecordDesk(self, engine.settings)

    @abstractmethod
    def fill(self, item: Journey | Product) -> None:
        """Go on with a record where one can be changed and sent."""

    def on_line_view_opened(self, event: LineView.Opened) -> None:
        """Show a record in full."""
        engine = self._engine
        screen = RecordScreen(event.view, event.item, engine.journal.stock, engine.settings.screen.frames)
        self.app.push_screen(screen)

    def on_line_view_wanted(self, event: LineView.Wanted) -> None:
        """Do something with a record."""
        if event.what == "fill":
            self.fill(event.item)
        else:
            self._desk.take(event.what, event.item, event.view)
