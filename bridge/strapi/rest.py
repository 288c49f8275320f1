"""Plain REST, for a Strapi without the ledger: one writer reads a product, applies its movements, writes it once.

Where the product has the attribute `strapi.position_field`, the position last applied is written with the stock, so
a crash counts no movement twice. Where it has none, nothing tells after a crash whether the last write was counted.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.errors import RefusedError, UnreachableError
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.decision import Decision, Outcome
from bridge.strapi.merge import Positions, merge
from bridge.strapi.products import find_rows, path_of, row_of, stock_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.strapi.client import StrapiClient
    from bridge.strapi.decision import Order
    from bridge.strapi.products import Row

__all__ = ["PlainRest"]

_AT_ONCE: Final = 8
_REMEMBERED: Final = 20_000

_Place = tuple[str, int, int]


class _Doubt(NamedTuple):
    """A write of which no answer came."""

    places: list[_Place]
    stock: int
    decisions: list[Decision]


class PlainRest:
    """Applies movements by reading and writing products.

    Args:
        client: the Strapi.

    Attributes:
        exact: whether the products keep the position last applied; None before one was seen.
    """

    def __init__(self, client: StrapiClient) -> None:
        self.exact: bool | None = None
        self._client = client
        self._settings = client.settings
        self._done: dict[_Place, Decision] = {}
        self._doubts: dict[int, _Doubt] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def apply(self, orders: Sequence[Order], *, documents: bool) -> list[Decision]:
        """Apply a batch: those of one product in order and in one write, several products at once.

        Args:
            orders: the movements.
            documents: whether this Strapi knows documentIds: version 5.

        Returns:
            A decision for each, in the same order.

        Raises:
            UnreachableError: no answer came. What is written already is remembered: apply the same batch again.
            RefusedError: the token may not, or the settings name an attribute that is not there.
        """
        open_orders = [order for order in orders if _place(order) not in self._done]
        rows = await find_rows(self._client, [order.movement.product for order in open_orders], documents=documents)
        by_row: dict[int, tuple[Row, list[Order]]] = {}
        for order in open_orders:
            row = rows.get(order.movement.product)
            if row is None:
                self._done[_place(order)] = Decision(Outcome.UNKNOWN_PRODUCT)
            else:
                by_row.setdefault(row.id, (row, []))[1].append(order)
        failed = [
            error
            for error in await asyncio.gather(
                *(self._settle(row, members) for row, members in by_row.values()), return_exceptions=True
            )
            if error is not None
        ]
        if failed:
            raise failed[0]
        decisions = [self._done[_place(order)] for order in orders]
        for order in orders:
            self._done.pop(_place(order), None)
        if len(self._done) > _REMEMBERED:
            # Of batches that another engine took over.
            self._done.clear()
        return decisions

    async def _settle(self, row: Row, orders: list[Order]) -> None:
        async with self._slots:
            decisions = await self._apply_to(row, orders)
        self._done.update(zip(map(_place, orders), decisions, strict=True))

    async def _apply_to(self, row: Row | None, orders: list[Order]) -> list[Decision]:
        """Apply to one product; what Strapi refuses is halved until the movement that it refuses stands alone."""
        if row is None:
            return [Decision(Outcome.UNKNOWN_PRODUCT)] * len(orders)
        try:
            return await self._write(row, orders)
        except StrapiRejectedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return [Decision(Outcome.UNKNOWN_PRODUCT)] * len(orders)
            if len(orders) == 1:
                name = str(row.fields.get("name") or "")
                return [Decision(Outcome.REFUSED, row.id, name, text=error.message)]
        middle = len(orders) // 2
        before = await self._apply_to(row, orders[:middle])
        return before + await self._apply_to(await self._again(row), orders[middle:])

    async def _write(self, row: Row, orders: list[Order]) -> list[Decision]:
        stock = self._stock(row)
        places = [_place(order) for order in orders]
        doubt = self._doubts.pop(row.id, None)
        if doubt is not None and doubt.places == places and doubt.stock == stock:
            return doubt.decisions
        field = self._settings.position_field
        positions = Positions(row.fields[field]) if field in row.fields else None
        self.exact = positions is not None
        decisions = _decide(row, stock, orders, positions)
        after = next((made.stock_after for made in reversed(decisions) if made.stock_after is not None), stock)
        data: dict[str, int | str] = {self._settings.stock_field: after}
        if positions is not None:
            data[field] = positions.text
        if after == stock and (positions is None or data[field] == row.fields[field]):
            return decisions
        try:
            answer = await self._client.call("PUT", path_of(self._settings, row), {"data": data}, idempotent=True)
        except UnreachableError:
            if after != stock:
                self._doubts[row.id] = _Doubt(places, after, decisions)
            raise
        if self._stock(row_of(answer["data"])) != after:
            raise self._no_such_field("Strapi took the new stock and did not keep it")
        return decisions

    async def _again(self, row: Row) -> Row | None:
        try:
            answer = await self._client.get(path_of(self._settings, row))
        except StrapiRejectedError:
            return None
        return row_of(answer["data"])

    def _stock(self, row: Row) -> int:
        stock = stock_of(row, self._settings.stock_field)
        if stock is None:
            raise self._no_such_field(Phrase("the product has no whole number there"))
        return stock

    def _no_such_field(self, what: str) -> RefusedError:
        return RefusedError(
            "strapi",
            Phrase(
                "{what}: attribute {field!r} of {path}",
                what=what,
                field=self._settings.stock_field,
                path=path_of(self._settings),
            ),
            Phrase("name the attribute that holds the stock in the setting strapi.stock_field"),
        )


def _decide(row: Row, stock: int, orders: list[Order], positions: Positions | None) -> list[Decision]:
    firsts = [positions.first(order) if positions else None for order in orders]
    fresh = [order for order, first in zip(orders, firsts, strict=True) if first is None]
    steps = iter(merge(stock, [order.movement.delta for order in fresh]))
    name = str(row.fields.get("name") or "")
    decisions: list[Decision] = []
    for order, first in zip(orders, firsts, strict=True):
        if first is not None:
            decisions.append(Decision(Outcome.DUPLICATE, row.id, name, first=first))
            continue
        step = next(steps)
        if positions is not None:
            positions.count(order, step.outcome)
        decisions.append(Decision(step.outcome, row.id, name, step.before, step.after))
    return decisions


def _place(order: Order) -> _Place:
    return (order.topic, order.partition, order.offset)
