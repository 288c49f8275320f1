"""In which order the stock table stands, and the arrow in its header that says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.journal import Product
    from tui.panes.columns import Column

__all__ = ["KEYS", "Order", "arrowed", "by", "stepped"]

KEYS: Final[dict[str, Callable[[Product], int | float | str]]] = {
    say("id"): lambda product: product.id,
    say("name"): lambda product: product.name.casefold(),
    say("stock"): lambda product: product.stock,
    say("last"): lambda product: abs(product.last_change),
    say("status"): lambda product: product.status,
    say("when"): lambda product: product.changed_at,
    say("barcode"): lambda product: product.barcode,
}
"""What is compared, by the column's title."""

DOWN_FIRST: Final = frozenset({say("last"), say("when")})
"""Where the largest is what one looks for: the latest change, the biggest one."""


class Order(NamedTuple):
    """By which column, and whether the largest stands on top."""

    title: str = say("id")
    reverse: bool = False

    @property
    def arrow(self) -> str:
        """`▲` while values grow downwards, `▼` while they shrink."""
        return "▼" if self.reverse else "▲"

    def turned(self) -> Order:
        """The same column the other way round."""
        return self._replace(reverse=not self.reverse)


def stepped(order: Order, titles: Sequence[str], step: int) -> Order:
    """Sort by the next column to the right, or the one to the left, round and round.

    Args:
        order: how it is sorted.
        titles: of the columns that are shown, in their order.
        step: 1 to the right, -1 to the left.
    """
    known = [title for title in titles if title in KEYS]
    if not known:
        return order
    place = known.index(order.title) + step if order.title in known else 0
    return by(known[place % len(known)])


def by(title: str) -> Order:
    """Sort by a column in the direction that one looks for first; an unknown column gives the order of the ids."""
    return Order(title, title in DOWN_FIRST) if title in KEYS else Order()


def arrowed(column: Column[Product], title: str, order: Order) -> Column[Product]:
    """Put the arrow into the header of a column that is sorted by.

    Args:
        column: as it is shown.
        title: what the order calls it.
        order: how the table is sorted.
    """
    if title != order.title:
        return column
    short = (column.short_title or column.title)[: column.least - 1] + order.arrow
    return replace(column, title=column.title + order.arrow, short_title=short)
