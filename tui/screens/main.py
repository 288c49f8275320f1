"""The main screen: status above, three panes, the way of the selected movement, the form below."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Footer, Input

from bridge.errors import OpsciError
from bridge.journal import Journey
from bridge.text import readable
from tui.entry.send import send_plan
from tui.find_bar import FindBar
from tui.finding import Finder
from tui.form.form import MovementForm
from tui.form.moves import Moves
from tui.letters.screen import LettersScreen
from tui.panes.kafka import KAFKA_COLUMNS
from tui.panes.log_view import LogView
from tui.panes.mqtt import MQTT_COLUMNS
from tui.panes.pane import Pane
from tui.panes.shares import SHARES, resized
from tui.panes.stock import StockView
from tui.panes.stock_pane import StockPane
from tui.records.desk import RecordDesk
from tui.screens.following import Following, WayLine
from tui.screens.help import HelpScreen
from tui.screens.keys import MAIN_KEYS, help_sections
from tui.screens.latency import LatencyScreen
from tui.screens.record import RecordScreen
from tui.status import StatusBar
from tui.tabs import PaneTabs

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from bridge.journal import Product
    from tui.engine import Engine
    from tui.entry.prompt import AmountPrompt
    from tui.letters.box import LetterBox
    from tui.panes.line_view import LineView

__all__ = ["MainScreen"]

WIDE: Final = 110
"""Columns from which the three panes stand side by side."""


class MainScreen(Screen[None]):
    """Everything at once.

    Args:
        engine: the chain.
        letters: the dead letters.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-medium"), (50, "-tall")]  # noqa: RUF012 - Textual declares it so

    BINDINGS: ClassVar[list[BindingType]] = [*MAIN_KEYS]

    def __init__(self, engine: Engine, letters: LetterBox) -> None:
        super().__init__()
        self._engine = engine
        self._letters = letters
        journal = engine.journal
        self.mqtt = LogView(journal.mqtt, journal.stock, MQTT_COLUMNS, "mqtt", "nothing came over MQTT yet")
        self.kafka = LogView(journal.kafka, journal.stock, KAFKA_COLUMNS, "kafka", "Kafka has nothing yet")
        self.stock = StockView(journal.stock, "stock")
        self.moves = Moves(journal.stock)
        """All that was sent from the keyboard."""
        self.panes: tuple[Pane, Pane, StockPane] = (
            Pane(1, "MQTT in", self.mqtt, journal.received),
            Pane(2, "Kafka produced", self.kafka, journal.produced),
            StockPane(3, "Strapi stock", self.stock, journal.stock, self.moves),
        )
        self.panes[2].pulse = journal.decided
        self._following = Following(self.panes, self.stock, journal.stock)
        self._desk = RecordDesk(self, engine.settings)
        self._shares: tuple[int, ...] = SHARES
        self._relative = False
        self._current = 1

    def compose(self) -> ComposeResult:
        """Status, tabs, panes, way, form, keys."""
        yield StatusBar(self._engine.journal, self._letters, self._engine.settings.screen.web)
        yield PaneTabs(self.panes)
        with Horizontal(id="panes"):
            yield from self.panes
        yield WayLine()
        yield MovementForm(self._engine.journal, self._engine.settings.mqtt.publish_topic, self.moves)
        yield FindBar(Finder((self.mqtt, self.kafka), self.stock))
        yield Footer(compact=True)

    def on_mount(self) -> None:
        """Start to look for news."""
        self.show_pane(1)
        self.pull()
        self.set_interval(1 / self._engine.settings.screen.frames, self.pull)

    @property
    def form(self) -> MovementForm:
        """The form."""
        return self.query_one(MovementForm)

    @property
    def followed(self) -> Journey | None:
        """The movement that is lit up in all panes."""
        return self._following.movement

    def pull(self) -> None:
        """Take over what the journal got since the last look."""
        now = time.time()
        self._letters.pull()
        self.query_one(StatusBar).pull()
        for pane in self.panes:
            pane.pull(now)
        self.query_one(WayLine).pull(self.followed)
        self.form.pull()

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

    def on_resize(self, event: events.Resize) -> None:
        """Leave the footer's room to the keys of the focus where it is narrow; ctrl+p works all the same."""
        self.query_one(Footer).show_command_palette = event.size.width >= WIDE

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

    def on_line_view_opened(self, event: LineView.Opened) -> None:
        """Show a record in full."""
        settings = self._engine.settings
        board = self._engine.journal.stock
        self.app.push_screen(RecordScreen(event.view, event.item, board, settings.screen.frames))

    def on_line_view_wanted(self, event: LineView.Wanted) -> None:
        """Do something with a record."""
        if event.what == "fill":
            self._fill_form(event.item)
        else:
            self._desk.take(event.what, event.item, event.view)

    def on_line_view_filter_wanted(self, event: LineView.FilterWanted) -> None:
        """Open the filter of a pane."""
        next(pane for pane in self.panes if pane.view.identity == event.pane).ask_filter()

    def on_amount_prompt_submitted(self, event: AmountPrompt.Submitted) -> None:
        """Hand what was typed on rows to the engine."""
        send_plan(self._engine, self.form.sent, event.plan, event.undoes)
        self.stock.marked.clear()
        self.pull()

    def on_pane_tabs_chosen(self, event: PaneTabs.Chosen) -> None:
        """Show a pane."""
        self.show_pane(event.number)

    def on_movement_form_left(self) -> None:
        """Go back to the pane that had the focus last."""
        self.show_pane(self._current)

    def on_movement_form_submitted(self, event: MovementForm.Submitted) -> None:
        """Hand a movement to the engine."""
        try:
            answer = self._engine.publish(event.payload)
        except OpsciError as error:
            self.notify(readable(str(error)), title="Not sent", severity="error", markup=False)
            return
        self.form.sending(event.movement, event.name, answer)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave digits to a field that has the focus."""
        if action in {"pane", "form"}:
            return not isinstance(self.focused, Input)
        return super().check_action(action, parameters)

    def action_pane(self, number: int) -> None:
        """Go to a pane."""
        self.show_pane(number)

    def action_form(self) -> None:
        """Go to the form, where typing replaces the product of the last movement."""
        self.set_focus(self.form.product)
        self.form.product.action_select_all()

    def action_next_place(self, step: int) -> None:
        """Go round the panes and the fields of the form."""
        places: list[Widget] = [*(pane.view for pane in self.panes), self.form.product, self.form.amount]
        here = next((place for place, widget in enumerate(places) if widget.has_focus), self._current - 1)
        there = (here + step) % len(places)
        if there < len(self.panes):
            self.show_pane(there + 1)
        else:
            self.set_focus(places[there])

    def action_zoom(self) -> None:
        """Give the current pane all the room, or give it back."""
        self.toggle_class("zoomed")
        self.show_pane(self._current)

    def action_size(self, step: int) -> None:
        """Give the current pane more of the width, or less."""
        if not self.has_class("-wide") or self.has_class("zoomed"):
            self.notify("one pane has all the width here")
            return
        self._shares = resized(self._shares, self._current - 1, step)
        for pane, share in zip(self.panes, self._shares, strict=True):
            pane.styles.width = f"{share}fr"

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

    def action_latency(self) -> None:
        """Say how long each hop takes."""
        self.app.push_screen(LatencyScreen(self._engine.journal))

    def action_times(self) -> None:
        """Say moments in the panes as ages, or as the time of day."""
        self._relative = not self._relative
        for pane in self.panes:
            pane.view.say_times(relative=self._relative)

    def action_close(self) -> None:
        """Give the room back, else stop following a movement."""
        if self.has_class("zoomed"):
            self.remove_class("zoomed")
            return
        for pane in self.panes:
            pane.view.forget_cursor()
        self.follow(None)

    def action_letters(self) -> None:
        """Go to the dead letters."""
        self.app.push_screen(LettersScreen(self._engine, self._letters))

    def action_help(self) -> None:
        """Name every key."""
        self.app.push_screen(HelpScreen(help_sections()))

    def _fill_form(self, item: Journey | Product) -> None:
        if not isinstance(item, Journey):
            self.form.fill(str(item.id), None)
        elif item.movement is None:
            self.notify("the record names no product and amount: there is nothing to put into the form")
        else:
            self.form.fill(item.movement.product, item.movement.delta)
