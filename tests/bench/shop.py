"""Direct access to the SQLite database of the bench's Strapi: inserts rows and looks them up.

Creating a hundred thousand products over HTTP would take a quarter of an hour, and requests during a measurement would
slow Strapi down.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from typing import TYPE_CHECKING, Final

from tests.bench.bench import FailedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tests.bench.bench import Bench

__all__ = ["Shop"]

_STOCK: Final = 1_000_000
_EXTRA: Final = "bench-row-"


class Shop:
    """Products and recorded movements.

    Args:
        bench: provides Strapi.
    """

    def __init__(self, bench: Bench) -> None:
        self._file = bench.stack.paths.state / "strapi" / "data.db"

    def stocks(self) -> dict[int, int]:
        """Return the stock of each product by its id."""
        with self._open() as database:
            return dict(database.execute("SELECT id, stock_available FROM products"))

    def set_stocks(self, stocks: Mapping[int, int]) -> None:
        """Set the stock of products by id."""
        with self._open() as database:
            rows = [(stock, product) for product, stock in stocks.items()]
            database.executemany("UPDATE products SET stock_available = ? WHERE id = ?", rows)

    def recorded(self, prefix: str) -> int:
        """Count the recorded movements whose id has a prefix."""
        with self._open() as database:
            found = database.execute("SELECT count(*) FROM stock_movements WHERE movement_id GLOB ?", [f"{prefix}*"])
            return int(found.fetchone()[0])

    def stock_up(self, products: int) -> None:
        """Create products with the ids 1 to `products`, a million in stock each, and delete the bench's other ones."""
        at = int(time.time() * 1000)
        rows = (
            (number, f"{_EXTRA}p{number:014d}", f"Product {number}", f"{_EXTRA}{number}", _STOCK, at, at, at)
            for number in range(1, products + 1)
        )
        with self._open() as database:
            database.execute("DELETE FROM products WHERE id > ? AND document_id GLOB ?", [products, f"{_EXTRA}*"])
            database.executemany(
                "INSERT OR IGNORE INTO products (id, document_id, name, barcode, stock_available, created_at, "
                "updated_at, published_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            database.execute("UPDATE products SET stock_available = ? WHERE id <= ?", [_STOCK, products])

    def record(self, count: int) -> None:
        """Create that many recorded movements, none of which belongs to a run."""
        at = int(time.time() * 1000)
        rows = self._movements(count, at)
        with self._open() as database:
            database.execute("DELETE FROM stock_movements")
            database.executemany(
                "INSERT INTO stock_movements (document_id, movement_id, product, product_id, amount, type, verdict, "
                "stock_before, stock_after, created_at, updated_at, published_at) "
                "VALUES (?, ?, ?, ?, 1, 'IN', 'applied', ?, ?, ?, ?, ?)",
                rows,
            )

    @staticmethod
    def _movements(count: int, at: int) -> Iterable[tuple[str | int, ...]]:
        for number in range(count):
            product = number % 200 + 1
            yield (
                f"{_EXTRA}{number:014d}", f"{_EXTRA}{number}", str(product), product, number, number + 1, at, at, at
            )  # fmt: skip

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self._file.exists():
            raise FailedError("Strapi's database is no SQLite file of the bench's own: unset DATABASE_CLIENT")
        with contextlib.closing(sqlite3.connect(self._file, timeout=60)) as database, database:
            yield database
