"""The window that shows one record in full, and keeps it up to date while it is on its way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from bridge.journal import Journey
from tui.details import journey_details, product_details
from tui.footer import KeysFooter
from tui.language import say
from tui.panes.record_keys import RECORD_KEYS
from tui.steady import Steady

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from bridge.journal import Product, StockBoard
    from tui.panes.line_view import AnyView
    from tui.panes.record_keys import What

__all__ = ["RecordScreen"]


class RecordScreen(ModalScreen[None]):
    """One journey, or one product.

    Args:
        view: the pane that it is from, in whose order left and right step.
        item: what is shown.
        board: where a product's latest stock is from.
        frames: how often a second it looks for news.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss", say("Close"), key_display="esc", id="record.close"),
        Binding(
            "left,h", "step(-1)", say("Before"), key_display="←", id="record.before", tooltip=say("The record above it")
        ),
        Binding(
            "right,l", "step(1)", say("After"), key_display="→", id="record.after", tooltip=say("The record below it")
        ),
        *(replace(binding, show=True) for binding in RECORD_KEYS),
        Binding("j", "scroll(1)", say("Down"), show=False, id="record.scroll_down"),
        Binding("k", "scroll(-1)", say("Up"), show=False, id="record.scroll_up"),
    ]

    def __init__(self, view: AnyView, item: Journey | Product, board: StockBoard, frames: int) -> None:
        super().__init__()
        self._view = view
        self._item = item
        self._board = board
        self._frames = frames

    def compose(self) -> ComposeResult:
        """The record, in a box that scrolls."""
        with VerticalScroll(id="record") as box:
            box.border_title = Content(say("Record") if isinstance(self._item, Journey) else say("Product"))
            yield Steady(id="record-text", markup=False)
        yield KeysFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Show it, and look for news."""
        self.pull()
        self.set_interval(1 / self._frames, self.pull)

    def pull(self) -> None:
        """Show what changed."""
        item = self._item
        said = journey_details(item) if isinstance(item, Journey) else product_details(self._board.get(item.id) or item)
        self.query_one("#record-text", Steady).update(said)

    def action_step(self, step: int) -> None:
        """Show the neighbour of the record in its pane."""
        item = self._view.neighbour(step)
        if item is None:
            self.notify(say("this is the last record") if step > 0 else say("this is the first record"))
            return
        self._item = item
        self.query_one("#record", VerticalScroll).scroll_home(animate=False)
        self.pull()

    def action_want(self, what: What) -> None:
        """Have something done with the record; the form is where one goes on with it."""
        self._view.post_message(self._view.Wanted(self._view, what, self._item))
        if what == "fill":
            self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one("#record", VerticalScroll).scroll_relative(y=lines, animate=False)
