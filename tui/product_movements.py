"""The movements of one product: those in the ledger, and those that only the journal knows so far."""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.errors import OpsciError
from bridge.journal import Verdict
from bridge.movement import is_numeric_id
from bridge.text import readable
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from concurrent.futures import Future

    from bridge.apply.product_history import ProductHistory
    from bridge.journal import Journey, Product
    from tui.engine import Engine

__all__ = ["ProductMovements", "StockPoint", "stock_points", "thinned"]

_ASK: Final = 1.0
"""Seconds between two requests to the ledger for newer movements."""

_LOOKED_AT: Final = 2_000
"""Latest journal records searched for movements that are not in the ledger."""


class StockPoint(NamedTuple):
    """The stock at a time, in seconds since the epoch."""

    at: float
    stock: int


class ProductMovements:
    """Reads the ledger periodically and adds the movements that are not in it yet.

    Args:
        engine: asks the ledger.
        product: the product.
    """

    def __init__(self, engine: Engine, product: Product) -> None:
        self.trouble = ""
        """Why the ledger can't be read, for the user; empty if it was read."""
        self.is_read = False
        """Whether the ledger was read."""
        self.is_whole = True
        """Whether the ledger has no older movements than these."""
        self.unrecorded: list[Journey] = []
        """Movements in the journal but not in the ledger, newest first: in flight, or rejected."""
        self._engine = engine
        self._product = product
        self._recorded: list[Journey] = []
        self._names: set[str] = set()
        self._last = 0
        self._reading: Future[ProductHistory] | None = None
        self._ask_at = 0.0

    def pull(self) -> None:
        """Take over the ledger's answer and new journal records, and ask the ledger again when due."""
        self._ask()
        self.unrecorded = self._look()

    def _ask(self) -> None:
        now = time.monotonic()
        reading = self._reading
        if reading is not None and reading.done():
            self._reading, self._ask_at = None, now + _ASK
            error = None if reading.cancelled() else reading.exception()
            if error is not None:
                self.trouble = readable(say(error.text) if isinstance(error, OpsciError) else str(error))
            elif not reading.cancelled():
                self._take(reading.result())
        elif reading is None and now >= self._ask_at:
            self._reading = self._engine.movements_of(self._product, self._last)

    @property
    def recorded(self) -> Sequence[Journey]:
        """The movements in the ledger, newest first."""
        return self._recorded

    @property
    def on_the_way(self) -> list[Journey]:
        """Those of `unrecorded` that are undecided."""
        return [one for one in self.unrecorded if one.verdict is None and one.elsewhere is None]

    def _look(self) -> list[Journey]:
        journal = self._engine.journal
        found: dict[str, Journey] = {}
        for ring in (journal.kafka, journal.mqtt):
            upto = ring.next
            for journey in ring.slice(max(0, upto - _LOOKED_AT), upto):
                if self._is_unrecorded(journey):
                    found.setdefault(journey.movement_id, journey)
        return sorted(found.values(), key=_began, reverse=True)

    def _is_unrecorded(self, journey: Journey) -> bool:
        if journey.earlier or not journey.product or journey.movement_id in self._names:
            return False
        named, product = journey.product, self._product
        if named in {str(product.id), product.document_id, product.barcode}:
            return True
        return is_numeric_id(named) and self._engine.journal.stock.own(int(named)) == product.id

    def _take(self, history: ProductHistory) -> None:
        if not self.is_read:
            self.is_whole = history.is_whole
        self.is_read, self.trouble = True, ""
        self._last = history.last or self._last
        self._recorded = [*history.movements, *self._recorded]
        self._names.update(one.movement_id for one in history.movements)


def stock_points(movements: Iterable[Journey], product: Product, now: float, since: float) -> list[StockPoint]:
    """Compute the stock over time as a line of steps.

    Args:
        movements: of the ledger, newest first.
        product: with its current stock.
        now: end of the line, in seconds since the epoch.
        since: earliest start of the line, in seconds since the epoch.

    Returns:
        Points in order of time; none if no applied movement is known. A change that no movement made, such as an edit
        in Strapi's panel, appears at the next movement.
    """
    found: list[StockPoint] = []
    for journey in movements:
        at, before, after = journey.decided_at, journey.stock_before, journey.stock_after
        if journey.verdict is not Verdict.APPLIED or at is None or before is None or after is None:
            continue
        if at < since:
            found.append(StockPoint(since, after))
            break
        found += [StockPoint(at, after), StockPoint(at, before)]
    if not found:
        return []
    found.reverse()
    steps = [found[0]]
    for one, other in pairwise(found):
        if other.at > one.at:
            steps.append(StockPoint(other.at, one.stock))
        steps.append(other)
    last = steps[-1].stock
    return [*steps, StockPoint(now, last), *([StockPoint(now, product.stock)] if product.stock != last else [])]


def thinned(points: Sequence[StockPoint], columns: int) -> list[StockPoint]:
    """Thin out points that share a screen column, keeping the first, lowest, highest and last of each column.

    Args:
        points: in order of time.
        columns: number of columns, at least 1.
    """
    if len(points) <= 4 * columns:
        return list(points)
    begin, end = points[0].at, points[-1].at
    width = max(end - begin, 1e-9) / columns
    groups: dict[int, list[StockPoint]] = {}
    for point in points:
        groups.setdefault(min(columns - 1, int((point.at - begin) / width)), []).append(point)
    thin: list[StockPoint] = []
    for group in groups.values():
        low, high = min(group, key=_stock), max(group, key=_stock)
        kept = {id(point) for point in (group[0], low, high, group[-1])}
        thin += [point for point in group if id(point) in kept]
    return thin


def _stock(point: StockPoint) -> int:
    return point.stock


def _began(journey: Journey) -> float:
    return journey.received_at or journey.consumed_at or journey.decided_at or 0.0
