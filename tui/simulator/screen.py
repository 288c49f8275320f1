"""The window that asks how many objects shall send, and how fast."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from tui.figures import rate
from tui.footer import KeysFooter
from tui.language import say, say_count
from tui.printable_input import PrintableInput
from tui.simulator.wish import Wish, read_wish
from tui.verdicts import STYLES, Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult

__all__ = ["SimulatorScreen"]


class SimulatorScreen(ModalScreen[Wish | None]):
    """Two numbers; gives what is to be simulated, or None.

    Args:
        last: what was typed the last time.
        topic: where the objects publish.
        marked: whether what they send can say that it is simulated, which takes MQTT 5.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # For the footer: the field that has the focus answers Enter itself.
        Binding("enter", "start", say("Start"), id="simulator.begin", tooltip=say("Let the objects send")),
        Binding(
            "escape,ctrl+g",
            "leave",
            say("Leave"),
            key_display="esc",
            priority=True,
            id="simulator.leave",
            tooltip=say("Simulate nothing"),
        ),
    ]

    def __init__(self, last: Wish, topic: str, *, marked: bool = True) -> None:
        super().__init__()
        self._marked = marked
        self._last = last
        self._topic = topic

    def compose(self) -> ComposeResult:
        """The two fields, and what they mean."""
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Simulate objects"))
            with Horizontal(classes="asked"):
                yield Label(say("objects"))
                yield PrintableInput(str(self._last.objects), compact=True, id="objects", max_length=6)
                yield Label(say("messages a second"))
                yield PrintableInput(f"{self._last.rate:g}", compact=True, id="rate", max_length=8)
            yield Static(id="wished", markup=False)
        yield KeysFooter(show_command_palette=False)

    def on_input_changed(self) -> None:
        """Say what it would be."""
        wish = self._wish
        if isinstance(wish, str):
            said = Content.styled(f"▲ {wish}", STYLES[Tone.OUT])
        else:
            marked = say("{objects} would send {rate} to {topic}, each marked as simulated. Enter starts.")
            plain = say(
                "{objects} would send {rate} to {topic}; MQTT 3.1.1 carries no mark that says so. Enter starts."
            )
            objects = say_count("{count} object", "{count} objects", wish.objects)
            text = marked if self._marked else plain
            said = Content(text.format(objects=objects, rate=rate(wish.rate), topic=self._topic))
        self.query_one("#wished", Static).update(said)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Start."""
        event.stop()
        self.action_start()

    def action_start(self) -> None:
        """Give the wish, where it is one."""
        wish = self._wish
        if isinstance(wish, Wish):
            self.dismiss(wish)

    def action_leave(self) -> None:
        """Give nothing."""
        self.dismiss(None)

    @property
    def _wish(self) -> Wish | str:
        return read_wish(self.query_one("#objects", Input).value, self.query_one("#rate", Input).value)
