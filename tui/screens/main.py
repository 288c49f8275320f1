"""The main screen: status bar, three panes, the timeline of the selected movement, and the form."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from textual import on
from textual.containers import Horizontal
from textual.widgets import Input

from bridge.errors import OpsciError
from bridge.journal import Journey, Server, State
from bridge.runtime import collect_cycles
from bridge.text import readable
from tui.actions import bindings, key_of
from tui.format import count
from tui.kept_state import KeptChain, KeptScreen, KeptState, keep_steps, restore_steps
from tui.language import say
from tui.scheduler import RefreshScheduler
from tui.screens.confirm import ConfirmScreen
from tui.screens.dead_letters import DeadLettersScreen
from tui.screens.help import HelpScreen
from tui.screens.panes import MovementTimeline, PanesScreen, first_steps
from tui.screens.presets import PresetScreen, as_preset, is_known
from tui.screens.simulator import SimulatorController
from tui.view_choice import MOVEMENTS, PANES, STAGE, VIEWS, ViewChoice, view_file
from tui.widgets.amount_plan import send_plan
from tui.widgets.columns import MOVEMENT_COLUMNS, MQTT_COLUMNS
from tui.widgets.cursor import LineView
from tui.widgets.filter import FilterError
from tui.widgets.find import FindBar, Finder
from tui.widgets.footer import KeysFooter
from tui.widgets.form import MovementForm
from tui.widgets.pane import PaneTabs
from tui.widgets.sorted_view import Order
from tui.widgets.stage_view import StageView
from tui.widgets.status import Banner, RefusedChosen, StatusBar
from tui.widgets.stock import SORT_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget

    from bridge.journal import Connection, Product
    from bridge.settings import Preset, ScreenSettings
    from tui.dead_letters import PendingLetters
    from tui.engine import Engine
    from tui.widgets.amount import AmountPrompt
    from tui.widgets.sent import Sent, SentMovements

__all__ = ["CarriedOver", "MainScreen"]

_HELP: Final = "help"

_SENT_PRESETS: Final = 8
"""How many of the movements sent last are offered with the presets."""

_LET_GO: Final = 2.0
"""Seconds after a screen is closed until its memory is released."""

_KAFKA: Final = 2
"""The number of the pane that the view of movements hides."""

WIDE: Final = 110
"""Columns from which the three panes are shown side by side."""


class CarriedOver(NamedTuple):
    """State that outlives a screen.

    Attributes:
        letters: the waiting dead letters; None if the next engine's Kafka has others.
        sent_movements: the movements sent from the keyboard, for pending and undoable ones; None, with no filters, if
            the next engine carries another chain.
        sent: the latest of them, as the form shows them.
        filters: the filter of each pane, in order; empty for none.
        pane: the number of the last focused pane.
    """

    letters: PendingLetters | None
    sent_movements: SentMovements | None
    sent: Sequence[Sent]
    filters: Sequence[str]
    pane: int


class MainScreen(PanesScreen):
    """The main screen.

    Args:
        engine: the chain.
        letters: the dead letters.
        before: the state of the previous screen, if saved settings restarted it.
        origins: returns where each server's address comes from.
        kept: the saved state; None keeps none.
    """

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (20, "-short"), (32, "-medium"), (50, "-tall")]  # noqa: RUF012 - Textual declares it so

    BINDINGS = bindings("main")

    def __init__(
        self,
        engine: Engine,
        letters: PendingLetters,
        before: CarriedOver | None = None,
        origins: Callable[[], Mapping[Server, str]] = dict[Server, str],
        kept: KeptState | None = None,
    ) -> None:
        super().__init__(engine, None if before is None else before.sent_movements)
        self._kept = kept
        self._kafka: Connection | None = None
        """The connection to Kafka for which the chain was looked up last."""
        self._letters = letters
        self._before = before
        self._origins = origins
        self._simulator = SimulatorController(self, engine)
        self._choice = ViewChoice(view_file())
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
        yield StatusBar(self._engine)
        yield PaneTabs(self.panes)
        with Horizontal(id="panes"):
            mqtt, kafka, stock = self.panes
            into_kafka, into_strapi = self.arrows
            yield from (mqtt, into_kafka, kafka, into_strapi, stock)
        stage = StageView(self._engine.journal)
        stage.hints = self.mqtt.hints
        yield stage
        yield MovementTimeline(self.panes, self._engine.journal.stock)
        yield Banner(self._engine.journal, self._origins)
        yield MovementForm(self._engine.journal, self._engine.settings.mqtt.publish_topic, self.sent_movements)
        yield FindBar(Finder((self.mqtt, self.kafka), self.stock))
        yield KeysFooter()

    def on_mount(self) -> None:
        """Start refreshing."""
        self.show_view(self._choice.view)
        self.show_pane(1)
        if self._kept is not None:
            self._restore(self._kept.screen)
        if self._before is not None:
            self._go_on(self._before)
        if self._kept is not None and self._before is not None and self._before.sent_movements is not None:
            # The previous screen left what it sent to this chain, so the file of the chain is not restored as well.
            self._kept.turn_to(self._engine.settings)
        self._turn_to_chain()
        self.pull()
        self._watch.start()

    def carried_over(self) -> tuple[Sequence[Sent], Sequence[str], int]:
        """Return the sent movements, the panes' filters and the pane number, for the next screen."""
        return (*self.form.sent.entries,), [pane.view.filter_text for pane in self.panes], self._current

    def keep(self, *, theme: str, settings_theme: str) -> None:
        """Save the state for the next start.

        Args:
            theme: the theme chosen on the screen; empty for the one in the settings.
            settings_theme: the theme in the settings.
        """
        if self._kept is None:
            return
        orders = {"stock": (self.stock.order.column, self.stock.order.reverse)}
        screen = KeptScreen(theme=theme, settings_theme=settings_theme, orders=orders, shares=self._sizes.shares)
        views = [pane.view for pane in self.panes]
        chain = KeptChain(
            chain=self._kept.chain.chain,
            filters={view.identity: view.filter_text for view in views if view.filter_text},
            steps=keep_steps(self.sent_movements.steps),
        )
        self._kept.keep(screen, chain)

    def _restore(self, kept: KeptScreen) -> None:
        """Restore the sort orders and widths of the last start, as far as they are still valid."""
        self._sizes.restore(kept.shares)
        column, reverse = kept.orders.get("stock", ("", False))
        if column in SORT_KEYS:
            self.stock.sort(Order(column, reverse))

    def _turn_to_chain(self) -> None:
        """Restore what was sent to the chain, and the filters used on it.

        Another one may be found once Kafka answers.
        """
        self._kafka = self._engine.journal.connections[Server.KAFKA]
        if self._kept is None or not self._kept.turn_to(self._engine.settings):
            return
        self.form.sent.restore(restore_steps(self._kept.chain.steps, self._engine.journal))
        for pane in self.panes:
            with contextlib.suppress(FilterError):
                if not pane.view.filter_text and (text := self._kept.chain.filters.get(pane.view.identity)):
                    pane.filter_input.put(text)

    def _go_on(self, before: CarriedOver) -> None:
        self.form.sent.entries.extend(before.sent)
        for pane, text in zip(self.panes, before.filters, strict=False):
            pane.filter_input.put(text)
        self.show_pane(before.pane)

    def show_with(self, settings: ScreenSettings) -> None:
        """Use changed settings of the screen."""
        self._watch.set_frames(settings.frames)
        self.mqtt.hints = self.query_one(StageView).hints = first_steps(self._engine.settings)
        if self.app.is_screen_installed(_HELP) and not any(
            isinstance(one, HelpScreen) for one in self.app.screen_stack
        ):
            # It was made with the keys of before.
            self.app.uninstall_screen(_HELP)
        self.pull()

    def on_unmount(self) -> None:
        """Stop refreshing."""
        self._watch.stop()

    def touched(self) -> None:
        """Give the response to a key or the mouse priority over news."""
        self._watch.touched()

    def answered(self) -> None:
        """Update titles and totals after a key or the mouse changed something."""
        self._watch.answered()

    def on_screen_resume(self) -> None:
        """Catch up after another screen was in front, and later release that screen's memory."""
        self.pull()
        # The garbage collector rarely runs by itself (bridge/runtime.py), and a screen's objects form cycles. It runs a
        # moment later so that nobody waits for it.
        self.set_timer(_LET_GO, self._let_go)

    def _let_go(self) -> None:
        if self.is_active:
            collect_cycles(forever=not self._settled)
            self._settled = True

    @property
    def form(self) -> MovementForm:
        return self.query_one(MovementForm)

    def pull(self) -> None:
        """Take over the changes of the journal since the last refresh."""
        self.pull_rows()
        self.pull_figures()

    def pull_rows(self) -> None:
        """Take over the records, the products and the movements' outcomes."""
        now = time.time()
        self._letters.pull()
        self._simulator.pull()
        for pane in self.panes:
            pane.pull(now)
        self.form.pull()
        self.pull_timeline()

    def pull_figures(self) -> None:
        """Take over the state of the servers, and the counts."""
        if (kafka := self._engine.journal.connections[Server.KAFKA]) is not self._kafka and kafka.state is State.UP:
            self._turn_to_chain()
        self.query_one(StatusBar).pull()
        self.query_one(Banner).pull()
        waiting = len(self._letters)
        self.query_one(KeysFooter).put_figure("letters.open", count(waiting) if waiting else "")
        for pane in self.panes:
            pane.pull_title()
        if self.panes_are_side_by_side:
            for arrow in self.arrows:
                arrow.pull()
        else:
            self.query_one(PaneTabs).pull()

    def pull_timeline(self) -> None:
        """Draw the timeline of the followed movement, or of the one sent last if none is followed."""
        shown = self.followed or next((sent.journey for sent in self.form.sent.entries if not sent.restored), None)
        if self._choice.view == STAGE:
            self.query_one(StageView).pull(shown)
        else:
            self.query_one(MovementTimeline).pull(shown)

    def show_view(self, view: str) -> None:
        """Show one of the three views.

        Args:
            view: one of `tui.view_choice.VIEWS`.
        """
        for one in VIEWS:
            self.set_class(one == view, f"view-{one}")
        self.mqtt.show_columns(MOVEMENT_COLUMNS if view == MOVEMENTS else MQTT_COLUMNS)
        if view == MOVEMENTS and self._current == _KAFKA:
            self.show_pane(1)

    def action_view(self) -> None:
        """Switch to the next view."""
        view = VIEWS[(VIEWS.index(self._choice.view) + 1) % len(VIEWS)]
        self._choice.choose(view)
        self.show_view(view)
        if view == PANES:
            self.show_pane(self._current)

    def action_pane(self, number: int) -> None:
        """Go to a pane; if the view doesn't show it, switch to the view of all panes."""
        if self._choice.view == STAGE or (self._choice.view == MOVEMENTS and number == _KAFKA):
            self._choice.choose(PANES)
            self.show_view(PANES)
        super().action_pane(number)

    @property
    def panes_are_side_by_side(self) -> bool:
        """Whether all three panes are shown."""
        return self.has_class("-wide") and not self.has_class("zoomed")

    def on_resize(self) -> None:
        """Redraw what depends on the width."""
        self.call_after_refresh(self._redraw)

    def _redraw(self) -> None:
        if self.is_mounted and self.app.is_running:
            self.pull()

    def on_amount_prompt_submitted(self, event: AmountPrompt.Submitted) -> None:
        """Send the movements typed on rows to the engine."""
        send_plan(self._engine, self.form.sent, event.plan, event.undoes)
        self.stock.marked.clear()
        self.pull()

    def on_dead_letters_screen_sent_again(self, event: DeadLettersScreen.SentAgain) -> None:
        """Show the progress of a resent movement like that of any movement sent from here."""
        self.form.sent.add(event.sent)
        for pane in self.panes:
            pane.view.forget_cursor()
        self.follow(None)

    def on_movement_form_left(self) -> None:
        """Return to the last focused pane."""
        self.remove_class("form-open")
        self.show_pane(self._current)

    def on_movement_form_submitted(self, event: MovementForm.Submitted) -> None:
        """Send a movement to the engine."""
        try:
            answer = self._engine.publish(event.payload)
        except OpsciError as error:
            self.notify(readable(say(error.text)), title=say("Not sent"), severity="error", markup=False)
            return
        self.form.sending(event.movement, event.name, answer)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave digits and `/` to a focused text field."""
        if action == "save_preset":
            return not self._engine.read_only
        if action == "take_over":
            return self._engine.watches and not self._engine.read_only
        if action in {"pane", "form"}:
            return not isinstance(self.focused, Input)
        if action == "filter":
            return isinstance(self.focused, LineView)
        return super().check_action(action, parameters)

    def action_form(self) -> None:
        """Focus the form, with the product of the last movement selected for replacement."""
        self.add_class("form-open")
        self.set_focus(self.form.product)
        self.form.product.action_select_all()

    def action_next_place(self, step: int) -> None:
        """Cycle the focus through the panes and the fields of the form."""
        places: list[Widget] = [*(pane.view for pane in self.panes), self.form.product, self.form.amount]
        here = next((place for place, widget in enumerate(places) if widget is self.focused), self._current - 1)
        there = (here + step) % len(places)
        if there < len(self.panes):
            self.show_pane(there + 1)
        else:
            self.add_class("form-open")
            self.set_focus(places[there])

    def action_simulate(self) -> None:
        """Start or stop the simulated objects."""
        self._simulator.toggle()

    def action_presets(self) -> None:
        """Choose a preset, whose amount is then put into the line under the stock."""
        board = self._engine.journal.stock
        presets = self._engine.settings.screen.presets
        self.app.push_screen(PresetScreen(presets, board, self._sent_presets(), self._save_preset), self._ask_preset)

    def action_save_preset(self) -> None:
        """Save the movement sent last as a preset."""
        if not self.form.sent.entries:
            self.notify(say("nothing was sent from here yet"))
            return
        sent = self.form.sent.entries[0]
        presets = self._engine.settings.screen.presets
        if is_known(sent.movement, presets):
            self.notify(say("a preset sends the same: {key} shows it").format(key=key_of("presets")))
            return
        self._save_preset(as_preset(sent.movement, sent.name, presets))

    def _sent_presets(self) -> list[Preset]:
        """What was sent and no preset sends, as presets, the latest first."""
        found: list[Preset] = []
        for sent in self.form.sent.entries:
            known = [*self._engine.settings.screen.presets, *found]
            if not is_known(sent.movement, known) and len(found) < _SENT_PRESETS:
                found.append(as_preset(sent.movement, sent.name, known))
        return found

    def _save_preset(self, preset: Preset) -> bool:
        """Save a preset, and say where; return whether it was saved."""
        save = getattr(self.app, "save_preset", None)
        return save is not None and bool(save(preset))

    def action_take_over(self) -> None:
        """Run the chain on this engine, after a confirmation."""

        def take(wanted: bool | None) -> None:
            if wanted:
                self._engine.take_over()

        consequence = say(
            "This screen then joins the consumer group, and takes the messages unless another engine holds them. "
            "Nothing is lost, and each movement counts once."
        )
        self.app.push_screen(ConfirmScreen(say("Carry this chain from here?"), consequence), take)

    def action_charts(self) -> None:
        """Show the hops' figures over the last ten minutes."""
        from tui.screens.charts import ChartsScreen  # noqa: PLC0415 - plotting takes 0.2 s to import

        self.app.push_screen(ChartsScreen(self._engine.journal))

    def action_infrastructure(self) -> None:
        """Show what the servers report about themselves."""
        from tui.screens.infrastructure import InfrastructureScreen  # noqa: PLC0415 - the first frame needs none of it

        self.app.push_screen(InfrastructureScreen(self._engine, getattr(self.app, "own_servers", None)))

    @on(RefusedChosen)
    def show_refused(self) -> None:
        """Open the dead letters after a click on their number."""
        self.action_letters()

    def action_letters(self) -> None:
        """Open the dead letters."""
        self.app.push_screen(DeadLettersScreen(self._engine, self._letters, self))

    def action_help(self) -> None:
        """Show the help; its window is created only once, which takes longer than showing it."""
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
