"""The question before quitting stops servers: stop them, leave them running, or stay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import ACTIONS, bindings, given_keys, key_cap
from tui.language import say
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult

__all__ = ["QuitChoice", "QuitScreen"]

QuitChoice: TypeAlias = Literal["stop", "leave"]


class QuitScreen(ModalScreen[QuitChoice | None], TranslatedKeys[QuitChoice | None]):
    """Asks once; returns what to do with the servers, or None to stay.

    Args:
        keys: those that the settings give, by binding id.
    """

    BINDINGS = bindings("quit")

    def __init__(self, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with Vertical(classes="window") as box:
            box.border_title = Content(say("Quit"))
            lines = [
                Content.styled(say("Quitting stops the servers that opsci started."), "bold"),
                Content(""),
                *self._answers(),
                Content(""),
                Content.styled(say("What is under way is finished first; nothing is lost."), "$text-muted"),
            ]
            yield Static(Content("\n").join(lines), markup=False)
        yield KeysFooter()

    def _answers(self) -> list[Content]:
        does = (
            say("quit and stop the servers"),
            say("quit and keep them running; `python3 -m stack down` stops them"),
            say("stay here"),
        )
        return [
            Content.assemble(
                (f"{key_cap(given_keys(action, self._keys).keys.split(',')[0]):>4}  ", "bold $accent"), text
            )
            for action, text in zip(ACTIONS["quit"], does, strict=True)
        ]

    def action_choose(self, choice: QuitChoice) -> None:
        """Close with the choice."""
        self.dismiss(choice)

    def action_stay(self) -> None:
        """Close without quitting."""
        self.dismiss(None)
