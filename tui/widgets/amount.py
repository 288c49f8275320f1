"""The line under the stock's rows in which an amount is typed: it says what would be sent, and Enter sends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from bridge.text import readable
from tui.actions import bindings
from tui.format import count, signed
from tui.language import say, say_count
from tui.outcome import STYLES, Tone
from tui.widgets.amount_plan import Plan, Planned, plan
from tui.widgets.cached_static import CachedStatic
from tui.widgets.inputs import History

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from textual import events
    from textual.app import ComposeResult
    from textual.widget import Widget

    from tui.widgets.amount_plan import Target
    from tui.widgets.sent import Sent

__all__ = ["AmountInput", "AmountPrompt", "meaning_line", "target_line"]


LONGEST: Final = 12
"""How many characters an amount has at most."""

TYPEABLE: Final = r"[+\-=]?[0-9]*"
"""What may stand in the line while it is typed."""


class AmountInput(Input):
    """One line for a sign and digits.

    Args:
        send: what Enter does.
    """

    BINDINGS = bindings("amount_field")

    def __init__(self, send: Callable[[], None]) -> None:
        super().__init__(
            compact=True, select_on_focus=False, restrict=TYPEABLE, max_length=LONGEST, classes="amount-input"
        )
        self._send = send
        self.closed_to_text = False
        """Whether nothing can be typed, as there is nothing but Enter to say."""
        self.passes = frozenset[str]()
        """The printable keys that are bindings of what is around while nothing can be typed."""

    def take(self, typed: str) -> None:
        """Begin an amount with what stands there already."""
        self.value = typed
        self.cursor_position = len(typed)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is text here and no binding."""
        return not (self.closed_to_text and key in self.passes) and super().check_consume_key(key, character)

    async def action_submit(self) -> None:
        """Send it."""
        self._send()

    def on_key(self, event: events.Key) -> None:
        """Take no text while there is nothing but Enter to say."""
        if event.is_printable and self.closed_to_text:
            # What is around may have a binding for it.
            event.prevent_default()
            if event.key not in self.passes:
                event.stop()


def target_line(targets: Sequence[Target], undone: str = "") -> Content:
    """Name the rows that are meant, after what is said of an undo."""
    if len(targets) != 1:
        return Content.styled(
            undone + say_count("{count} product", "{count} products", len(targets)), STYLES[Tone.STRONG]
        )
    product = targets[0].product
    return Content.assemble(
        (undone, STYLES[Tone.OUT]),
        (f"{product.id} ", STYLES[Tone.MUTED]),
        (readable(product.name), STYLES[Tone.STRONG]),
    )


def meaning_line(found: Plan) -> Content:
    """Say what would be sent, with the stock before and after, and why Strapi would refuse it."""
    if found.missing:
        return Content.styled(found.missing, STYLES[Tone.MUTED])
    refused = [planned for planned in found.planned if planned.refused]
    parts: list[str | tuple[str, str] | Content] = []
    if refused:
        whose = (
            say("{some} of {all}: ").format(some=count(len(refused)), all=count(len(found.planned)))
            if len(found.planned) > 1
            else ""
        )
        parts += [(f"▲ {whose}{refused[0].refused}  ", STYLES[Tone.OUT])]
    for place, planned in enumerate(found.planned):
        parts += [", " if place else "", _change(planned, named=len(found.planned) > 1)]
    return Content.assemble(*parts)


def _change(planned: Planned, *, named: bool) -> Content:
    before = planned.target.expected
    return Content.assemble(
        (f"{planned.target.product.id}: " if named else "", STYLES[Tone.MUTED]),
        (say("sends") + " ", STYLES[Tone.MUTED]) if not named else "",
        (signed(planned.delta), STYLES[Tone.IN if planned.delta > 0 else Tone.OUT]),
        (f"  {count(before)} → {count(before + planned.delta)}", STYLES[Tone.PLAIN]),
    )


class AmountPrompt(Vertical):
    """An amount for some rows, or what would take back an earlier one; closed until it is asked to open.

    Args:
        rows: what gets the focus when it closes.
    """

    BINDINGS = bindings("amount")

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
            yield CachedStatic(classes="amount-target", markup=False)
        yield CachedStatic(classes="amount-meaning", markup=False)

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
        self.query_one(".amount-target", CachedStatic).update(target_line(self._targets(), undone), layout=False)
        self.query_one(".amount-meaning", CachedStatic).update(meaning_line(self.current), layout=False)

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
