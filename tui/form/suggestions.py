"""The list of products that opens above the field while a person types."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from bridge.text import readable
from tui.figures import count
from tui.form.completion import SUGGESTIONS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from bridge.journal import Product

__all__ = ["Suggestions"]


class Suggestions(Widget):
    """At most five products, one of them marked; closed while there is none."""

    @dataclass
    class Chosen(Message):
        """A product was clicked."""

        product: Product

    def __init__(self) -> None:
        super().__init__(id="suggestions")
        self.products: Sequence[Product] = ()
        self._marked = 0

    @property
    def is_open(self) -> bool:
        """Whether there is anything to choose from."""
        return bool(self.products)

    @property
    def marked(self) -> Product | None:
        """The product that Enter takes."""
        return self.products[self._marked] if self.products else None

    def suggest(self, products: Sequence[Product]) -> None:
        """Open with these products, or close where there are none."""
        self.products = products[:SUGGESTIONS]
        self._marked = 0
        self.set_class(bool(products), "open")
        height = len(self.products) + 2
        self.styles.height = height
        self.styles.offset = (8, -height)
        self.refresh()

    def move(self, rows: int) -> None:
        """Move the mark, around the ends."""
        if self.products:
            self._marked = (self._marked + rows) % len(self.products)
            self.refresh()

    def render(self) -> Content:
        """One line a product: id, name, stock, barcode."""
        width = max(20, self.size.width)
        lines = []
        for place, product in enumerate(self.products):
            right = f"{count(product.stock):>9}  {readable(product.barcode)[:14]:14}"
            left = Content(f"{product.id:>6}  {readable(product.name)}")
            room = width - len(right) - 3
            line = Content.assemble(
                "▸ " if place == self._marked else "  ",
                left.truncate(room, ellipsis=True, pad=True),
                " ",
                (right, "$foreground-muted"),
            )
            lines.append(
                line.stylize("$block-cursor-foreground on $block-cursor-background") if place == self._marked else line
            )
        return Content("\n").join(lines)

    def on_click(self, event: events.Click) -> None:
        """Take the product under the mouse."""
        row = event.y - self.gutter.top
        if 0 <= row < len(self.products):
            self.post_message(self.Chosen(self.products[row]))
