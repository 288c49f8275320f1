"""The screen of dead letters: look, mend, send again, drop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from tui.figures import count
from tui.footer import KeysFooter
from tui.language import say, say_count
from tui.letters.mend import MendScreen
from tui.letters.view import LettersView
from tui.panes.line_view import LineView
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.records import RecordsScreen

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from bridge.journal import Journey, Product
    from tui.engine import Engine
    from tui.letters.box import LetterBox

__all__ = ["LettersScreen"]


class LettersScreen(RecordsScreen):
    """The letters that wait.

    Args:
        engine: the chain.
        box: the letters.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "R", "all_again", say("All again"), id="letters.all", tooltip=say("Send all again after a fix; asks first")
        ),
        Binding("x", "drop", say("Drop"), id="letters.drop", tooltip=say("Put it away; it stays in Kafka. Asks first")),
        Binding(
            "question_mark",
            "help",
            say("Help"),
            key_display="?",
            id="letters.help",
            tooltip=say("Every key and every sign"),
        ),
        Binding(
            "escape,d,q",
            "close",
            say("Close"),
            key_display="esc",
            id="letters.close",
            tooltip=say("Stop sending all again, else back to the panes"),
        ),
    ]

    def __init__(self, engine: Engine, box: LetterBox) -> None:
        super().__init__(engine)
        self._box = box
        self.view = LettersView(box)

    def compose(self) -> ComposeResult:
        """The table in its border, and the keys."""
        with Vertical(id="letters-pane", classes="pane"):
            yield self.view
        yield KeysFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Read what stands in Kafka, other engines' letters too, and look for news."""
        self._box.read()
        self.set_focus(self.view)
        self.pull()
        self.set_interval(1 / self._engine.settings.screen.frames, self.pull)

    def pull(self) -> None:
        """Take over what changed."""
        self._box.pull()
        self.view.pull(time.time())
        pane = self.query_one("#letters-pane")
        pane.border_title = Content(
            say("Dead letters") + f" · {self._engine.settings.kafka.errors_topic} · {count(len(self._box))}"
        )
        pane.border_subtitle = Content(self._subtitle())

    def _subtitle(self) -> str:
        box = self._box
        if box.trouble:
            return f"▲ {box.trouble}"
        if not box.wanted:
            return ""
        text = say("sending again: {sent} of {wanted} · Esc stops")
        return text.format(sent=count(box.sent), wanted=count(box.wanted))

    def fill(self, item: Journey | Product) -> None:
        """What puts a record into the form mends it here."""
        self.action_mend()

    def action_mend(self) -> None:
        """Edit a payload and send it."""
        letter = self.view.selected()
        if letter is None:
            return

        def send(payload: bytes | None) -> None:
            if payload is not None:
                self._box.send_again(letter, payload)

        self.app.push_screen(MendScreen(letter), send)

    def action_again(self) -> None:
        """Send one as it is."""
        letter = self.view.selected()
        if letter is not None:
            self._box.send_again(letter)

    def action_all_again(self) -> None:
        """Send all as they are."""
        waiting = len(self._box)
        if not waiting:
            return

        def send(wanted: bool | None) -> None:
            if wanted:
                self._box.send_all()

        question = say_count("Send {count} dead letter again?", "Send all {count} dead letters again?", waiting)
        self.app.push_screen(
            ConfirmScreen(question, say("Each is a new movement; what still can't be applied comes back.")), send
        )

    def action_drop(self) -> None:
        """Put one away."""
        letter = self.view.selected()
        if letter is None:
            return

        def drop(wanted: bool | None) -> None:
            if wanted:
                self._box.drop(letter)

        self.app.push_screen(
            ConfirmScreen(say("Drop this dead letter?"), say("It is not shown again; it stays in Kafka.")), drop
        )

    def action_help(self) -> None:
        """Name every key."""
        self.app.push_screen(
            HelpScreen(
                (
                    (say("Dead letters"), (*LettersView.BINDINGS, *self.BINDINGS)),
                    (say("In the table"), LineView.BINDINGS),
                )
            )
        )

    def action_close(self) -> None:
        """Stop sending all again, else go back to the panes."""
        if not self._box.stop_sending():
            self.app.pop_screen()
