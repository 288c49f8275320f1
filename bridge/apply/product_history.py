"""The latest movements of one product, read from the ledger."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from bridge.apply.verdicts import judge
from bridge.journal import Journey
from bridge.movement import Movement
from bridge.strapi.ledger import MOST_RECORDED, ChangedProduct, Decision, Outcome, RecordedVerdict, misread

if TYPE_CHECKING:
    from bridge.journal import Product
    from bridge.strapi.client import StrapiClient

__all__ = ["MOST_MOVEMENTS", "ProductHistory", "movements_of"]

MOST_MOVEMENTS: Final = 1_000
"""The most movements read of a product, the latest ones."""

_MOVEMENTS: Final = "/api/stock-movements"

_SOURCE: Final = re.compile(r"(?P<topic>.+)/(?P<partition>[0-9]{1,9})@(?P<offset>[0-9]{1,18})", re.ASCII)


class ProductHistory(NamedTuple):
    """Movements of one product.

    Attributes:
        movements: the newest first, each with its verdict, the stock before and after, topic, partition and offset, and
            as `decided_at` the time at which the ledger stored it. The ledger has no payloads, so they are empty.
        last: the ledger's number of the newest one, to request later ones with; 0 if there is none.
        is_whole: whether the ledger has no older ones.
    """

    movements: list[Journey]
    last: int = 0
    is_whole: bool = True


class _Row(msgspec.Struct, gc=False, rename={"created_at": "createdAt"}):
    id: int
    movement_id: str
    product: str
    amount: int
    type: Literal["IN", "OUT"]
    verdict: RecordedVerdict
    created_at: datetime
    product_id: int | None = None
    stock_before: int | None = None
    stock_after: int | None = None
    source: str | None = None


class _Page(msgspec.Struct):
    data: list[_Row]


_FIELDS: Final = tuple("createdAt" if name == "created_at" else name for name in _Row.__struct_fields__ if name != "id")


async def movements_of(
    client: StrapiClient, product: Product, *, after: int = 0, most: int = MOST_MOVEMENTS
) -> ProductHistory:
    """Read the latest movements of a product from the ledger; the right to read it suffices.

    Args:
        client: the Strapi.
        product: whose movements, by its documentId.
        after: only movements with a larger number in the ledger.
        most: the most movements to read, rounded up to whole pages.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token may not read it.
        StrapiRejectedError: this Strapi has no ledger.
    """
    query: dict[str, str | int] = {f"fields[{place}]": name for place, name in enumerate(_FIELDS)}
    query |= {
        "filters[product_document_id][$eq]": product.document_id,
        "sort": "id:desc",
        "pagination[pageSize]": MOST_RECORDED,
        "pagination[withCount]": "false",
    }
    rows: list[_Row] = []
    # Paged by number, as others are written meanwhile.
    asked: dict[str, str | int] = {"filters[id][$gt]": after}
    while len(rows) < most:
        try:
            page = await client.call("GET", _MOVEMENTS, query=query | asked, idempotent=True, shape=_Page)
        except msgspec.ValidationError as error:
            raise misread(str(error), _MOVEMENTS) from error
        found: list[_Row] = page.data if page is not None else []
        rows += found
        if len(found) < MOST_RECORDED:
            break
        asked["filters[id][$lt]"] = found[-1].id
    else:
        return ProductHistory(list(map(_journey, rows)), rows[0].id, is_whole=False)
    return ProductHistory(list(map(_journey, rows)), rows[0].id if rows else 0)


def _journey(row: _Row) -> Journey:
    place = _SOURCE.fullmatch(row.source or "")
    journey = Journey(
        row.movement_id,
        b"",
        movement=Movement(row.product, row.amount, row.type),
        kafka_topic=place["topic"] if place else "",
        partition=int(place["partition"]) if place else -1,
        offset=int(place["offset"]) if place else -1,
        decided_at=row.created_at.timestamp(),
    )
    product = None if row.product_id is None else ChangedProduct(row.product_id)
    journey.verdict = judge(journey, Decision(Outcome(row.verdict), product, row.stock_before, row.stock_after))
    return journey
