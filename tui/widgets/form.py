"""The form: a product and a signed amount, their preview, and the results of what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input

from tui.actions import bindings, key_of
from tui.language import say
from tui.widgets.cached_static import CachedStatic
from tui.widgets.inputs import History, PlainInput
from tui.widgets.preview import Preview, meant_line, preview, preview_line
from tui.widgets.sent import Sent, SentList
from tui.widgets.suggestions import Suggestions, complete

if TYPE_CHECKING:
    from concurrent.futures import Future

    from textual.app import ComposeResult

    from bridge.journal import Journal, Journey, Product
    from bridge.movement import Movement
    from tui.widgets.sent import SentMovements

__all__ = ["Fields", "MovementForm"]


class Fields(Horizontal):
    """The two fields, the button, and the matching product."""

    def __init__(self) -> None:
        super().__init__(id="fields")

    def compose(self) -> ComposeResult:
        product = say("name, number, barcode")
        yield PlainInput(placeholder=product, compact=True, select_on_focus=False, id="product")
        yield PlainInput(placeholder=say("+5 or -3"), compact=True, select_on_focus=False, id="amount", max_length=16)
        button = Button(say("Send") + " ⏎", id="send", compact=True)
        button.can_focus = False
        yield button
        yield CachedStatic(id="meant", markup=False)

    @property
    def product(self) -> Input:
        return self.query_one("#product", Input)

    @property
    def amount(self) -> Input:
        return self.query_one("#amount", Input)

    @property
    def typed(self) -> tuple[str, str]:
        """The texts of both fields."""
        return self.product.value, self.amount.value

    def put(self, product: str, amount: str | None = None) -> None:
        """Fill the fields without the effects of typing. Without an amount, that field is left alone."""
        with self.prevent(Input.Changed):
            self.product.value = product
            if amount is not None:
                self.amount.value = amount
        self.product.action_end()
        self.amount.action_end()

    def show_meant(self, found: Preview) -> None:
        """Show the matching product and the change of its stock, and highlight the button if Enter would send."""
        self.query_one("#send").set_class(found.movement is not None, "ready")
        self.query_one("#meant", CachedStatic).update(meant_line(found), layout=False)


class MovementForm(Vertical):
    """SentMovements stock from the keyboard.

    Args:
        journal: the products as they are shown, and the way of what was sent.
        topic: the MQTT topic to publish to.
        sent_movements: gets what was sent.
    """

    BINDINGS = bindings("form")

    @dataclass
    class Submitted(Message):
        """A movement is to be published."""

        movement: Movement
        payload: bytes
        name: str

    @dataclass
    class Left(Message):
        """The form was left."""

    def __init__(self, journal: Journal, topic: str, sent_movements: SentMovements) -> None:
        super().__init__(id="form")
        self._journal = journal
        self._board = journal.stock
        self._topic = topic
        self._sent_movements = sent_movements
        self._history: History[tuple[str, str]] = History()
        self._previewed: tuple[str, str, int] | None = None
        self._under_way: list[Sent] = []
        """The movements that the broker has not acknowledged."""
        self._standing: Sent | None = None
        """The one whose amount is still in the field as it was sent."""
        self._said = ""

    def compose(self) -> ComposeResult:
        yield Suggestions()
        yield Fields()
        yield CachedStatic(id="preview", markup=False)
        yield SentList(self._sent_movements)

    def on_mount(self) -> None:
        self.border_title = Content.assemble(("4 ", "$foreground-muted"), (say("Move stock"), "bold $foreground"))

    @property
    def fields(self) -> Fields:
        return self.query_one(Fields)

    @property
    def product(self) -> Input:
        return self.fields.product

    @property
    def amount(self) -> Input:
        return self.fields.amount

    @property
    def suggestions(self) -> Suggestions:
        return self.query_one(Suggestions)

    @property
    def sent(self) -> SentList:
        return self.query_one(SentList)

    @property
    def current(self) -> Preview:
        """What Enter would send."""
        return preview(*self.fields.typed, self._board)

    def fill(self, reference: str, delta: int | None) -> None:
        """Fill in a product reference and a signed amount, None to wait for one."""
        self._standing = None
        self.fields.put(reference, "" if delta is None else f"{delta:+d}")
        self.suggestions.suggest([])
        self.screen.set_focus(self.amount)
        self.pull()

    def sending(self, movement: Movement, name: str, answer: Future[Journey]) -> None:
        """Note what was passed to the engine."""
        self._standing = Sent(movement, name, answer, self._journal)
        self._under_way.append(self._standing)
        # The amount stays until the broker has answered, so that Enter can resend what failed; but it is selected, so
        # that typing begins a new amount.
        self.amount.action_select_all()
        self.sent.add(self._standing)

    def pull(self) -> None:
        """Update the preview, by the shown stock, and the state of the sent movements."""
        for answered in [sent for sent in self._under_way if sent.answer.done()]:
            self._under_way.remove(answered)
            self._said = say("not sent: {why}").format(why=answered.problem) if answered.problem else ""
            if answered is self._standing:
                self._standing = None
                if not answered.problem:
                    self.amount.value = ""
            self._previewed = None
        state = (*self.fields.typed, self._board.version)
        if state != self._previewed:
            self._previewed = state
            self._show(self.current)
        self.sent.pull()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Suggest products while one is typed, and update the preview."""
        event.stop()
        self._said = ""
        if event.input.id == "amount":
            self._standing = None
        if event.input.id == "product" and event.input.has_focus:
            typed = event.value.strip()
            exact = self._board.find(typed) if typed else None
            found = [] if exact else complete(typed, self._board.products())
            self.suggestions.suggest(found)
        self.pull()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the marked product, go on from the product to the amount, or send."""
        event.stop()
        if self.suggestions.marked is not None:
            self._take(self.suggestions.marked)
        elif self.product.has_focus and self.current.movement is None:
            self.screen.set_focus(self.amount)
        else:
            self._submit()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.suggestions.suggest([])
        self._submit()

    def on_suggestions_chosen(self, event: Suggestions.Chosen) -> None:
        self._take(event.product)

    def on_descendant_blur(self) -> None:
        """Close the suggestions when the field is left."""
        if not self.product.has_focus:
            self.suggestions.suggest([])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the suggestions' key to others while they are closed."""
        if action == "take":
            return self.is_mounted and self.suggestions.is_open
        return True

    def action_suggest(self, rows: int) -> None:
        """Mark another product, or recall an earlier or later movement."""
        if self.suggestions.is_open:
            self.suggestions.move(rows)
            return
        self._standing = None
        self.fields.put(*(self._history.step(rows) or ("", "")))
        self._said = ""
        self.pull()

    def action_take(self) -> None:
        if self.suggestions.marked is not None:
            self._take(self.suggestions.marked)

    def action_leave(self) -> None:
        """Close the suggestions, or leave the form."""
        if self.suggestions.is_open:
            self.suggestions.suggest([])
            self._show(self.current)
        else:
            self.screen.set_focus(None)
            self.post_message(self.Left())

    def _take(self, product: Product) -> None:
        self.fields.put(str(product.id))
        self.suggestions.suggest([])
        self.screen.set_focus(self.amount)
        self.pull()

    def _submit(self) -> None:
        found = self.current
        if self._standing is not None:
            self._said = say("the broker has not answered for the last one yet")
        elif found.movement is None:
            self._said = found.missing
        else:
            name = found.product.name if found.product else ""
            self._history.add(self.fields.typed)
            self.post_message(self.Submitted(found.movement, found.payload, name))
        self._show(found)

    def _show(self, found: Preview) -> None:
        missing = found.missing
        if self.suggestions.is_open:
            keys = {"up": key_of("form.previous"), "down": key_of("form.next"), "take": key_of("form.send")}
            missing = say("{up} {down} choose a product, {take} takes it").format(**keys)
        self.fields.show_meant(found)
        said = preview_line(found, self._topic, urgent=self._said or found.warning, otherwise=missing)
        self.query_one("#preview", CachedStatic).update(said, layout=False)
