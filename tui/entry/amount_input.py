"""The field in which an amount is typed, for fingers that are faster than the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AmountInput"]

LONGEST: Final = 12
"""How many characters an amount has at most."""

TYPEABLE: Final = r"[+\-=]?[0-9]*"
"""What may stand in the line while it is typed."""


class AmountInput(Input):
    """One line for a sign and digits.

    Args:
        send: what Enter does.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", say("Send"), id="amount.send", tooltip=say("Send it; a sign alone moves one piece")),
    ]

    def __init__(self, send: Callable[[], None]) -> None:
        super().__init__(
            compact=True, select_on_focus=False, restrict=TYPEABLE, max_length=LONGEST, classes="amount-input"
        )
        self._send = send
        self._taking = False
        self.closed_to_text = False
        """Whether nothing can be typed, as there is nothing but Enter to say."""
        self.passes = frozenset[str]()
        """The printable keys that are bindings of what is around while nothing can be typed."""

    class Opened(Message):
        """What is typed from here on is an amount."""

    def take(self, typed: str) -> None:
        """Begin an amount with what stands there already. Keys that were on their way before are not part of it."""
        self.value = typed
        self.cursor_position = len(typed)
        self._taking = False
        self.post_message(self.Opened())

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Whether a key is text here and no binding."""
        return not (self.closed_to_text and key in self.passes) and super().check_consume_key(key, character)

    def leave(self) -> None:
        """Take no more keys."""
        self._taking = False

    def on_amount_input_opened(self, event: Opened) -> None:
        """Take keys."""
        event.stop()
        self._taking = True

    async def _on_key(self, event: events.Key) -> None:
        if not self._taking:
            # Typed before the line closed and handled after: it is meant for the rows.
            event.stop()
            event.prevent_default()
            self.app.post_message(events.Key(event.key, event.character))
        elif event.is_printable and self.closed_to_text:
            # What is around may have a binding for it.
            event.prevent_default()
            if event.key not in self.passes:
                event.stop()
        elif event.key == "enter":
            # As a binding it would act after the keys that were typed behind it.
            event.stop()
            event.prevent_default()
            self._send()
