"""A table whose order a person chooses: by keys that go from column to column, or by a click on a title."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from bridge.journal import Journey, Product
from tui.actions import bindings
from tui.widgets.cursor import LineView

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tui.widgets.column_layout import Column

__all__ = ["Order", "SortedView", "by", "stepped"]

Item = TypeVar("Item", bound=Journey | Product)


class Order(NamedTuple):
    """The column to sort by, and whether the largest comes first; without a column, rows are in order of arrival."""

    column: str = ""
    reverse: bool = False

    @property
    def arrow(self) -> str:
        """`▲` while values grow downwards, `▼` while they shrink."""
        return "▼" if self.reverse else "▲"

    def turned(self) -> Order:
        """The same column the other way round."""
        return self._replace(reverse=not self.reverse)


def by(column: Column[Any]) -> Order:
    """Sort by a column in the direction that one looks for first."""
    return Order(column.id, column.largest_first)


def stepped(order: Order, columns: Sequence[Column[Any]], step: int) -> Order:
    """Sort by the next column to the right, or the one to the left, round and round.

    Args:
        order: how it is sorted.
        columns: those that are shown, in their order; the ones that can't be sorted by are passed over.
        step: 1 to the right, -1 to the left.
    """
    known = [column for column in columns if column.sorts_by is not None]
    here = next((place for place, column in enumerate(known) if column.id == order.column), None)
    if not known:
        return order
    if here is None:
        return by(known[0 if step > 0 else -1])
    return by(known[(here + step) % len(known)])


class SortedView(LineView[Item]):
    """Rows that can be sorted; a subclass sorts them in `take_order`."""

    BINDINGS = bindings("sorted")

    order = Order()
    """How the rows are sorted."""

    @abstractmethod
    def take_order(self) -> None:
        """Bring the rows into `order`."""

    def columns_shown(self) -> list[Column[Item]]:
        """The columns, the one that the table is sorted by with an arrow."""
        arrow, by_id = self.order.arrow, self.order.column
        return [replace(column, arrow=arrow) if column.id == by_id else column for column in super().columns_shown()]

    def sort(self, order: Order) -> None:
        """Sort the table by another column."""
        self.order = order
        self.take_order()
        self.relayout()

    def action_sort(self, step: int) -> None:
        """Sort by the next column, or the one before."""
        self.sort(stepped(self.order, [self._own_column(one.id) for one in self.layout_shown.columns], step))

    def action_turn(self) -> None:
        """Turn the order around."""
        if self.order.column:
            self.sort(self.order.turned())

    def click_header(self, x: int) -> None:
        """Sort by the column under the mouse, or reverse the order if it is sorted by that already."""
        identity = self._column_at(x)
        column = self._own_column(identity) if identity else None
        if column is not None and column.sorts_by is not None:
            self.sort(self.order.turned() if identity == self.order.column else by(column))

    def _own_column(self, identity: str) -> Column[Item]:
        """The column as defined: the variant that shows times differently has no sort key."""
        return next(column for column in self.columns if column.id == identity)

    def _column_at(self, x: int) -> str:
        shown, end = self.layout_shown, -1
        for column, width in zip(shown.columns, shown.widths, strict=True):
            end += width + 1
            if x <= end:
                return column.id
        return ""
