"""Product suggestions for a few typed characters, and the list of them that opens above the field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList

from bridge.text import readable
from tui.format import count, folded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.journal import Product

__all__ = ["SUGGESTIONS", "MarkedList", "Suggestions", "complete"]


SUGGESTIONS: Final = 5
"""How many products are suggested at once."""

WIDTH: Final = 60
"""Cells of a suggestion: the list's (opsci.tcss) without its border and the mark."""


def complete(typed: str, products: Iterable[Product], limit: int = SUGGESTIONS) -> list[Product]:
    """Find products for a text.

    Args:
        typed: the start of an id or a barcode, or words of the name in any order.
        products: all products.
        limit: the most to return, 1 or more.

    Returns:
        The best first: the id itself, ids and barcodes that begin with it, names with words that begin with it, names
        that contain it; empty for an empty text.
    """
    wanted = folded(typed.strip())
    if not wanted:
        return []
    words = wanted.split()
    ranked = ((_rank(wanted, words, product), product.id, product) for product in products)
    return [product for rank, _, product in sorted(found for found in ranked if found[0] is not None)[:limit]]


def _rank(wanted: str, words: list[str], product: Product) -> int | None:
    identity, barcode = str(product.id), folded(product.barcode)
    if wanted == identity:
        return 0
    if wanted in (barcode, folded(product.document_id)):
        return 1
    if identity.startswith(wanted):
        return 2
    if barcode.startswith(wanted):
        return 3
    name = folded(product.name)
    # A loop instead of `all`, before the name is processed: most products are excluded here.
    for word in words:
        if word not in name:
            return None
    parts = name.split()
    return 4 if all(any(part.startswith(word) for part in parts) for word in words) else 5


class MarkedList(OptionList, can_focus=False):
    """A list beside a field: the field keeps the focus, and `▸` marks the line that Enter takes."""

    def __init__(self, identity: str) -> None:
        super().__init__(id=identity, markup=False)
        self._offered: Sequence[Content] = ()
        self._with_mark = 0

    def offer(self, lines: Sequence[Content], highlighted: int = 0) -> None:
        """Show lines, each of the list's width without the two cells of the mark."""
        self.clear_options()
        self._offered, self._with_mark = lines, highlighted
        self.add_options([self._marked_line(place) for place in range(len(lines))])
        self.highlighted = highlighted if lines else None

    def move(self, rows: int) -> None:
        """Move the mark, cyclically."""
        if self._offered:
            self.highlighted = ((self.highlighted or 0) + rows) % len(self._offered)

    def watch_highlighted(self, highlighted: int | None) -> None:
        """Put the mark before the line; see `OptionList`."""
        if highlighted is not None and highlighted != self._with_mark:
            before, self._with_mark = self._with_mark, highlighted
            for place in (before, highlighted):
                self.replace_option_prompt_at_index(place, self._marked_line(place))
        super().watch_highlighted(highlighted)

    def _marked_line(self, place: int) -> Content:
        return Content.assemble("▸ " if place == self._with_mark else "  ", self._offered[place])


class Suggestions(MarkedList):
    """At most five products, one of them marked; closed if there are none."""

    @dataclass
    class Chosen(Message):
        """A product was clicked."""

        product: Product

    def __init__(self) -> None:
        super().__init__("suggestions")
        self.products: Sequence[Product] = ()

    @property
    def is_open(self) -> bool:
        """Whether there is anything to choose from."""
        return bool(self.products)

    @property
    def marked(self) -> Product | None:
        """The product that Enter takes."""
        return self.products[self.highlighted or 0] if self.products else None

    def suggest(self, products: Sequence[Product]) -> None:
        """Open with these products, or close if there are none."""
        if not products and not self.products:
            return
        self.products = products[:SUGGESTIONS]
        self.set_class(bool(products), "open")
        height = len(self.products) + 2
        self.styles.height = height
        self.styles.offset = (8, -height)
        self.offer([_line(product) for product in self.products])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the clicked product."""
        event.stop()
        self.post_message(self.Chosen(self.products[event.option_index]))


def _line(product: Product) -> Content:
    """One line: id, name, stock, barcode."""
    right = f"{count(product.stock):>9}  {readable(product.barcode)[:14]:14}"
    left = Content(f"{product.id:>6}  {readable(product.name)}")
    return Content.assemble(
        left.truncate(WIDTH - len(right) - 1, ellipsis=True, pad=True), " ", (right, "$foreground-muted")
    )
