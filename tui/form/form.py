"""The form: a product and a signed amount, what they make, and what became of what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message

from tui.form.completion import complete
from tui.form.fields import Fields
from tui.form.history import History
from tui.form.preview import Preview, preview
from tui.form.sent import Sent, SentList
from tui.form.suggestions import Suggestions
from tui.form.wording import preview_line
from tui.language import say
from tui.steady import Steady

if TYPE_CHECKING:
    from concurrent.futures import Future

    from textual.app import ComposeResult
    from textual.widgets import Button, Input

    from bridge.journal import Journal, Journey, Product
    from bridge.movement import Movement
    from tui.form.moves import Moves

__all__ = ["MovementForm"]


class MovementForm(Vertical):
    """Moves stock from the keyboard.

    Args:
        journal: the products as they are shown, and the way of what was sent.
        topic: the MQTT topic that it publishes to.
        moves: gets what was sent.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "up",
            "suggest(-1)",
            say("Previous"),
            show=False,
            id="form.previous",
            tooltip=say("Mark the product above, else bring back the movement sent before"),
        ),
        Binding(
            "down",
            "suggest(1)",
            say("Next"),
            show=False,
            id="form.next",
            tooltip=say("Mark the product below, else bring back the movement sent after"),
        ),
        Binding("tab", "take", say("Take"), show=False, id="form.take", tooltip=say("Take the marked product")),
        Binding(
            "escape",
            "leave",
            say("Leave"),
            priority=True,
            id="form.leave",
            tooltip=say("Close the suggestions, then leave the form"),
        ),
    ]

    @dataclass
    class Submitted(Message):
        """A movement is to be published."""

        movement: Movement
        payload: bytes
        name: str

    @dataclass
    class Left(Message):
        """The form is no longer wanted."""

    def __init__(self, journal: Journal, topic: str, moves: Moves) -> None:
        super().__init__(id="form")
        self._journal = journal
        self._board = journal.stock
        self._topic = topic
        self._moves = moves
        self._history: History[tuple[str, str]] = History()
        self._previewed: tuple[str, str, int] | None = None
        self._under_way: Sent | None = None
        self._said = ""

    def compose(self) -> ComposeResult:
        """Fields, what they make, and the sent ones."""
        yield Suggestions()
        yield Fields()
        yield Steady(id="preview", markup=False)
        yield SentList(self._moves)

    def on_mount(self) -> None:
        """Name the border."""
        self.border_title = Content(say("4 Move stock"))

    @property
    def fields(self) -> Fields:
        """Where both are typed."""
        return self.query_one(Fields)

    @property
    def product(self) -> Input:
        """Where the product is typed."""
        return self.fields.product

    @property
    def amount(self) -> Input:
        """Where the amount is typed."""
        return self.fields.amount

    @property
    def suggestions(self) -> Suggestions:
        """What the typed product may mean."""
        return self.query_one(Suggestions)

    @property
    def sent(self) -> SentList:
        """What was sent."""
        return self.query_one(SentList)

    @property
    def current(self) -> Preview:
        """What would be sent if it were sent at once."""
        return preview(*self.fields.typed, self._board)

    def fill(self, reference: str, delta: int | None) -> None:
        """Put in a product as a record names it and a signed amount, None to wait for one."""
        self.fields.put(reference, "" if delta is None else f"{delta:+d}")
        self.suggestions.suggest([])
        self.screen.set_focus(self.amount)
        self.pull()

    def sending(self, movement: Movement, name: str, answer: Future[Journey]) -> None:
        """Note what was handed to the engine."""
        self._under_way = Sent(movement, name, answer, self._journal)
        self.sent.add(self._under_way)

    def pull(self) -> None:
        """Say what would be sent, by the stock as it is shown, and how far the sent ones are."""
        under_way = self._under_way
        if under_way is not None and under_way.answer.done():
            self._under_way = None
            self._said = say("not sent: {why}").format(why=under_way.problem) if under_way.problem else ""
            if not under_way.problem:
                self.amount.value = ""
            self._previewed = None
        state = (*self.fields.typed, self._board.version)
        if state != self._previewed:
            self._previewed = state
            self._show(self.current)
        self.sent.pull()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Suggest products while one is typed, and say what would be sent."""
        event.stop()
        self._said = ""
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
        """Send."""
        event.stop()
        self.suggestions.suggest([])
        self._submit()

    def on_suggestions_chosen(self, event: Suggestions.Chosen) -> None:
        """Take the product that was clicked."""
        self._take(event.product)

    def on_descendant_blur(self) -> None:
        """Close the suggestions when the field is left."""
        if not self.product.has_focus:
            self.suggestions.suggest([])

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave the key of the suggestions to others while there are none."""
        if action == "take":
            return self.is_mounted and self.suggestions.is_open
        return True

    def action_suggest(self, rows: int) -> None:
        """Mark another product, or bring back what was sent before or after."""
        if self.suggestions.is_open:
            self.suggestions.move(rows)
            return
        self.fields.put(*(self._history.step(rows) or ("", "")))
        self._said = ""
        self.pull()

    def action_take(self) -> None:
        """Take the marked product."""
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
        if self._under_way is not None:
            self._said = say("the broker has not answered for the last one yet")
        elif found.movement is None:
            self._said = found.missing
        else:
            name = found.product.name if found.product else ""
            self._history.add(self.fields.typed)
            self.post_message(self.Submitted(found.movement, found.payload, name))
        self._show(found)

    def _show(self, found: Preview) -> None:
        missing = say("↑ ↓ choose a product, Enter takes it") if self.suggestions.is_open else found.missing
        self.fields.show_meant(found)
        said = preview_line(found, self._topic, urgent=self._said or found.warning, otherwise=missing)
        self.query_one("#preview", Steady).update(said, layout=False)
