"""Which products a few typed characters may mean: by id, barcode or name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.journal import Product

__all__ = ["SUGGESTIONS", "complete"]

SUGGESTIONS: Final = 5
"""How many products are suggested at once."""


def complete(typed: str, products: Iterable[Product], limit: int = SUGGESTIONS) -> list[Product]:
    """Find products for what was typed.

    Args:
        typed: the start of an id or a barcode, or words of the name in any order.
        products: those that there are.
        limit: how many to give, 1 or more.

    Returns:
        The best first: the id itself, ids and barcodes that start so, names whose words start so, names that contain
        it; nothing where nothing was typed.
    """
    wanted = typed.strip().casefold()
    if not wanted:
        return []
    words = wanted.split()
    ranked = ((_rank(wanted, words, product), product.id, product) for product in products)
    return [product for rank, _, product in sorted(found for found in ranked if found[0] is not None)[:limit]]


def _rank(wanted: str, words: list[str], product: Product) -> int | None:
    identity, barcode = str(product.id), product.barcode.casefold()
    if wanted == identity:
        return 0
    if wanted in (barcode, product.document_id.casefold()):
        return 1
    if identity.startswith(wanted):
        return 2
    if barcode.startswith(wanted):
        return 3
    name = product.name.casefold()
    # A loop and not `all`, before anything is made of the name: most products of many end here.
    for word in words:
        if word not in name:
            return None
    parts = name.split()
    return 4 if all(any(part.startswith(word) for part in parts) for word in words) else 5
