"""Finding a movement across the panes: by its id, its product or where it stands in Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journey, Product
    from tui.panes.log_view import LogView
    from tui.panes.stock import StockView

__all__ = ["Finder", "Hit", "journey_is", "product_is"]

LEAST: Final = 6
"""From how many characters on the beginning of an id is enough."""


class Hit(NamedTuple):
    """Where something was found: the number of the pane, and the key of its row there."""

    pane: int
    key: int


class Finder:
    """Steps through what was found, the latest first; each movement once, in the first pane that shows it.

    Args:
        logs: the panes of movements.
        stock: the pane of products.
    """

    def __init__(self, logs: Sequence[LogView], stock: StockView) -> None:
        self._logs = logs
        self._stock = stock
        self._typed = ""
        self.hits: list[Hit] = []
        self.place = -1
        """Which of the hits is the one that was given last, from 0."""

    def next(self, typed: str) -> Hit | None:
        """Find what was typed, or go on to the next hit where it was typed before; after the last comes the first.

        Returns:
            The hit, None where nothing that is shown is that.
        """
        wanted = typed.strip().casefold()
        if wanted != self._typed or not self.hits:
            self._typed, self.place = wanted, -1
            self.hits = self._find(wanted) if wanted else []
        for _ in self.hits:
            self.place = (self.place + 1) % len(self.hits)
            hit = self.hits[self.place]
            in_logs = hit.pane <= len(self._logs)
            if (self._logs[hit.pane - 1] if in_logs else self._stock).row_of(hit.key) is not None:
                return hit
        return None

    def _find(self, wanted: str) -> list[Hit]:
        hits: list[Hit] = []
        seen: set[str] = set()
        for pane, view in enumerate(self._logs, 1):
            for row in range(view.rows - 1, -1, -1):
                key = view.key_at(row)
                journey = None if key is None else view.item_of(key)
                if key is None or journey is None or journey.movement_id in seen:
                    continue
                if journey_is(journey, wanted):
                    seen.add(journey.movement_id)
                    hits.append(Hit(pane, key))
        return hits + [
            Hit(len(self._logs) + 1, product.id) for product in self._stock.items() if product_is(product, wanted)
        ]


def journey_is(journey: Journey, wanted: str) -> bool:
    """Whether a journey is the one that is looked for.

    Args:
        journey: any.
        wanted: a movement-id or the first six characters of one, `p3@128`, a product's reference or a part of its
            name; case folded.
    """
    identity = journey.movement_id.casefold()
    if wanted in {identity, journey.position} or (len(wanted) >= LEAST and identity.startswith(wanted)):
        return True
    if journey.movement is not None and journey.movement.product.casefold() == wanted:
        return True
    return str(journey.product_id) == wanted or _in_name(wanted, journey.product_name)


def product_is(product: Product, wanted: str) -> bool:
    """Whether a product is the one that is looked for: by id, documentId, barcode or a part of its name."""
    return wanted in {str(product.id), product.document_id.casefold(), product.barcode} or _in_name(
        wanted, product.name
    )


def _in_name(wanted: str, name: str) -> bool:
    # A number is an id: 12 is not the gloves of size 120.
    return not wanted.isdecimal() and wanted in name.casefold()
