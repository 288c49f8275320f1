"""The stock table: every product, in an order that can be chosen, with recent changes marked."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from bridge.journal import Product
from tui.format import age
from tui.language import say
from tui.outcome import Tone
from tui.widgets import columns as cells
from tui.widgets.columns import STOCK_COLUMNS
from tui.widgets.filter import PRODUCT_WORDS, TooLongError, limited, read_filter
from tui.widgets.sorted_view import Order, SortedView

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping

    from bridge.journal import StockTable
    from tui.widgets.column_layout import Cell

__all__ = ["SORT_KEYS", "Ranking", "StockView"]


SORT_KEYS: Final[dict[str, Callable[[Product], int | float | str]]] = {
    column.id: column.sorts_by for column in STOCK_COLUMNS if column.sorts_by is not None
}
"""The sort keys, by the id of the column."""

FRESH: Final = 3
"""For how many seconds a change is marked in its cell."""

_FEW: Final = 16
"""How much longer it takes to move one product than it takes per product to sort all of them."""

_AT_ONCE: Final = 1_000
"""How many products a filter may test within its time limit."""


class Ranking:
    """Sorted products; equal ones are ordered by id.

    Args:
        products: all of them, each id once.
        order: the column and the direction.
    """

    def __init__(self, products: Iterable[Product], order: Order) -> None:
        self._compared = SORT_KEYS[order.column]
        # Always sorted in ascending order, for binary search.
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
        """Add or update a product; return whether any row moved."""
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
        """Remove a product; return whether it was there."""
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


class StockView(SortedView[Product]):
    """The products by id.

    Args:
        board: what is shown.
        identity: the widget's id.
    """

    def __init__(self, board: StockTable, identity: str) -> None:
        own = {"name": self._name_cell, "stock": self._stock_cell, "last": self._last_cell}
        columns = [replace(column, cell=own.get(column.id, column.cell)) for column in STOCK_COLUMNS]
        super().__init__(columns, identity, say("no product is known yet"))
        self.pending: Mapping[int, int] = {}
        """The sum of the movements that are sent and not decided, by the product's id."""
        self.calm = True
        """Whether there are so few changes that each is marked for a moment."""
        self.marked: set[int] = set()
        """The products that one amount is to move together."""
        self._board = board
        self._version = -1
        self._passes: Callable[[Product], bool] | None = None
        self.order = Order("id")
        self._ranking = Ranking([], self.order)

    @property
    def rows(self) -> int:
        return len(self._ranking)

    def key_at(self, row: int) -> int | None:
        product = self._ranking.at(row)
        return None if product is None else product.id

    def row_of(self, key: Hashable) -> int | None:
        return self._ranking.row_of(key) if isinstance(key, int) else None

    def item_of(self, key: Hashable) -> Product | None:
        return self._ranking.get(key) if isinstance(key, int) else None

    def state_of(self, item: Product, now: float) -> tuple[Hashable, str]:
        """The look of a product changes with its data, while it is fresh, and as its age grows."""
        fresh = self._is_fresh(item, now)
        return (item, age(item.changed_at, now), self.pending.get(item.id, 0), item.id in self.marked, fresh), ""

    def pull(self, now: float) -> None:
        if self._version != self._board.version:
            self._take_changes()
        self.repaint_changed(now)

    def set_filter(self, typed: str) -> None:
        """Show only products that match a filter.

        Raises:
            FilterError: the text is not a valid filter; nothing changed.
        """
        self._passes = read_filter(typed, PRODUCT_WORDS)
        self.forget_widths()
        self.filter_text, self.filter_trouble = typed.strip(), ""
        self.sought = self._passes or self.sought
        self._take_over()
        self.refresh()

    def take_order(self) -> None:
        """Sort the products again."""
        self._take_over()

    def selected(self) -> list[Product]:
        """The marked products, else the one under the cursor, which moves to the first visible row if necessary."""
        if self.marked:
            return [product for product in self._board.products() if product.id in self.marked]
        row = self._chosen_row()
        product = None if row is None else self._ranking.at(row)
        return [] if product is None else [product]

    def action_mark(self) -> None:
        """Mark or unmark the row under the cursor, and go on to the next."""
        row = self._chosen_row()
        key = None if row is None else self.key_at(row)
        if row is not None and key is not None:
            self.marked ^= {key}
            self.move_cursor(row + 1)

    def _chosen_row(self) -> int | None:
        """The row of the cursor, which first moves to the first visible row if it is not visible."""
        if self.cursor_row() is None:
            self.action_move(1)
        return self.cursor_row()

    def _name_cell(self, found: Product, now: float) -> Cell:
        cell = cells.product_name(found, now)
        return cell._replace(text=f"◆ {cell.text}") if found.id in self.marked else cell

    def _is_fresh(self, item: Product, now: float) -> bool:
        return self.calm and bool(item.last_change) and 0 <= now - item.changed_at < FRESH

    def _last_cell(self, found: Product, now: float) -> Cell:
        cell = cells.last_change(found, now)
        if not self._is_fresh(found, now):
            return cell
        return cell._replace(tone=Tone.FRESH_IN if found.last_change > 0 else Tone.FRESH_OUT)

    def _stock_cell(self, found: Product, now: float) -> Cell:
        pending = self.pending.get(found.id, 0)
        return cells.pending_stock(found, pending) if found.id in self.pending else cells.stock(found, now)

    def _take_changes(self) -> None:
        version = self._board.version
        changed = self._board.changed(self._version, version)
        self._version = version
        if changed is None or len(changed) * _FEW > len(self._board):
            self._take_over()
            return
        passes = self._passes
        shown = self._filtered_products([product for each in changed if (product := self._board.get(each))])
        if self._passes is not passes:
            self._take_over()
            return
        gone = changed.difference([product.id for product in shown])
        moved = [self._ranking.drop(each) for each in gone] + [self._ranking.put(product) for product in shown]
        if any(moved):
            self._show_rows()

    def _take_over(self) -> None:
        before = self._ranking
        self._ranking = Ranking(self._filtered_products(self._board.products()), self.order)
        if self._ranking.ids() != before.ids():
            self._show_rows()

    def _show_rows(self) -> None:
        self.resize_rows()
        self.refresh()

    def _filtered_products(self, products: list[Product]) -> list[Product]:
        """The products that match the filter; all of them, and the filter disabled, where it takes too long."""
        passes = self._passes
        if passes is None:
            return products
        found: list[Product] = []
        try:
            for start in range(0, len(products), _AT_ONCE):
                with limited():
                    found += [product for product in products[start : start + _AT_ONCE] if passes(product)]
        except TooLongError:
            self.filter_trouble = say("takes too long on one product: write a simpler regular expression")
            self._passes = self.sought = None
            return products
        return found
