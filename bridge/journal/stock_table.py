"""The latest stock of each product as known from Strapi: the rows of the third pane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.journal.ring import ChangeSignal, Ring
from bridge.movement import is_numeric_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set

__all__ = ["Product", "StockTable"]

_MOST_IDS: Final = 65_536
"""How many former or other numeric ids of products are kept."""

_CHANGES: Final = 16_384
"""How many changes are kept individually: as many as happen between two reads of a screen at the highest rates."""


class Product(NamedTuple):
    """One product as in Strapi.

    Attributes:
        id: the numeric id that the course's programs use; with Draft & Publish the draft's, which is permanent.
        document_id: Strapi 5's identity; the id as text on version 4.
        name: unchanged from Strapi.
        stock: pieces.
        barcode: unchanged from Strapi; may be empty.
        status: `safe`, `danger`, `empty` or empty.
        last_change: the last signed change that was seen, 0 if none was.
        changed_at: when that change, or Strapi's updatedAt, was, in seconds since the epoch; 0 where unknown.
    """

    id: int
    document_id: str
    name: str
    stock: int
    barcode: str = ""
    status: str = ""
    last_change: int = 0
    changed_at: float = 0.0


class StockTable:
    """The products by id. One thread writes whole rows, any thread reads; `version` grows with every change.

    A product has one row, whichever of its rows in Strapi 5 was read; the documentId identifies it.

    Args:
        news: rings with every change.

    Attributes:
        total: how many products Strapi last had; more than the table has where nobody looks at it.
    """

    __slots__ = ("_changes", "_ids", "_news", "_others", "_products", "total")

    def __init__(self, news: ChangeSignal | None = None) -> None:
        self._news = news or ChangeSignal()
        self._products: dict[int, Product] = {}
        self._ids: dict[str, int] = {}
        self._others: dict[int, str] = {}
        self._changes = Ring[int](_CHANGES)
        self.total = 0

    def __len__(self) -> int:
        return len(self._products)

    @property
    def version(self) -> int:
        """The number of changes so far."""
        return self._changes.next

    def changed(self, since: int, until: int) -> set[int] | None:
        """The products that changed, appeared or disappeared between two versions; None if no longer known.

        Args:
            since: a version that was seen, -1 where none was.
            until: a later one.
        """
        found = self._changes.slice(since, until)
        return set(found) if len(found) == until - since else None

    def get(self, product_id: int) -> Product | None:
        """The product that has, or had, a row with that id, or None."""
        return self._products.get(self.own(product_id))

    def own(self, product_id: int) -> int:
        """The id in this table of the product that has, or had, a row with that id; that id where none is known."""
        if product_id in self._products:
            return product_id
        return self._ids.get(self._others.get(product_id, ""), product_id)

    def id_of(self, document_id: str) -> int | None:
        """The id of a product in this table."""
        return self._ids.get(document_id)

    def products(self) -> list[Product]:
        """All products, by id."""
        return sorted(self._products.copy().values())

    def find(self, reference: str) -> Product | None:
        """Find the product of a movement: by id, then documentId, then barcode, as the ledger does."""
        if not reference:
            # An empty reference does not match an empty barcode.
            return None
        if is_numeric_id(reference):
            found = self.get(int(reference))
            if found is not None:
                return found
        products = self._products.copy()
        return next(
            (p for p in products.values() if p.document_id == reference),
            next((p for p in products.values() if p.barcode == reference), None),
        )

    def moved(self, product_id: int, stock: int, delta: int, at: float) -> None:
        """Note a product's stock after a movement; a product that is not in the table yet waits for a read."""
        known = self.get(product_id)
        if known is not None:
            self._products[known.id] = known._replace(stock=stock, last_change=delta, changed_at=at)
            self._note([known.id])

    def recall(self, product_id: int, stock: int, delta: int) -> None:
        """Note the last movement from before the start, where no later change of the product is known."""
        known = self.get(product_id)
        if known is not None and not known.last_change and known.stock == stock:
            self._products[known.id] = known._replace(last_change=delta)
            self._note([known.id])

    def also(self, ids: Iterable[tuple[int, str]]) -> None:
        """Note the numeric ids of other rows of products, each with its documentId."""
        for number, document in ids:
            if self._ids.get(document) != number:
                self._others[number] = document
        while len(self._others) > _MOST_IDS:
            del self._others[next(iter(self._others))]

    def read(self, products: Iterable[Product], *, complete: bool) -> None:
        """Store products read from Strapi.

        Args:
            products: rows whose `last_change` is ignored: it is derived from the previous row.
            complete: whether these are all products, so that others no longer exist.
        """
        known = self._products
        fresh: dict[int, Product] = {}
        gone: list[int] = []
        for product in products:
            document = product.document_id
            before = self._ids.get(document, product.id)
            fresh[product.id] = _after(known.get(before), product)
            if before != product.id:
                # Another row now represents the same product.
                gone.append(before)
                self._others[before] = document
            if document:
                self._ids[document] = product.id
        changed = [key for key, product in fresh.items() if known.get(key) != product]
        known.update(fresh)
        for product_id in gone:
            known.pop(product_id, None)
        self._note([*changed, *gone])
        if complete:
            self.keep(fresh.keys())

    def keep(self, product_ids: Set[int]) -> None:
        """Remove all other products, which Strapi no longer has."""
        gone = self._products.keys() - product_ids
        for product_id in gone:
            product = self._products.pop(product_id)
            if self._ids.get(product.document_id) == product_id:
                del self._ids[product.document_id]
        self._note([*gone])

    def _note(self, changed: Sequence[int]) -> None:
        if changed:
            self._changes.extend(changed)
            self._news.ring()


def _after(known: Product | None, product: Product) -> Product:
    if known is None:
        return product._replace(last_change=0)
    if product.stock == known.stock:
        return product._replace(last_change=known.last_change, changed_at=known.changed_at)
    return product._replace(last_change=product.stock - known.stock)
