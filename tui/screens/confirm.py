"""A question that is answered with yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions import bindings, key_of
from tui.language import say
from tui.widgets.footer import KeysFooter, TranslatedKeys

if TYPE_CHECKING:
    from textual.app import ComposeResult

__all__ = ["ConfirmScreen"]


class ConfirmScreen(ModalScreen[bool], TranslatedKeys[bool]):
    """Asks before something that can't be undone.

    Args:
        question: the question, printable.
        consequence: what a yes does, printable.
    """

    BINDINGS = bindings("confirm")

    def __init__(self, question: str, consequence: str) -> None:
        super().__init__()
        self._question = question
        self._consequence = consequence

    def compose(self) -> ComposeResult:
        with Vertical(classes="window"):
            keys = say("{yes} yes   {no} no").format(yes=key_of("confirm.yes"), no=key_of("confirm.no"))
            text = Content.assemble((self._question, "bold"), "\n\n", self._consequence, "\n\n", keys)
            yield Static(text, markup=False)
        yield KeysFooter()

    def action_answer(self, answer: bool) -> None:
        """Close with the answer."""
        self.dismiss(answer)
