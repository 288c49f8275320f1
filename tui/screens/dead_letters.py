"""The screen of dead letters: view, edit the payload, resend, drop."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bridge.journal import Journey, Verdict
from bridge.movement import Reason, Rejection, read_movement
from bridge.text import readable
from tui.actions import bindings
from tui.format import age, count, signed
from tui.language import msgid, say, say_count
from tui.outcome import GLYPHS, PENDING, REASONS, STYLES, Tone
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.screens.record_actions import RecordsScreen, not_whole
from tui.widgets import columns as cells
from tui.widgets.column_layout import EXTRA, Cell, Column
from tui.widgets.cursor import LineView
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.inputs import PlainInput
from tui.widgets.preview import refusal

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from textual import events
    from textual.app import ComposeResult

    from bridge.journal import DeadLetter, Product, StockTable
    from bridge.movement import Movement
    from tui.actions import What
    from tui.dead_letters import PendingLetters
    from tui.engine import Engine

__all__ = ["DeadLettersScreen", "DeadLettersView", "EditPayloadScreen", "ReasonTabs", "as_one_line"]


def _why(journey: Journey, now: float) -> Cell:
    return Cell(readable(say(journey.rejection.text)) if journey.rejection else "", Tone.MUTED)


class DeadLettersView(LineView[Journey]):
    """The waiting letters, all or those of one reason, newest first.

    Args:
        box: the letters.
    """

    BINDINGS = bindings("letters_table")

    def __init__(self, box: PendingLetters) -> None:
        columns = (
            Column("age", msgid("age"), 4, 4, 4, 1, self._age, "right"),
            Column("reason", msgid("reason"), 8, 20, 24, 0, self._reason),
            Column("origin", msgid("origin"), 8, 24, 40, 4, self._origin),
            Column("product", msgid("prod."), 5, 8, 14, 2, cells.product, "right"),
            Column("amount", msgid("amount"), 6, 6, 14, 3, cells.amount, "right", grows=14),
            Column("payload", msgid("payload"), 10, 40, 400, 5, cells.payload),
            Column("why", msgid("why"), 20, 40, 60, EXTRA, _why),
        )
        super().__init__(columns, "letters", say("no dead letter waits: everything was applied, sent again or dropped"))
        self._box = box
        self._version = -1
        self._letters: list[DeadLetter] = []
        self._rows: dict[str, int] = {}
        self.groups: list[tuple[Reason, int]] = []
        """The number of waiting letters for each reason, largest first."""
        self.reason: Reason | None = None
        """The reason whose letters are shown, None for all."""

    @property
    def rows(self) -> int:
        return len(self._letters)

    def key_at(self, row: int) -> str | None:
        return self._letters[row].journey.movement_id if 0 <= row < len(self._letters) else None

    def row_of(self, key: Hashable) -> int | None:
        return self._rows.get(key) if isinstance(key, str) else None

    def item_of(self, key: Hashable) -> Journey | None:
        row = self.row_of(key)
        return None if row is None else self._letters[row].journey

    def state_of(self, item: Journey, now: float) -> tuple[Hashable, str]:
        """Return what a letter's line depends on: whether it is being resent, and its age."""
        return (self._box.is_under_way(item.movement_id), self._age(item, now).text), ""

    def pull(self, now: float) -> None:
        """Show the waiting letters; if the cursor's letter is gone, the cursor moves to the one in its row."""
        if self._version != self._box.version:
            self._version = self._box.version
            row = None if self.cursor is None else self.row_of(self.cursor)
            self._take_over()
            self._rows = {letter.journey.movement_id: row for row, letter in enumerate(self._letters)}
            self.resize_rows()
            if row is not None and self.cursor is not None and self.row_of(self.cursor) is None:
                self.cursor = None
                self.move_cursor(row)
            self.refresh()
        self.repaint_changed(now)

    def _take_over(self) -> None:
        waiting = self._box.waiting()[::-1]
        self.groups = Counter(map(_reason_of, waiting)).most_common()
        if self.reason is not None and self.reason not in dict(self.groups):
            # The last letter of that reason was handled.
            self.reason = None
        self._letters = [one for one in waiting if self.reason is None or _reason_of(one) is self.reason]
        self.marks &= {one.journey.movement_id for one in waiting}

    def show_reason(self, reason: Reason | None) -> None:
        """Show only the letters of one reason, or all for None."""
        self.reason = reason
        self.cursor = None
        self._version = -1
        self.pull(time.time())

    def shown(self) -> list[DeadLetter]:
        """Return the shown letters, newest first."""
        return list(self._letters)

    def chosen_letters(self) -> list[DeadLetter]:
        """Return the marked letters, else the one under the cursor, if any."""
        if self.marks:
            return [one for one in self._letters if one.journey.movement_id in self.marks]
        letter = self.selected()
        return [] if letter is None else [letter]

    def action_mark(self) -> None:
        """Mark or unmark the letter under the cursor, and move to the next."""
        letter = self.selected()
        if letter is not None:
            name = letter.journey.movement_id
            self.marks ^= {name}
            self.move_cursor(self._rows[name] + 1)

    def selected(self) -> DeadLetter | None:
        """Return the letter under the cursor, or the newest one if there is no cursor."""
        row = None if self.cursor is None else self.row_of(self.cursor)
        if row is None:
            self.action_first()
            row = 0
        return self._letters[row] if 0 <= row < len(self._letters) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable the filter, which this table has not."""
        return action != "seek" and super().check_action(action, parameters)

    def action_want(self, what: What) -> None:
        """Do something with the letter under the cursor, or with the newest one if there is no cursor."""
        if self.selected() is not None:
            super().action_want(what)

    def _age(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(age(letter.at if letter else 0, now), Tone.MUTED)

    def _reason(self, journey: Journey, now: float) -> Cell:
        if self._box.is_under_way(journey.movement_id):
            return Cell(f"{PENDING} " + say("sending again"), Tone.PENDING, PENDING)
        # Not the verdict, which a letter may get a moment later than its row here.
        reason = say(REASONS[journey.rejection.reason]) if journey.rejection else ""
        return Cell(f"{GLYPHS[Verdict.REJECTED]} {reason}", Tone.REJECTED)

    def _origin(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(readable(letter.origin) if letter else "", Tone.MUTED)


def _reason_of(letter: DeadLetter) -> Reason:
    rejection = letter.journey.rejection
    return Reason.UNSTATED if rejection is None else rejection.reason


class ReasonTabs(Static):
    """One line with the number of letters per reason; a click shows those of one reason.

    Args:
        view: the table with the groups.
    """

    @dataclass
    class Chosen(Message):
        """The letters of a reason are to be shown, or all for None."""

        reason: Reason | None

    def __init__(self, view: DeadLettersView) -> None:
        super().__init__(id="letters-reasons", markup=False)
        self._view = view

    def pull(self) -> None:
        """Update the numbers."""
        self.update(Content.assemble(*(part for _, *parts in self._tabs() for part in parts)), layout=False)

    def _tabs(self) -> Iterator[tuple[Reason | None, tuple[str, str], tuple[str, str]]]:
        total = sum(number for _, number in self._view.groups)
        for reason, number in ((None, total), *self._view.groups):
            words = say("all") if reason is None else say(REASONS[reason])
            is_shown = reason is self._view.reason
            style = "bold $block-cursor-foreground on $block-cursor-background" if is_shown else "$foreground-muted"
            yield reason, (f" {words} {count(number)} ", style), (" ", "")

    def on_click(self, event: events.Click) -> None:
        """Show the reason that was clicked."""
        start = 0
        for reason, *parts in self._tabs():
            start += sum(cell_len(text) for text, _ in parts)
            if event.x < start:
                self.post_message(self.Chosen(reason))
                return


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
    """

    BINDINGS = bindings("letters")

    def __init__(self, engine: Engine, box: PendingLetters) -> None:
        super().__init__(engine)
        self._box = box
        self.view = DeadLettersView(box)
        self.tabs = ReasonTabs(self.view)

    def compose(self) -> ComposeResult:
        with Vertical(id="letters-pane", classes="pane"):
            yield self.tabs
            yield self.view
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
        pane = self.query_one("#letters-pane")
        pane.border_title = Content(
            say("Dead letters") + f" · {self._engine.settings.kafka.errors_topic} · {count(len(self._box))}"
        )
        pane.border_subtitle = Content(self._subtitle())

    def _subtitle(self) -> str:
        box = self._box
        if trouble := box.trouble or box.damage:
            return f"▲ {trouble}"
        if not box.wanted:
            return ""
        text = say("sending again: {sent} of {wanted} · Esc stops")
        return text.format(sent=count(box.sent), wanted=count(box.wanted))

    def fill(self, item: Journey | Product) -> None:
        """Edit the record: the action that fills the form elsewhere edits here."""
        self.action_mend()

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
                self._box.send_again(letter, payload)

        self.app.push_screen(EditPayloadScreen(letter, self._engine.journal.stock), send)

    def action_again(self) -> None:
        """Resend one letter unchanged."""
        letter = self.view.selected()
        if letter is not None:
            self._box.send_again(letter)

    def on_reason_tabs_chosen(self, event: ReasonTabs.Chosen) -> None:
        """Show the letters of a reason."""
        self.view.show_reason(event.reason)
        self.pull()

    def action_reason(self) -> None:
        """Show the letters of the next reason, or all after the last one."""
        reasons = [None, *(reason for reason, _ in self.view.groups)]
        self.view.show_reason(reasons[(reasons.index(self.view.reason) + 1) % len(reasons)])
        self.pull()

    def action_all_again(self) -> None:
        """Resend all shown letters unchanged."""
        letters = self.view.shown()[::-1]
        if not letters:
            return

        def send(wanted: bool | None) -> None:
            if wanted:
                self._box.send_all(letters)

        question = say_count("Send {count} dead letter again?", "Send all {count} dead letters again?", len(letters))
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

        question = say_count("Drop this dead letter?", "Drop {count} dead letters?", len(letters))
        stays = say_count(
            "It is not shown again; it stays in Kafka.", "They are not shown again; they stay in Kafka.", len(letters)
        )
        self.app.push_screen(ConfirmScreen(question, stays), drop)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen("letters"))

    def action_close(self) -> None:
        """Stop resending, else return to the panes."""
        if not self._box.stop_sending():
            self.app.pop_screen()
