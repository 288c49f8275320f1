"""The window in which a dead letter's payload is mended before it is sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from bridge.movement import Rejection, read_movement
from bridge.text import readable
from tui.figures import signed
from tui.footer import KeysFooter
from tui.form.field import PlainInput
from tui.language import say
from tui.verdicts import STYLES, Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from bridge.journal import DeadLetter

__all__ = ["MendScreen", "as_one_line"]


def as_one_line(payload: bytes) -> str:
    r"""Write a payload as one printable line: JSON keeps its meaning, what is not printable becomes `\x1b`."""
    return readable(" ".join(payload.decode("utf-8", "backslashreplace").split()))


class MendScreen(ModalScreen[bytes | None]):
    """One payload to be mended; gives what is to be sent, or None.

    Args:
        letter: whose payload.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", say("Leave"), id="mend.leave", tooltip=say("Send nothing")),
    ]

    def __init__(self, letter: DeadLetter) -> None:
        super().__init__()
        self._letter = letter

    def compose(self) -> ComposeResult:
        """Why it was rejected, the payload, and what it would be now."""
        rejection = self._letter.journey.rejection
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Mend and send again"))
            yield Static(Content(readable(say(rejection.text)) if rejection else ""), markup=False)
            yield PlainInput(as_one_line(self._letter.journey.payload), select_on_focus=False, id="mended")
            yield Static(id="judged", markup=False)
        yield KeysFooter(show_command_palette=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say what it would be."""
        judged = read_movement(event.value.encode())
        if isinstance(judged, Rejection):
            said = Content.styled(
                "▲ " + say("would be rejected: {why}").format(why=readable(say(judged.text))), STYLES[Tone.OUT]
            )
        else:
            moves = say("moves {product} by {amount}")
            said = Content(moves.format(product=readable(judged.product), amount=signed(judged.delta)))
        self.query_one("#judged", Static).update(said)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Send it."""
        self.dismiss(event.value.encode())

    def action_leave(self) -> None:
        """Send nothing."""
        self.dismiss(None)
