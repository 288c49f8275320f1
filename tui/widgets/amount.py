"""The line under the stock's rows in which an amount is typed: it previews the movements, and Enter sends them."""

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
"""The most characters of an amount."""

TYPEABLE: Final = r"[+\-=]?[0-9]*"
"""What may be in the line while it is typed."""


class AmountInput(Input):
    """A field for a sign and digits.

    Args:
        send: called by Enter.
    """

    BINDINGS = bindings("amount_field")

    def __init__(self, send: Callable[[], None]) -> None:
        super().__init__(
            compact=True, select_on_focus=False, restrict=TYPEABLE, max_length=LONGEST, classes="amount-input"
        )
        self._send = send
        self.closed_to_text = False
        """Whether typing is disabled, as only Enter is expected."""
        self.passes = frozenset[str]()
        """The printable keys that remain bindings of the surrounding widgets while typing is disabled."""

    def take(self, typed: str) -> None:
        """Begin an amount with this text."""
        self.value = typed
        self.cursor_position = len(typed)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is text here and not a binding."""
        return not (self.closed_to_text and key in self.passes) and super().check_consume_key(key, character)

    async def action_submit(self) -> None:
        self._send()

    def on_key(self, event: events.Key) -> None:
        """Reject text while typing is disabled."""
        if event.is_printable and self.closed_to_text:
            # A surrounding widget may have a binding for it.
            event.prevent_default()
            if event.key not in self.passes:
                event.stop()


def target_line(targets: Sequence[Target], undone: str = "") -> Content:
    """Name the target rows, preceded by the text about an undo."""
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
    """Describe what would be sent, with the stock before and after, and why Strapi would refuse it."""
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
    """An amount for some rows, or the undo of an earlier one; closed at first.

    Args:
        rows: the widget that gets the focus when it closes.
    """

    BINDINGS = bindings("amount")

    @dataclass
    class Submitted(Message):
        """A plan is to be sent; `undoes` has what each of its movements undoes, or is empty."""

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
        with Horizontal(classes="amount-line"):
            field = AmountInput(self.action_send)
            field.passes = frozenset({"u"})
            yield field
            yield CachedStatic(classes="amount-target", markup=False)
        yield CachedStatic(classes="amount-meaning", markup=False)

    @property
    def input(self) -> AmountInput:
        return self.query_one(AmountInput)

    @property
    def is_open(self) -> bool:
        """Whether an amount is being typed."""
        return self.has_class("open")

    @property
    def undoing(self) -> Sequence[Sent]:
        """The movements that would be undone; empty while an amount is typed."""
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
        """Open the line for an amount.

        Args:
            typed: its initial text: a sign.
            targets: returns the rows as currently shown.
        """
        self._undoable = ()
        self._open(typed, targets)

    def offer_undo(
        self, undoable: Sequence[Sequence[Sent]], targets: Callable[[Sequence[Sent]], Sequence[Target]]
    ) -> None:
        """Offer to undo what was sent.

        Args:
            undoable: the latest step first, at least one.
            targets: returns the rows of some movements, one for each, as currently shown.
        """
        self._undoable, self._back = undoable, 0
        self._open("", lambda: targets(self.undoing))

    def close(self) -> None:
        """Close the line."""
        self.remove_class("open", "undo")
        self.screen.set_focus(self._rows)

    def pull(self) -> None:
        """Update the preview, as the stock changes while the user types."""
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
        event.stop()
        self.pull()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable recalling amounts for an undo, and going further back for an amount."""
        if action == "further":
            return bool(self._undoable)
        if action == "recall":
            return not self._undoable
        return True

    def action_send(self) -> None:
        """Send it, unless something is missing."""
        found = self.current
        if not found.planned:
            self.pull()
            return
        if not self._undoable:
            self.history.add(self.input.value)
        self.post_message(self.Submitted(found, self.undoing))
        self.close()

    def action_drop(self) -> None:
        """Close the line without sending."""
        self.close()

    def action_further(self) -> None:
        """Go back to the step before; after the oldest, to the latest."""
        self._back = (self._back + 1) % len(self._undoable)
        self.pull()

    def action_recall(self, rows: int) -> None:
        """Insert an earlier amount."""
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
