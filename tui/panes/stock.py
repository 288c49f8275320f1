"""The third pane: the stock of every product as Strapi told it; a row that changed lately is lit up and fades."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType

from bridge.journal import Product
from tui.figures import age
from tui.language import say
from tui.panes import cells
from tui.panes.columns import EXTRA, Column
from tui.panes.limit import TooLongError, limited
from tui.panes.line_view import LineView
from tui.panes.matching import PRODUCT_WORDS
from tui.panes.query import read_filter
from tui.panes.ranking import Ranking
from tui.panes.sorting import KEYS, Order, arrowed, by, stepped

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from bridge.journal import StockBoard
    from tui.panes.cells import Cell

__all__ = ["STOCK_COLUMNS", "StockView"]

FRESH: Final = 3
"""For how many seconds a change stays lit up, fading by the second."""

_FEW: Final = 16
"""How much more it takes to give one product its place than it takes a product to sort all of them."""

_AT_ONCE: Final = 1_000
"""How many products a filter may look at in the time after which it counts as endless."""

STOCK_COLUMNS: Final[tuple[Column[Product], ...]] = (
    Column(say("id"), 4, 4, 8, 3, cells.product_id, "right"),
    Column(say("name"), 8, 24, 60, 1, cells.product_name),
    Column(say("stock"), 6, 7, 13, 0, cells.stock, "right"),
    Column(say("last"), 5, 6, 13, 2, cells.last_change, "right"),
    Column(say("status"), 1, 8, 8, 4, cells.status, short_title=say("S")),
    Column(say("when"), 4, 4, 4, 5, cells.changed, "right", clock=Column(say("at"), 8, 8, 8, 5, cells.changed_at)),
    Column(say("barcode"), 10, 12, 14, EXTRA, cells.barcode),
)


class StockView(LineView[Product]):
    """The products by id.

    Args:
        board: what is shown.
        identity: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "greater_than_sign",
            "sort(1)",
            say("Sort"),
            show=False,
            id="stock.sort",
            tooltip=say("Sort by the next column"),
        ),
        Binding(
            "less_than_sign",
            "sort(-1)",
            say("Sort"),
            show=False,
            id="stock.sort_back",
            tooltip=say("Sort by the one before"),
        ),
        Binding("o", "turn", say("Order"), show=False, id="stock.turn", tooltip=say("Turn the order around")),
    ]

    def __init__(self, board: StockBoard, identity: str) -> None:
        own = {say("name"): self._name_cell, say("stock"): self._stock_cell}
        columns = [replace(column, cell=own.get(column.title, column.cell)) for column in STOCK_COLUMNS]
        super().__init__(columns, identity, say("no product is known yet"))
        self.pending: Mapping[int, int] = {}
        """The sum of what is sent and not decided, by the product's id."""
        self.marked: set[int] = set()
        """The products that one amount is to move together."""
        self._board = board
        self._version = -1
        self._passes: Callable[[Product], bool] | None = None
        self.order = Order()
        self._ranking = Ranking([], self.order)

    @property
    def rows(self) -> int:
        """How many products are shown."""
        return len(self._ranking)

    def key_at(self, row: int) -> int | None:
        """The id of the product in a row."""
        product = self._ranking.at(row)
        return None if product is None else product.id

    def row_of(self, key: Hashable) -> int | None:
        """The row of a product's id."""
        return self._ranking.row_of(key) if isinstance(key, int) else None

    def item_of(self, key: Hashable) -> Product | None:
        """The product of that id."""
        return self._ranking.get(key) if isinstance(key, int) else None

    def state_of(self, item: Product, now: float) -> tuple[Hashable, str]:
        """A product looks different when anything of it changed, while it is fresh, and as its age grows."""
        passed = math.floor(now - item.changed_at) + 1
        fresh = f"line--fresh-{passed}" if item.last_change and 1 <= passed <= FRESH else ""
        return (item, age(item.changed_at, now), self.pending.get(item.id, 0), item.id in self.marked), fresh

    def pull(self, now: float) -> None:
        """Show what the board says, row by row."""
        if self._version != self._board.version:
            self._take_changes()
        self.repaint_changed(now)

    def set_filter(self, typed: str) -> None:
        """Show only products that a filter lets through.

        Raises:
            FilterError: what was typed is no filter; nothing changed.
        """
        self._passes = read_filter(typed, PRODUCT_WORDS)
        self.filter_text, self.filter_trouble = typed.strip(), ""
        self.sought = self._passes or self.sought
        self._take_over()
        self.refresh()

    def columns_shown(self) -> list[Column[Product]]:
        """The columns, the one that the table is sorted by with an arrow."""
        shown = super().columns_shown()
        return [arrowed(column, base.title, self.order) for base, column in zip(self.columns, shown, strict=True)]

    def sort(self, order: Order) -> None:
        """Let the table stand in another order."""
        self.order = order
        self._take_over()
        self.relayout()

    def action_sort(self, step: int) -> None:
        """Sort by the next column, or the one before."""
        shown = {column.title.rstrip("▲▼") for column in self.layout_shown.columns}
        titles = [
            base.title
            for base, column in zip(self.columns, super().columns_shown(), strict=True)
            if column.title in shown
        ]
        self.sort(stepped(self.order, titles, step))

    def action_turn(self) -> None:
        """Turn the order around."""
        self.sort(self.order.turned())

    def selected(self) -> list[Product]:
        """The marked products, else the one under the cursor; it goes to the first visible row where it is on none."""
        if self.marked:
            return [product for product in self._board.products() if product.id in self.marked]
        row = self._chosen_row()
        product = None if row is None else self._ranking.at(row)
        return [] if product is None else [product]

    def action_mark(self) -> None:
        """Mark the row under the cursor, or unmark it, and go on to the next."""
        row = self._chosen_row()
        key = None if row is None else self.key_at(row)
        if row is not None and key is not None:
            self.marked ^= {key}
            self.move_cursor(row + 1)

    def _chosen_row(self) -> int | None:
        """The row that the cursor is on, after it went to the first visible one where it was on none."""
        if self.cursor_row() is None:
            self.action_move(1)
        return self.cursor_row()

    def _name_cell(self, found: Product, now: float) -> Cell:
        cell = cells.product_name(found, now)
        return cell._replace(text=f"◆ {cell.text}") if found.id in self.marked else cell

    def _stock_cell(self, found: Product, now: float) -> Cell:
        pending = self.pending.get(found.id, 0)
        return cells.pending_stock(found, pending) if found.id in self.pending else cells.stock(found, now)

    def click_header(self, x: int) -> None:
        """Sort by the column under the mouse; turn the order around where it is sorted by that."""
        title = self._title_at(x)
        if title in KEYS:
            self.sort(self.order.turned() if title == self.order.title else by(title))

    def _title_at(self, x: int) -> str:
        shown, end = self.layout_shown, -1
        titles = dict(zip(super().columns_shown(), (base.title for base in self.columns), strict=True))
        for column, width in zip(shown.columns, shown.widths, strict=True):
            end += width + 1
            if x <= end:
                return next((own for base, own in titles.items() if base.title == column.title.rstrip("▲▼")), "")
        return ""

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
        """Those that the filter lets through; all, and no more filter, where it takes too long on one."""
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
