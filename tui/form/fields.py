"""The line of the form in which a product and an amount are typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.widgets import Button, Input, Label

from tui.form.field import PlainInput
from tui.form.wording import meant_line
from tui.language import say
from tui.steady import Steady

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from tui.form.preview import Preview

__all__ = ["Fields"]


class Fields(Horizontal):
    """Two fields, the button, and the product that is meant."""

    def __init__(self) -> None:
        super().__init__(id="fields")

    def compose(self) -> ComposeResult:
        """From the left."""
        yield Label(say("product"))
        yield PlainInput(placeholder=say("id, name or barcode"), compact=True, select_on_focus=False, id="product")
        yield Label(say("amount"))
        yield PlainInput(placeholder=say("+5 or -3"), compact=True, select_on_focus=False, id="amount", max_length=16)
        button = Button(say("Send"), id="send", compact=True)
        button.can_focus = False
        yield button
        yield Steady(id="meant", markup=False)

    @property
    def product(self) -> Input:
        """Where the product is typed."""
        return self.query_one("#product", Input)

    @property
    def amount(self) -> Input:
        """Where the amount is typed."""
        return self.query_one("#amount", Input)

    @property
    def typed(self) -> tuple[str, str]:
        """What stands in both."""
        return self.product.value, self.amount.value

    def put(self, product: str, amount: str | None = None) -> None:
        """Put texts in as if they had been there: no one typed them. Without an amount that one stays."""
        with self.prevent(Input.Changed):
            self.product.value = product
            if amount is not None:
                self.amount.value = amount
        self.product.action_end()
        self.amount.action_end()

    def show_meant(self, found: Preview) -> None:
        """Name the product that is meant."""
        self.query_one("#meant", Steady).update(meant_line(found), layout=False)
