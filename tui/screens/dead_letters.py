"""The screen of dead letters: look, edit the payload, send again, drop."""

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
    """The letters that wait, all or those of one reason, the newest on top.

    Args:
        box: what is shown.
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
        """How many wait for each reason, the most first."""
        self.reason: Reason | None = None
        """The reason whose letters are shown, None for all."""

    @property
    def rows(self) -> int:
        """How many letters are shown."""
        return len(self._letters)

    def key_at(self, row: int) -> str | None:
        """The movement-id of the letter in a row."""
        return self._letters[row].journey.movement_id if 0 <= row < len(self._letters) else None

    def row_of(self, key: Hashable) -> int | None:
        """The row of a movement-id."""
        return self._rows.get(key) if isinstance(key, str) else None

    def item_of(self, key: Hashable) -> Journey | None:
        """What the letter of that movement-id says."""
        row = self.row_of(key)
        return None if row is None else self._letters[row].journey

    def state_of(self, item: Journey, now: float) -> tuple[Hashable, str]:
        """A letter looks different while it is sent again, and as its age grows."""
        return (self._box.is_under_way(item.movement_id), self._age(item, now).text), ""

    def pull(self, now: float) -> None:
        """Show what waits; a cursor whose letter is gone goes to the one that took its place."""
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
            # The last one of it is dealt with.
            self.reason = None
        self._letters = [one for one in waiting if self.reason is None or _reason_of(one) is self.reason]
        self.marks &= {one.journey.movement_id for one in waiting}

    def show_reason(self, reason: Reason | None) -> None:
        """Show the letters of one reason alone, None all."""
        self.reason = reason
        self.cursor = None
        self._version = -1
        self.pull(time.time())

    def shown(self) -> list[DeadLetter]:
        """The letters that are shown, the newest first."""
        return list(self._letters)

    def chosen_letters(self) -> list[DeadLetter]:
        """The marked letters, else the one under the cursor; none where there is none."""
        if self.marks:
            return [one for one in self._letters if one.journey.movement_id in self.marks]
        letter = self.selected()
        return [] if letter is None else [letter]

    def action_mark(self) -> None:
        """Mark the letter under the cursor, or unmark it, and go on to the next."""
        letter = self.selected()
        if letter is not None:
            name = letter.journey.movement_id
            self.marks ^= {name}
            self.move_cursor(self._rows[name] + 1)

    def selected(self) -> DeadLetter | None:
        """The letter under the cursor, the newest one where it is on none."""
        row = None if self.cursor is None else self.row_of(self.cursor)
        if row is None:
            self.action_first()
            row = 0
        return self._letters[row] if 0 <= row < len(self._letters) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is no filter here."""
        return action != "seek" and super().check_action(action, parameters)

    def action_want(self, what: What) -> None:
        """Have something done with the letter under the cursor, the newest one where it is on none."""
        if self.selected() is not None:
            super().action_want(what)

    def _age(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(age(letter.at if letter else 0, now), Tone.MUTED)

    def _reason(self, journey: Journey, now: float) -> Cell:
        if self._box.is_under_way(journey.movement_id):
            return Cell(f"{PENDING} " + say("sending again"), Tone.PENDING, PENDING)
        # Not the verdict, which a letter may get a moment later than its place here.
        reason = say(REASONS[journey.rejection.reason]) if journey.rejection else ""
        return Cell(f"{GLYPHS[Verdict.REJECTED]} {reason}", Tone.REJECTED)

    def _origin(self, journey: Journey, now: float) -> Cell:
        letter = self._box.get(journey.movement_id)
        return Cell(readable(letter.origin) if letter else "", Tone.MUTED)


def _reason_of(letter: DeadLetter) -> Reason:
    rejection = letter.journey.rejection
    return Reason.UNSTATED if rejection is None else rejection.reason


class ReasonTabs(Static):
    """One line: how many wait for each reason; a click shows those of one.

    Args:
        view: whose groups.
    """

    @dataclass
    class Chosen(Message):
        """The letters of a reason are to be shown, of None all."""

        reason: Reason | None

    def __init__(self, view: DeadLettersView) -> None:
        super().__init__(id="letters-reasons", markup=False)
        self._view = view

    def pull(self) -> None:
        """Say how many there are by now."""
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
    r"""Write a payload as one printable line: JSON keeps its meaning, what is not printable becomes `\x1b`."""
    return readable(" ".join(payload.decode("utf-8", "backslashreplace").split()))


class EditPayloadScreen(ModalScreen[bytes | None], TranslatedKeys[bytes | None]):
    """One payload to be mended; gives what is to be sent, or None.

    Args:
        letter: whose payload.
        board: the products, by which it is said what Strapi will answer.
    """

    BINDINGS = bindings("edit_payload")

    def __init__(self, letter: DeadLetter, board: StockTable) -> None:
        super().__init__()
        self._letter = letter
        self._board = board

    def compose(self) -> ComposeResult:
        """Why it was rejected, the payload, and what it would be now."""
        rejection = self._letter.journey.rejection
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Edit and send again"))
            yield Static(Content(readable(say(rejection.text)) if rejection else ""), markup=False)
            yield PlainInput(as_one_line(self._letter.journey.payload), select_on_focus=False, id="mended")
            yield Static(id="judged", markup=False)
        yield KeysFooter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what it would be."""
        judged = read_movement(event.value.encode())
        if isinstance(judged, Rejection):
            said = Content.styled(
                "▲ " + say("would be rejected: {why}").format(why=readable(say(judged.text))), STYLES[Tone.OUT]
            )
        else:
            said = self._effect(judged)
        self.query_one("#judged", Static).update(said)

    def _effect(self, movement: Movement) -> Content:
        """What it would do, and what Strapi will answer by the stock that is shown."""
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
        """Send it."""
        self.dismiss(event.value.encode())

    def action_leave(self) -> None:
        """Send nothing."""
        self.dismiss(None)


class DeadLettersScreen(RecordsScreen):
    """The letters that wait.

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
        """The reasons and the table in their border, and the keys."""
        with Vertical(id="letters-pane", classes="pane"):
            yield self.tabs
            yield self.view
        yield KeysFooter()

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
        """What puts a record into the form mends it here."""
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
        """Send one as it is."""
        letter = self.view.selected()
        if letter is not None:
            self._box.send_again(letter)

    def on_reason_tabs_chosen(self, event: ReasonTabs.Chosen) -> None:
        """Show the letters of a reason."""
        self.view.show_reason(event.reason)
        self.pull()

    def action_reason(self) -> None:
        """Show the letters of the next reason alone, after the last one all."""
        reasons = [None, *(reason for reason, _ in self.view.groups)]
        self.view.show_reason(reasons[(reasons.index(self.view.reason) + 1) % len(reasons)])
        self.pull()

    def action_all_again(self) -> None:
        """Send all that are shown as they are."""
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
        """Put the marked ones away, else the one under the cursor."""
        self._ask_to_drop(self.view.chosen_letters())

    def action_drop_all(self) -> None:
        """Put all that are shown away: all of one reason where that is shown."""
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
        """Name every key."""
        self.app.push_screen(HelpScreen("letters"))

    def action_close(self) -> None:
        """Stop sending all again, else go back to the panes."""
        if not self._box.stop_sending():
            self.app.pop_screen()
