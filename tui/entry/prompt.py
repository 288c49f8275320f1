"""The line itself: it opens under the rows, says what would be sent while one types, and hands it over with Enter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message

from tui.entry.amount_input import AmountInput
from tui.entry.plan import Plan, Planned, plan
from tui.entry.wording import meaning_line, target_line
from tui.form.history import History
from tui.language import say
from tui.steady import Steady

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual.app import ComposeResult
    from textual.widget import Widget
    from textual.widgets import Input

    from tui.entry.plan import Target
    from tui.form.sent import Sent

__all__ = ["AmountPrompt"]


class AmountPrompt(Vertical):
    """An amount for some rows, or what would take back an earlier one; closed until it is asked to open.

    Args:
        rows: what gets the focus when it closes.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "drop", say("Drop"), id="amount.drop", tooltip=say("Send nothing")),
        Binding("u", "further", say("Further back"), id="amount.further", tooltip=say("Undo the one before instead")),
        Binding(
            "up", "recall(-1)", say("Earlier"), show=False, id="amount.earlier", tooltip=say("The amount sent before")
        ),
        Binding("down", "recall(1)", say("Later"), show=False, id="amount.later", tooltip=say("The amount sent after")),
    ]

    @dataclass
    class Submitted(Message):
        """A plan is to be sent; `undoes` has what each of its movements takes back, or nothing."""

        plan: Plan
        undoes: Sequence[Sent]

    def __init__(self, rows: Widget) -> None:
        super().__init__(classes="amount")
        self._rows = rows
        self.history: History[str] = History()
        self._targets: Callable[[], Sequence[Target]] = tuple
        self._undoable: Sequence[Sequence[Sent]] = ()
        self._back = 0

    def compose(self) -> ComposeResult:
        """The amount and the rows it is for; under them what it means."""
        with Horizontal(classes="amount-line"):
            field = AmountInput(self.action_send)
            field.passes = frozenset({"u"})
            yield field
            yield Steady(classes="amount-target", markup=False)
        yield Steady(classes="amount-meaning", markup=False)

    @property
    def input(self) -> AmountInput:
        """Where the amount is typed."""
        return self.query_one(AmountInput)

    @property
    def is_open(self) -> bool:
        """Whether an amount is being typed."""
        return self.has_class("open")

    @property
    def undoing(self) -> Sequence[Sent]:
        """What would be taken back; nothing while an amount is typed."""
        return self._undoable[self._back] if self._undoable else ()

    @property
    def current(self) -> Plan:
        """What Enter would send."""
        targets = self._targets()
        if self._undoable:
            pairs = zip(targets, self.undoing, strict=True)
            return Plan(tuple(Planned(target, -sent.movement.delta) for target, sent in pairs))
        return plan(self.input.value, targets)

    def ask(self, typed: str, targets: Callable[[], Sequence[Target]]) -> None:
        """Ask for an amount.

        Args:
            typed: what stands there already: a sign.
            targets: gives the rows as they are shown.
        """
        self._undoable = ()
        self._open(typed, targets)

    def offer_undo(
        self, undoable: Sequence[Sequence[Sent]], targets: Callable[[Sequence[Sent]], Sequence[Target]]
    ) -> None:
        """Offer to take back what was sent.

        Args:
            undoable: the latest step first, at least one.
            targets: gives the rows, as they are shown, that some movements are of: one for each.
        """
        self._undoable, self._back = undoable, 0
        self._open("", lambda: targets(self.undoing))

    def close(self) -> None:
        """Ask no more."""
        self.remove_class("open", "undo")
        self.input.leave()
        self.screen.set_focus(self._rows)

    def pull(self) -> None:
        """Say anew what would be sent: the stock moves while a person types."""
        if not self.is_open:
            return
        undone = (
            say("undo {place} of {count}: ").format(place=self._back + 1, count=len(self._undoable))
            if self._undoable
            else ""
        )
        self.query_one(".amount-target", Steady).update(target_line(self._targets(), undone), layout=False)
        self.query_one(".amount-meaning", Steady).update(meaning_line(self.current), layout=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what it means."""
        event.stop()
        self.pull()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Undo has no amounts to recall, and an amount has nothing further back."""
        if action == "further":
            return bool(self._undoable)
        if action == "recall":
            return not self._undoable
        return True

    def action_send(self) -> None:
        """Hand it over, unless something is missing."""
        found = self.current
        if not found.planned:
            self.pull()
            return
        if not self._undoable:
            self.history.add(self.input.value)
        self.post_message(self.Submitted(found, self.undoing))
        self.close()

    def action_drop(self) -> None:
        """Send nothing."""
        self.close()

    def action_further(self) -> None:
        """Go back to the step before; around the end."""
        self._back = (self._back + 1) % len(self._undoable)
        self.pull()

    def action_recall(self, rows: int) -> None:
        """Put an amount of before in."""
        self.input.value = self.history.step(rows) or ""
        self.input.action_end()

    def _open(self, typed: str, targets: Callable[[], Sequence[Target]]) -> None:
        self._targets = targets
        self.add_class("open")
        self.set_class(bool(self._undoable), "undo")
        self.input.take(typed)
        self.input.closed_to_text = bool(self._undoable)
        self.screen.set_focus(self.input)
        self.refresh_bindings()
        self.pull()
