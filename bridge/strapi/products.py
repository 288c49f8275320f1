"""Products over REST: the shapes of Strapi 4 and Strapi 5 as one kind of row."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from bridge.errors import RefusedError, UnreachableError
from bridge.journal import Product
from bridge.movement import is_numeric_id
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator, Mapping

    from bridge.settings import StrapiSettings
    from bridge.strapi.client import StrapiClient

__all__ = [
    "STATUS_FIELDS",
    "Row",
    "find_each",
    "find_rows",
    "path_of",
    "product_of",
    "read_latest",
    "read_pages",
    "row_of",
    "stock_of",
    "write_query",
]

STATUS_FIELDS: Final = ("statuss", "status")
"""The course's names for the enumeration `safe`, `danger`, `empty`: the first with Strapi 5, the other with 4."""

_PAGE: Final = 100
_ASKED: Final = 25
_LONGEST_QUERY: Final = 6_000
"""The most bytes of a query: Node refuses more than 16 KB of headers, and a text of 255 emoji takes 3 KB there."""


class Row(NamedTuple):
    """One product as in Strapi's answer.

    Attributes:
        id: the numeric id; for a product with several rows the lasting one, see `bridge.strapi.documents`.
        document_id: Strapi 5's identity, None on version 4.
        fields: the attributes by name.
        versions: all rows of the product where it may have several: its draft, its locales; including this one.
    """

    id: int
    document_id: str | None
    fields: Mapping[str, Any]
    versions: tuple[Row, ...] = ()

    @property
    def address(self) -> str:
        """The id in the path of a request for this row: the documentId, or on version 4 the numeric id."""
        return self.document_id if self.document_id is not None else str(self.id)

    @property
    def is_draft(self) -> bool:
        """Whether it is an unpublished row of Strapi 5's Draft & Publish."""
        return "publishedAt" in self.fields and self.fields["publishedAt"] is None

    @property
    def locale(self) -> str:
        """The locale, empty where products have none."""
        locale = self.fields.get("locale")
        return locale if isinstance(locale, str) else ""

    @property
    def updated_at(self) -> float:
        """When Strapi last changed it, in seconds since the epoch; 0 if it does not say."""
        return _seconds(self.fields.get("updatedAt"))


def row_of(data: Any) -> Row:
    """Parse one entry of `data`, in either shape.

    Raises:
        UnreachableError: it has neither: the server is not a Strapi 4 or 5.
    """
    try:
        if "attributes" in data:
            return Row(int(data["id"]), None, data["attributes"])
        return Row(int(data["id"]), str(data["documentId"]), data)
    except (KeyError, TypeError, ValueError) as error:
        raise UnreachableError(
            "strapi",
            Phrase("a product has neither Strapi 4's shape nor Strapi 5's: {error}", error=repr(error)),
            Phrase("check strapi.url"),
        ) from error


def product_of(row: Row, stock_field: str) -> Product:
    """The journal's product for a row; a stock that is empty or not a whole number counts as 0."""
    fields = row.fields
    status = next((fields[name] for name in STATUS_FIELDS if isinstance(fields.get(name), str)), "")
    return Product(
        row.id,
        row.document_id if row.document_id is not None else str(row.id),
        str(fields.get("name") or ""),
        stock_of(row, stock_field) or 0,
        str(fields.get("barcode") or ""),
        status,
        0,
        row.updated_at,
    )


def stock_of(row: Row, stock_field: str) -> int | None:
    """The stock of a row: 0 if it is empty, None if the attribute is missing or not a whole number."""
    stock = row.fields.get(stock_field, "")
    if stock is None:
        return 0
    # Strapi writes a `biginteger` as text and a `decimal` as a number with a point.
    if isinstance(stock, float) and stock.is_integer():
        return int(stock)
    if isinstance(stock, str) and stock.removeprefix("-").isdecimal():
        return int(stock)
    return stock if isinstance(stock, int) else None


def path_of(settings: StrapiSettings, row: Row | None = None) -> str:
    """The path of the products, or of one of them."""
    return f"/api/{settings.products}" if row is None else f"/api/{settings.products}/{row.address}"


def write_query(row: Row) -> dict[str, str | int]:
    """The query of a PUT that changes this row: its locale, and for a draft, not to publish it."""
    query: dict[str, str | int] = {"locale": row.locale} if row.locale and row.document_id is not None else {}
    if row.is_draft and row.document_id is not None:
        query["status"] = "draft"
    return query


async def read_pages(
    client: StrapiClient, query: Mapping[str, str | int] | None = None, size: int = _PAGE
) -> AsyncIterator[list[Row]]:
    """Read the products page by page, by id: each page begins after the last id of the one before.

    With page numbers, Strapi counts all products and skips the earlier ones for each page, which among a hundred
    thousand takes longer than the page itself.

    Args:
        client: the Strapi.
        query: filters.
        size: rows per page; Strapi's configuration may set a lower limit.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token lacks the right, or there are no products under the configured name.
    """
    asked = {"sort": "id", **(query or {}), "pagination[pageSize]": size, "pagination[withCount]": "false"}
    last = -1
    while True:
        rows, said = await _page(client, asked)
        if rows and rows[0].id <= last:
            raise _no_strapi(path_of(client.settings), Phrase("a page begins before the end of the one before"))
        if rows:
            yield rows
        if len(rows) < said.get("pageSize", 1):
            return
        last = asked["filters[id][$gt]"] = rows[-1].id


async def read_latest(
    client: StrapiClient, size: int, query: Mapping[str, str | int] | None = None
) -> tuple[list[Row], int]:
    """Read the last changed products.

    Args:
        client: the Strapi.
        size: how many.
        query: which of a product's rows.

    Returns:
        Their rows, and how many products there are in all; the errors are those of `read_pages`.
    """
    rows, said = await _page(client, {"sort": "updatedAt:desc", **(query or {}), "pagination[pageSize]": size})
    return rows, said.get("total", len(rows))


async def _page(client: StrapiClient, query: Mapping[str, str | int]) -> tuple[list[Row], dict[str, int]]:
    path = path_of(client.settings)
    try:
        answer = await client.get(path, query)
    except StrapiRejectedError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            raise RefusedError(
                "strapi", Phrase("Strapi has no {path}", path=path), Phrase("check the setting strapi.products")
            ) from error
        raise
    try:
        rows = [row_of(data) for data in answer["data"]]
        return rows, {name: int(value) for name, value in answer["meta"]["pagination"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _no_strapi(path, repr(error)) from error


def _no_strapi(path: str, error: str) -> UnreachableError:
    return UnreachableError(
        "strapi",
        Phrase("{path} does not answer as Strapi does: {error}", path=path, error=error),
        Phrase("check strapi.url"),
    )


async def find_rows(client: StrapiClient, references: Iterable[str], *, documents: bool) -> dict[str, Row]:
    """Find the products of movements, as the ledger does: by numeric id, then documentId, then barcode.

    Use `bridge.strapi.documents` where a product may have several rows.

    Args:
        client: the Strapi.
        references: as given in the movements.
        documents: whether this Strapi has documentIds: version 5.

    Returns:
        The row of each reference that was found.
    """
    found: dict[str, Row] = {}
    wanted = list(dict.fromkeys(references))
    by_id = await find_each(client, "id", [reference for reference in wanted if is_numeric_id(reference)])
    found |= {reference: by_id[reference][0] for reference in wanted if reference in by_id}
    for field in ("documentId", "barcode") if documents else ("barcode",):
        wanted = [reference for reference in wanted if reference not in found]
        by_field = await find_each(client, field, wanted)
        found |= {reference: rows[0] for reference, rows in by_field.items()}
    return found


async def find_each(
    client: StrapiClient, field: str, values: Iterable[str], query: Mapping[str, str | int] | None = None
) -> dict[str, list[Row]]:
    """Find the rows with certain values of one attribute.

    Args:
        client: the Strapi.
        field: the attribute, or `id` or `documentId`.
        values: the values, without repetitions.
        query: which of a product's rows.

    Returns:
        For each value that is found its rows, the oldest first, which counts if two products have one barcode. Empty if
        the products of this Strapi do not have the attribute.
    """
    found: dict[str, list[Row]] = {}
    for asked in _questions(values):
        filters = {f"filters[{field}][$in][{place}]": value for place, value in enumerate(asked)}
        try:
            async for rows in read_pages(client, {**(query or {}), **filters}):
                for row in rows:
                    value = {"id": row.id, "documentId": row.document_id}.get(field, row.fields.get(field))
                    found.setdefault(str(value), []).append(row)
        except StrapiRejectedError as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            return {}
    return {value: found[value] for value in values if value in found}


def _questions(values: Iterable[str]) -> Iterator[list[str]]:
    """Split values so that each part fits into one request."""
    asked: list[str] = []
    size = 0
    for value in values:
        length = len(quote(value, safe=""))
        if asked and (len(asked) == _ASKED or size + length > _LONGEST_QUERY):
            yield asked
            asked, size = [], 0
        asked.append(value)
        size += length
    if asked:
        yield asked


def _seconds(moment: object) -> float:
    try:
        return datetime.fromisoformat(str(moment)).timestamp()
    except ValueError:
        return 0.0
