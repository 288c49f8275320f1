"""Products in the order of the table, of which one changes place without the others being looked at. Pure."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from tui.panes.sorting import KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.journal import Product
    from tui.panes.sorting import Order

__all__ = ["Ranking"]


class Ranking:
    """Products in an order; those that are equal in it stand by id.

    Args:
        products: all of them, each id once.
        order: by which column, and which way.
    """

    def __init__(self, products: Iterable[Product], order: Order) -> None:
        self._compared = KEYS[order.title]
        # Sorted upwards in any case, as one looks for a place in it that way.
        self._reverse = order.reverse
        self._sorted = sorted(products, key=self._key)
        self._by_id = {product.id: product for product in self._sorted}

    def __len__(self) -> int:
        return len(self._sorted)

    def ids(self) -> list[int]:
        """The products' ids from the first row to the last."""
        found = [product.id for product in self._sorted]
        return found[::-1] if self._reverse else found

    def at(self, row: int) -> Product | None:
        """The product in a row counted from 0, or None."""
        return self._sorted[self._turned(row)] if 0 <= row < len(self._sorted) else None

    def get(self, product_id: int) -> Product | None:
        """The product of that id, or None."""
        return self._by_id.get(product_id)

    def row_of(self, product_id: int) -> int | None:
        """The row of a product's id, or None."""
        product = self._by_id.get(product_id)
        return None if product is None else self._turned(self._place(product))

    def put(self, product: Product) -> bool:
        """Take a product in, or what became of one; whether any row moved for it."""
        known = self._by_id.get(product.id)
        if known is not None:
            before = self._place(known)
            if self._key(product) == self._key(known):
                self._sorted[before] = self._by_id[product.id] = product
                return False
            del self._sorted[before]
        place = self._place(product)
        self._sorted.insert(place, product)
        self._by_id[product.id] = product
        return known is None or place != before

    def drop(self, product_id: int) -> bool:
        """Leave a product out; whether it was in."""
        known = self._by_id.get(product_id)
        if known is None:
            return False
        del self._sorted[self._place(known)], self._by_id[product_id]
        return True

    def _key(self, product: Product) -> tuple[int | float | str, int]:
        return self._compared(product), -product.id if self._reverse else product.id

    def _place(self, product: Product) -> int:
        return bisect_left(self._sorted, self._key(product), key=self._key)

    def _turned(self, row: int) -> int:
        return len(self._sorted) - 1 - row if self._reverse else row
