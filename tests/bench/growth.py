"""The cost of apply with more products, and with more movements recorded before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.bench.applying import run_apply
from tests.bench.publisher import PRODUCTS
from tests.bench.shop import Shop

if TYPE_CHECKING:
    from tests.bench.bench import Bench
    from tests.bench.outcome import Outcome
    from tests.bench.work import Contender

__all__ = ["run_apply_among_products", "run_apply_behind_ledger"]

_FULL: Final = 100_000
"""From how many rows on a smaller bench has fewer of them."""


def run_apply_among_products(bench: Bench, contender: Contender) -> Outcome:
    """Run `apply` with movements spread over the number of products in the contender's `told`."""
    try:
        return run_apply(bench, contender, _rows(bench, int(contender.told["products"])))
    finally:
        Shop(bench).stock_up(PRODUCTS)


def run_apply_behind_ledger(bench: Bench, contender: Contender) -> Outcome:
    """Run `apply` with the number of recorded movements in the contender's `told`."""
    shop = Shop(bench)
    shop.record(_rows(bench, int(contender.told["recorded"])))
    try:
        return run_apply(bench, contender)
    finally:
        shop.record(0)


def _rows(bench: Bench, rows: int) -> int:
    return bench.scaled(rows) if rows >= _FULL else rows
