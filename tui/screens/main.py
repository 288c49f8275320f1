"""The main screen: status above, three panes, the way of the selected movement, the form below."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from textual.containers import Horizontal
from textual.widgets import Input

from bridge.errors import OpsciError
from bridge.journal import Journey, Server
from bridge.runtime import collect_cycles
from bridge.text import readable
from tui.actions import bindings
from tui.language import say
from tui.scheduler import RefreshScheduler
from tui.screens.confirm import ConfirmScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.help import HelpScreen
from tui.screens.latency import LatencyScreen
from tui.screens.panes import PanesScreen, WayLine
from tui.screens.presets import PresetScreen
from tui.screens.simulator import SimulatorController
from tui.widgets.amount_plan import send_plan
from tui.widgets.cursor import LineView
from tui.widgets.find import FindBar, Finder
from tui.widgets.footer import KeysFooter
from tui.widgets.form import MovementForm
from tui.widgets.pane import PaneTabs
from tui.widgets.status import StatusBar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from bridge.journal import Product
    from bridge.settings import Preset
    from tui.dead_letters import PendingLetters
    from tui.engine import Engine
    from tui.widgets.amount import AmountPrompt
    from tui.widgets.sent import Moves, Sent

__all__ = ["CarriedOver", "MainScreen"]

_HELP: Final = "help"

_LET_GO: Final = 2.0
"""Seconds after which what another screen left in memory is let go of."""

WIDE: Final = 110
"""Columns from which the three panes stand side by side."""


class CarriedOver(NamedTuple):
    """What outlives a screen.

    Attributes:
        letters: the dead letters that wait; None where the next engine's Kafka has others.
        moves: what was sent from the keyboard, for what is pending and what can be undone.
        sent: the latest of it, as the form shows it.
        filters: the filter of each pane, in their order; empty where everything is shown.
        pane: the number of the pane that had the focus last.
    """

    letters: PendingLetters | None
    moves: Moves
    sent: Sequence[Sent]
    filters: Sequence[str]
    pane: int


class MainScreen(PanesScreen):
    """Everything at once.

    Args:
        engine: the chain.
        letters: the dead letters.
        before: what the screen before this one left, where saved settings made it start again.
        origins: gives who gave each server's address.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-medium"), (50, "-tall")]  # noqa: RUF012 - Textual declares it so

    BINDINGS = bindings("main")

    def __init__(
        self,
        engine: Engine,
        letters: PendingLetters,
        before: CarriedOver | None = None,
        origins: Callable[[], Mapping[Server, str]] = dict[Server, str],
    ) -> None:
        super().__init__(engine, None if before is None else before.moves)
        self._letters = letters
        self._before = before
        self._origins = origins
        self._simulator = SimulatorController(self, engine)
        self._settled = False
        views = (self.mqtt, self.kafka, self.stock)
        self._watch = RefreshScheduler(
            self,
            engine.journal.news,
            self.pull_rows,
            self.pull_figures,
            views=views,
            frames=engine.settings.screen.frames,
        )

    def compose(self) -> ComposeResult:
        """Status, tabs, panes, way, form, keys."""
        yield StatusBar(self._engine, self._letters, self._origins)
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
        if self._before is not None:
            self._go_on(self._before)
        self.pull()
        self._watch.start()

    def carried_over(self) -> tuple[Sequence[Sent], Sequence[str], int]:
        """What was sent, the panes' filters and the pane, for the screen that comes after this one."""
        return (*self.form.sent.entries,), [pane.view.filter_text for pane in self.panes], self._current

    def _go_on(self, before: CarriedOver) -> None:
        self.form.sent.entries.extend(before.sent)
        for pane, text in zip(self.panes, before.filters, strict=True):
            pane.put_filter(text)
        self.show_pane(before.pane)

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
        # The collector comes seldom by itself (bridge/runtime.py), and a screen's objects hold each other. A moment
        # later, as no one is to wait for it.
        self.set_timer(_LET_GO, self._let_go)

    def _let_go(self) -> None:
        if self.is_active:
            collect_cycles(forever=not self._settled)
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
        if action == "take_over":
            return self._engine.watches and not self._engine.read_only
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

    def action_take_over(self) -> None:
        """Carry the chain from here."""

        def take(wanted: bool | None) -> None:
            if wanted:
                self._engine.take_over()

        consequence = say(
            "This screen then joins the consumer group, and takes the messages unless another engine holds them. "
            "Nothing is lost, and each movement counts once."
        )
        self.app.push_screen(ConfirmScreen(say("Carry this chain from here?"), consequence), take)

    def action_latency(self) -> None:
        """Say how long each hop takes."""
        self.app.push_screen(LatencyScreen(self._engine.journal))

    def action_letters(self) -> None:
        """Go to the dead letters."""
        self.app.push_screen(DeadLettersScreen(self._engine, self._letters))

    def action_help(self) -> None:
        """Name every key, in a window that is made once: to make it takes longer than to show it."""
        if not self.app.is_screen_installed(_HELP):
            self.app.install_screen(HelpScreen("main"), _HELP)
        self.app.push_screen(_HELP)

    def fill(self, item: Journey | Product) -> None:
        """Put a record into the form."""
        if not isinstance(item, Journey):
            self.form.fill(str(item.id), None)
        elif item.movement is None and item.product:
            self.form.fill(item.product, None)
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
