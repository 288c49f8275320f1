"""A screen of three panes: which of them has the focus and the room, and what is lit up in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.journal import Journey
from tui.find_bar import FindBar
from tui.form.moves import Moves
from tui.language import say
from tui.panes.kafka import KAFKA_COLUMNS
from tui.panes.log_view import LogView
from tui.panes.mqtt import MQTT_COLUMNS
from tui.panes.pane import Pane
from tui.panes.stock import StockView
from tui.panes.stock_pane import StockPane
from tui.screens.following import Following, WayLine
from tui.screens.records import RecordsScreen
from tui.screens.sizes import Sizes
from tui.tabs import PaneTabs

if TYPE_CHECKING:
    from textual import events

    from tui.engine import Engine
    from tui.panes.line_view import LineView

__all__ = ["PanesScreen"]


class PanesScreen(RecordsScreen):
    """The panes, without what stands around them; `compose` of a subclass yields them, their tabs and their lines.

    Args:
        engine: the chain.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        journal = engine.journal
        self.mqtt = LogView(journal.mqtt, journal.stock, MQTT_COLUMNS, "mqtt", say("nothing came over MQTT yet"))
        self.kafka = LogView(journal.kafka, journal.stock, KAFKA_COLUMNS, "kafka", say("Kafka has nothing yet"))
        self.stock = StockView(journal.stock, "stock")
        self.moves = Moves(journal.stock)
        """All that was sent from the keyboard."""
        self.panes: tuple[Pane, Pane, StockPane] = (
            Pane(1, say("MQTT in"), self.mqtt, journal.received),
            Pane(2, say("Kafka produced"), self.kafka, journal.produced),
            StockPane(3, say("Strapi stock"), self.stock, journal.stock, self.moves),
        )
        self.panes[2].pulse = journal.decided
        self._following = Following(self.panes, self.stock, journal.stock)
        self._sizes = Sizes(self, self.panes)
        self._relative = False
        self._current = 1

    @property
    def followed(self) -> Journey | None:
        """The movement that is lit up in all panes."""
        return self._following.movement

    def show_pane(self, number: int) -> None:
        """Focus a pane, and show it where only one has room."""
        self._current = number
        for pane in self.panes:
            pane.set_class(pane.number == number, "-current")
        self.query_one(PaneTabs).show(number)
        self.set_focus(self.panes[number - 1].view)

    def follow(self, journey: Journey | None) -> None:
        """Light up a movement in all panes, None none."""
        self._following.follow(journey)
        self.query_one(WayLine).pull(journey)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember the pane that has, or last had, the focus."""
        for pane in self.panes:
            if pane.view.has_focus and self._current != pane.number:
                self.show_pane(pane.number)

    def on_line_view_selected(self, event: LineView.Selected) -> None:
        """Follow the movement under the cursor; other cursors go."""
        for pane in self.panes:
            if pane.view.identity != event.pane:
                pane.view.forget_cursor()
        self.follow(event.item if isinstance(event.item, Journey) else None)

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        """Show a pane."""
        self.show_pane(event.number)

    def action_pane(self, number: int) -> None:
        """Go to a pane."""
        self.show_pane(number)

    def action_filter(self) -> None:
        """Open the filter of the pane that has the focus."""
        self.panes[self._current - 1].ask_filter()

    def action_zoom(self) -> None:
        """Give the current pane all the room, or give it back."""
        self._sizes.zoom()
        self.show_pane(self._current)

    def action_size(self, step: int) -> None:
        """Give the current pane more of the width, or less."""
        self._sizes.resize(self._current, step)

    def on_find_bar_found(self, event: FindBar.Found) -> None:
        """Put the cursor on what was found, and leave the focus where the next one can be asked for."""
        view, bar = self.panes[event.hit.pane - 1].view, self.query_one(FindBar)
        self.show_pane(event.hit.pane)
        row = view.row_of(event.hit.key)
        if row is not None:
            view.move_cursor(row)
        if bar.has_class("open"):
            self.set_focus(bar.input)

    def on_find_bar_left(self) -> None:
        """Go to what was found."""
        self.query_one(FindBar).close()
        self.show_pane(self._current)

    def action_find(self) -> None:
        """Ask what to find."""
        self.query_one(FindBar).open()

    def action_times(self) -> None:
        """Say moments in the panes as ages, or as the time of day."""
        self._relative = not self._relative
        for pane in self.panes:
            pane.view.say_times(relative=self._relative)

    def action_close(self) -> None:
        """Give the room back, else stop following a movement."""
        if self._sizes.zoomed:
            self._sizes.give_back()
            return
        for pane in self.panes:
            pane.view.forget_cursor()
        self.follow(None)
