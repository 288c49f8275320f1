"""The window that says how long each hop takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.footer import KeysFooter
from tui.language import say
from tui.latencies import latency_table

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from bridge.journal import Journal

__all__ = ["LatencyScreen"]


class LatencyScreen(ModalScreen[None]):
    """Latency of each hop over the last minute, kept up to date.

    Args:
        journal: where it is measured.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,l,q", "dismiss", say("Close"), key_display="esc", id="latency.close"),
    ]

    def __init__(self, journal: Journal) -> None:
        super().__init__()
        self._journal = journal

    def compose(self) -> ComposeResult:
        """The table."""
        with VerticalScroll(id="latency") as box:
            box.border_title = Content(say("Latency"))
            yield Static(id="latency-table", markup=False)
        yield KeysFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Show it, and measure again every second."""
        self.pull()
        self.set_interval(1, self.pull)

    def pull(self) -> None:
        """Show how it is."""
        self.query_one("#latency-table", Static).update(latency_table(self._journal.latency))
