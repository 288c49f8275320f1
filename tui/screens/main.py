"""The main screen: status above, three panes, the way of the selected movement, the form below."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar, Final

from textual.containers import Horizontal
from textual.widgets import Input

from bridge.collector import let_go
from bridge.errors import OpsciError
from bridge.journal import Journey
from bridge.text import readable
from tui.entry.send import send_plan
from tui.find_bar import FindBar
from tui.finding import Finder
from tui.footer import KeysFooter
from tui.form.form import MovementForm
from tui.language import say
from tui.letters.screen import LettersScreen
from tui.panes.line_view import LineView
from tui.presets.screen import PresetScreen
from tui.screens.following import WayLine
from tui.screens.help import HelpScreen
from tui.screens.keys import MAIN_KEYS, help_sections
from tui.screens.latency import LatencyScreen
from tui.screens.panes import PanesScreen
from tui.simulator.conductor import SimulatorConductor
from tui.status import StatusBar
from tui.tabs import PaneTabs
from tui.watch import NewsWatch

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.binding import BindingType
    from textual.widget import Widget

    from bridge.journal import Product
    from bridge.settings import Preset
    from tui.engine import Engine
    from tui.entry.prompt import AmountPrompt
    from tui.letters.box import LetterBox

__all__ = ["MainScreen"]

_HELP: Final = "help"

_LET_GO: Final = 2.0
"""Seconds after which what another screen left in memory is let go of."""

WIDE: Final = 110
"""Columns from which the three panes stand side by side."""


class MainScreen(PanesScreen):
    """Everything at once.

    Args:
        engine: the chain.
        letters: the dead letters.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-medium"), (50, "-tall")]  # noqa: RUF012 - Textual declares it so

    BINDINGS: ClassVar[list[BindingType]] = [*MAIN_KEYS]

    def __init__(self, engine: Engine, letters: LetterBox) -> None:
        super().__init__(engine)
        self._letters = letters
        self._simulator = SimulatorConductor(self, engine)
        self._settled = False
        views = (self.mqtt, self.kafka, self.stock)
        self._watch = NewsWatch(
            self,
            engine.journal.news,
            self.pull_rows,
            self.pull_figures,
            views=views,
            frames=engine.settings.screen.frames,
        )

    def compose(self) -> ComposeResult:
        """Status, tabs, panes, way, form, keys."""
        yield StatusBar(self._engine, self._letters)
        yield PaneTabs(self.panes)
        with Horizontal(id="panes"):
            yield from self.panes
        yield WayLine()
        yield MovementForm(self._engine.journal, self._engine.settings.mqtt.publish_topic, self.moves)
        yield FindBar(Finder((self.mqtt, self.kafka), self.stock))
        yield KeysFooter()

    def on_mount(self) -> None:
        """Start to look for news."""
        self.show_pane(1)
        self.pull()
        self._watch.start()

    def on_unmount(self) -> None:
        """Look for no more."""
        self._watch.stop()

    def touched(self) -> None:
        """Let what a key or the mouse asked for be answered before news is."""
        self._watch.touched()

    def answered(self) -> None:
        """Say in titles and totals what a key or the mouse changed."""
        self._watch.answered()

    def on_screen_resume(self) -> None:
        """Catch up with what came while another screen was in front, and let go of what that one left in memory."""
        self.pull()
        # The collector comes seldom by itself (bridge/collector.py), and a screen's objects hold each other. A moment
        # later, as no one is to wait for it.
        self.set_timer(_LET_GO, self._let_go)

    def _let_go(self) -> None:
        if self.is_active:
            let_go(forever=not self._settled)
            self._settled = True

    @property
    def form(self) -> MovementForm:
        """The form."""
        return self.query_one(MovementForm)

    def pull(self) -> None:
        """Take over what the journal got since the last look."""
        self.pull_rows()
        self.pull_figures()

    def pull_rows(self) -> None:
        """Take over which records and products there are, and what became of them."""
        now = time.time()
        self._letters.pull()
        self._simulator.pull()
        for pane in self.panes:
            pane.pull(now)
        self.query_one(WayLine).pull(self.followed)
        self.form.pull()

    def pull_figures(self) -> None:
        """Take over how the servers are, and what is counted."""
        self.query_one(StatusBar).pull()
        for pane in self.panes:
            pane.pull_title()

    def on_resize(self, event: events.Resize) -> None:
        """Leave the footer's room to the keys of the focus where it is narrow; ctrl+p works all the same."""
        self.query_one(KeysFooter).show_command_palette = event.size.width >= WIDE

    def on_amount_prompt_submitted(self, event: AmountPrompt.Submitted) -> None:
        """Hand what was typed on rows to the engine."""
        send_plan(self._engine, self.form.sent, event.plan, event.undoes)
        self.stock.marked.clear()
        self.pull()

    def on_movement_form_left(self) -> None:
        """Go back to the pane that had the focus last."""
        self.show_pane(self._current)

    def on_movement_form_submitted(self, event: MovementForm.Submitted) -> None:
        """Hand a movement to the engine."""
        try:
            answer = self._engine.publish(event.payload)
        except OpsciError as error:
            self.notify(readable(say(error.text)), title=say("Not sent"), severity="error", markup=False)
            return
        self.form.sending(event.movement, event.name, answer)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave digits and the stroke to a field that has the focus."""
        if action in {"pane", "form"}:
            return not isinstance(self.focused, Input)
        if action == "filter":
            return isinstance(self.focused, LineView)
        return super().check_action(action, parameters)

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

    def action_simulate(self) -> None:
        """Let simulated objects send, or stop them."""
        self._simulator.toggle()

    def action_presets(self) -> None:
        """Choose a preset, whose amount then stands in the line under the stock."""
        board = self._engine.journal.stock
        self.app.push_screen(PresetScreen(self._engine.settings.screen.presets, board), self._ask_preset)

    def action_latency(self) -> None:
        """Say how long each hop takes."""
        self.app.push_screen(LatencyScreen(self._engine.journal))

    def action_letters(self) -> None:
        """Go to the dead letters."""
        self.app.push_screen(LettersScreen(self._engine, self._letters))

    def action_help(self) -> None:
        """Name every key, in a window that is made once: to make it takes longer than to show it."""
        if not self.app.is_screen_installed(_HELP):
            self.app.install_screen(HelpScreen(help_sections()), _HELP)
        self.app.push_screen(_HELP)

    def fill(self, item: Journey | Product) -> None:
        """Put a record into the form."""
        if not isinstance(item, Journey):
            self.form.fill(str(item.id), None)
        elif item.movement is None:
            self.notify(say("the record names no product and amount: there is nothing to put into the form"))
        else:
            self.form.fill(item.movement.product, item.movement.delta)

    def _ask_preset(self, preset: Preset | None) -> None:
        if preset is None:
            return
        stock = self.panes[2]
        self.show_pane(stock.number)
        problem = stock.ask_preset(preset)
        if problem:
            self.notify(problem, title=say("Not sent"), severity="warning", markup=False)
