"""The window of refused movements, the dead letters: look, edit the payload, send again, drop."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bridge.movement import Rejection, read_movement
from bridge.text import readable
from tui.actions import bindings, key_of
from tui.format import count, signed
from tui.language import say, say_count
from tui.outcome import STYLES, Tone
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.record_actions import RecordsScreen, not_whole
from tui.timeline import marks, timeline_row
from tui.widgets.cached_static import CachedStatic, set_titles
from tui.widgets.dead_letters import DeadLettersView, ReasonTabs
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.inputs import PlainInput
from tui.widgets.pane import FilterInput
from tui.widgets.preview import refusal
from tui.widgets.sent import Sent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.app import ComposeResult

    from bridge.journal import DeadLetter, Journey, Product, StockTable
    from bridge.movement import Movement
    from tui.dead_letters import PendingLetters
    from tui.engine import Engine

__all__ = ["DeadLettersScreen", "EditPayloadScreen", "as_one_line"]


def as_one_line(payload: bytes) -> str:
    r"""Write a payload as one printable line: JSON keeps its meaning, unprintable characters become `\x1b`."""
    return readable(" ".join(payload.decode("utf-8", "backslashreplace").split()))


class EditPayloadScreen(ModalScreen[bytes | None], TranslatedKeys[bytes | None]):
    """A window to edit one payload; returns the bytes to send, or None.

    Args:
        letter: the letter with the payload.
        board: the products, to predict Strapi's answer.
    """

    BINDINGS = bindings("edit_payload")

    def __init__(self, letter: DeadLetter, board: StockTable) -> None:
        super().__init__()
        self._letter = letter
        self._board = board

    def compose(self) -> ComposeResult:
        rejection = self._letter.journey.rejection
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Edit and send again"))
            yield Static(Content(readable(say(rejection.text)) if rejection else ""), markup=False)
            yield PlainInput(as_one_line(self._letter.journey.payload), select_on_focus=False, id="mended")
            yield Static(id="judged", markup=False)
        yield KeysFooter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what the edited payload would do."""
        judged = read_movement(event.value.encode())
        if isinstance(judged, Rejection):
            said = Content.styled(
                "▲ " + say("would be rejected: {why}").format(why=readable(say(judged.text))), STYLES[Tone.OUT]
            )
        else:
            said = self._effect(judged)
        self.query_one("#judged", Static).update(said)

    def _effect(self, movement: Movement) -> Content:
        """Describe the movement's effect, and Strapi's answer according to the shown stock."""
        said = Content(
            say("moves {product} by {amount}").format(product=readable(movement.product), amount=signed(movement.delta))
        )
        product = self._board.find(movement.product)
        if product is None:
            refused = say("no product that is shown has this id or barcode: Strapi would refuse it")
            return Content.assemble(said, "\n", (f"▲ {refused}", STYLES[Tone.OUT])) if len(self._board) else said
        refused = refusal(product, movement.delta)
        if refused:
            return Content.assemble(said, f"  {readable(product.name)}\n", (f"▲ {refused}", STYLES[Tone.OUT]))
        stock = f"{count(product.stock)} → {count(product.stock + movement.delta)}"
        return Content.assemble(said, f"  {readable(product.name)}\n", (f"✓ {stock}", STYLES[Tone.APPLIED]))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Close with the edited payload."""
        self.dismiss(event.value.encode())

    def action_leave(self) -> None:
        """Close without sending."""
        self.dismiss(None)


class DeadLettersScreen(RecordsScreen):
    """The waiting letters.

    Args:
        engine: the chain.
        box: the letters.
        below: the main screen, whose form gets a movement to repeat.
    """

    BINDINGS = bindings("letters")

    @dataclass
    class SentAgain(Message):
        """A refused movement was resent; its progress is to be shown."""

        sent: Sent

    def __init__(self, engine: Engine, box: PendingLetters, below: RecordsScreen) -> None:
        super().__init__(engine)
        self._box = box
        self._below = below
        self._sent: Sent | None = None
        """The movement resent last."""
        self.view = DeadLettersView(box, engine.journal.stock)
        self.filter_input = FilterInput(self.view, say("text !text re:regex amount<-10 reason:unknown"))
        self.tabs = ReasonTabs(self.view)

    def compose(self) -> ComposeResult:
        with Vertical(id="letters-pane", classes="pane"):
            yield self.tabs
            yield self.view
            yield self.filter_input
        yield CachedStatic(id="letters-way", markup=False)
        yield KeysFooter()

    def on_mount(self) -> None:
        """Read the letters in Kafka, including other engines' letters, and start refreshing."""
        self._box.read()
        self.set_focus(self.view)
        self.pull()
        self.set_interval(1 / self._engine.settings.screen.frames, self.pull)

    def pull(self) -> None:
        """Take over changes."""
        self._box.pull()
        self.view.pull(time.time())
        self.tabs.pull()
        pane, waiting = self.query_one("#letters-pane"), count(len(self._box))
        if self.view.filter_text:
            waiting = say("{some} of {all}").format(some=count(self.view.rows), all=waiting)
        topic = self._engine.settings.kafka.errors_topic
        title = Content(" · ".join((say("Refused movements"), topic, waiting)))
        set_titles(pane, title, Content(self._subtitle()))
        self._pull_timeline()

    def _pull_timeline(self) -> None:
        """Draw the progress of the movement resent last."""
        way = self.query_one("#letters-way", CachedStatic)
        way.set_class(self._sent is not None, "told")
        if self._sent is not None and way.size.width:
            found = marks(self._sent.journey, time.time(), self._sent.name)
            way.update(timeline_row(found, way.size.width), layout=False)

    def _subtitle(self) -> str:
        box = self._box
        if bad := self.filter_input.trouble or self.view.filter_trouble:
            return f"▲ {readable(bad)}"
        if trouble := box.trouble or box.damage:
            return f"▲ {trouble}"
        if not box.wanted:
            marked = len(self.view.marks)
            return "◆ " + say_count("{count} marked", "{count} marked", marked) if marked else ""
        text = say("sending again: {sent} of {wanted} · {key} stops")
        return text.format(sent=count(box.sent), wanted=count(box.wanted), key=key_of("letters.close"))

    def fill(self, item: Journey | Product) -> None:
        """Put a movement into the form and focus it."""
        self.dismiss()
        self._below.fill(item)

    def action_mend(self) -> None:
        """Edit a payload and send it."""
        letter = self.view.selected()
        if letter is None:
            return
        if letter.journey.cut:
            self.notify(not_whole(letter.journey), title=say("Too large to edit"), severity="error", markup=False)
            return

        def send(payload: bytes | None) -> None:
            if payload is not None:
                self._send_again(letter, payload)

        self.app.push_screen(EditPayloadScreen(letter, self._engine.journal.stock), send)

    def action_again(self) -> None:
        """Resend one letter unchanged."""
        letter = self.view.selected()
        if letter is not None:
            self._send_again(letter)

    def _send_again(self, letter: DeadLetter, payload: bytes | None = None) -> None:
        """Resend a letter; its progress is shown like that of any movement sent from here."""
        answer = self._box.send_again(letter, payload)
        movement = read_movement(letter.journey.payload if payload is None else payload)
        if answer is None or isinstance(movement, Rejection):
            return
        product = self._engine.journal.stock.find(movement.product)
        self._sent = Sent(movement, "" if product is None else product.name, answer, self._engine.journal)
        self._below.post_message(self.SentAgain(self._sent))
        self.pull()

    def action_filter(self) -> None:
        """Open the filter line."""
        self.filter_input.open()

    def on_reason_tabs_chosen(self, event: ReasonTabs.Chosen) -> None:
        """Show the letters with the clicked reason."""
        self.view.show_reason(event.reason)
        self.pull()

    def action_reason(self, step: int) -> None:
        """Show the letters with the next or previous reason; after the last one, all letters."""
        reasons = [None, *(reason for reason, _ in self.view.groups)]
        self.view.show_reason(reasons[(reasons.index(self.view.reason) + step) % len(reasons)])
        self.pull()

    def action_all_again(self) -> None:
        """Resend all shown letters unchanged."""
        letters = self.view.shown()[::-1]
        if not letters:
            return

        def send(wanted: bool | None) -> None:
            if wanted:
                self._box.send_all(letters)

        question = say_count(
            "Send {count} refused movement again?", "Send all {count} refused movements again?", len(letters)
        )
        self.app.push_screen(
            ConfirmScreen(question, say("Each is a new movement; what still can't be applied comes back.")), send
        )

    def action_drop(self) -> None:
        """Drop the marked letters, else the one under the cursor."""
        self._ask_to_drop(self.view.chosen_letters())

    def action_drop_all(self) -> None:
        """Drop all shown letters."""
        self._ask_to_drop(self.view.shown())

    def _ask_to_drop(self, letters: Sequence[DeadLetter]) -> None:
        if not letters:
            return

        def drop(wanted: bool | None) -> None:
            if wanted:
                for letter in letters:
                    self._box.drop(letter)

        question = say_count("Drop this refused movement?", "Drop {count} refused movements?", len(letters))
        stays = say_count(
            "It is not shown again; it stays in Kafka.", "They are not shown again; they stay in Kafka.", len(letters)
        )
        self.app.push_screen(ConfirmScreen(question, stays), drop)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen("letters"))

    def action_close(self) -> None:
        """Stop resending all, else drop the filter, else return to the panes."""
        if self._box.stop_sending():
            return
        if self.view.filter_text or self.filter_input.trouble:
            self.filter_input.action_drop()
        else:
            self.app.pop_screen()
