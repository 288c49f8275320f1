"""One product's movements: what the ledger has of them, and what the journal knows that is not in the ledger yet."""

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
"""Seconds between two questions to the ledger for what is newer."""

_LOOKED_AT: Final = 2_000
"""How many of the latest records of the journal are looked at for what is not in the ledger."""


class StockPoint(NamedTuple):
    """The stock at a moment, in seconds since the epoch."""

    at: float
    stock: int


class ProductMovements:
    """Reads the ledger again and again, and puts before it what is on its way.

    Args:
        engine: what asks the ledger.
        product: whose movements.
    """

    def __init__(self, engine: Engine, product: Product) -> None:
        self.trouble = ""
        """Why the ledger can't be read, for a person; empty where it was."""
        self.is_read = False
        """Whether the ledger was read."""
        self.is_whole = True
        """Whether the ledger has no older movements than these."""
        self.unrecorded: list[Journey] = []
        """What the journal knows of the product and the ledger has not, the newest first: on its way, or refused."""
        self._engine = engine
        self._product = product
        self._recorded: list[Journey] = []
        self._names: set[str] = set()
        self._last = 0
        self._reading: Future[ProductHistory] | None = None
        self._ask_at = 0.0

    def pull(self) -> None:
        """Take over what the ledger answered and what the journal got, and ask again once it is time."""
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
        """What the ledger has, the newest first."""
        return self._recorded

    @property
    def on_the_way(self) -> list[Journey]:
        """Those of them that are not in the ledger and that nothing is decided of."""
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
    """The stock as a line of steps.

    Args:
        movements: of the ledger, the newest first.
        product: as it stands now.
        now: seconds since the epoch, where the line ends.
        since: the same, where it begins at the earliest.

    Returns:
        In the order of time; no point where no applied movement is known. A step that no movement made, as an edit in
        Strapi's panel, stands at the next movement.
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
    """Leave out points that would be drawn in the same column, but for its first, lowest, highest and last.

    Args:
        points: in the order of time.
        columns: how many columns there are, at least 1.
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
