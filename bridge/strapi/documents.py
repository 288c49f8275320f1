"""Products of which Strapi 5 has several rows: a draft and a published one, and those of each locale.

With Draft & Publish on, each product has a draft, and beside it a published row once someone published it. Every PUT,
and every press of "Publish", deletes the published row and makes another under a new numeric id; the draft's id stays
until the draft is discarded (Strapi 5 documentation, "Document Service API: publish(), discardDraft()"). A product
with locales has such rows for each. What tells products apart is the documentId, and each of these ids names its
product, also one that a row had before: a movement may wait in Kafka, or its sender may have listed the products a
while ago, and names an id that is gone since. Former ids are kept in a file, so that they are known after a restart
too.
"""

from __future__ import annotations

import contextlib
import logging
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.movement import is_numeric_id
from bridge.outbox.store import outbox_folder
from bridge.private_file import append_file, make_folder, replaced_file
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.products import find_each, find_rows, read_latest, read_pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO, Self

    from bridge.settings import Settings
    from bridge.strapi.client import StrapiClient
    from bridge.strapi.products import Row

__all__ = ["ONE_ROW", "Dimensions", "Documents", "FormerIds", "find_dimensions"]


_log = logging.getLogger(__name__)

_DIGITS: Final = 12
_MOST: Final = 200_000
"""How many ids are kept, the latest; some 8 MB of a file."""

_AGAIN: Final = 30.0
"""Seconds after which it is asked again whether products may have several rows: someone may switch that on."""

_DRAFTS: Final = {"status": "draft"}

_LOCALES: Final = {"locale": "*"}


class FormerIds:
    """The documentId behind each numeric id that was seen.

    Args:
        path: the file, read at the first use; a line for each, the id and the documentId. None keeps them in memory.
        most: how many are kept; twice as many are in the file at most.
    """

    def __init__(self, path: Path | None, most: int = _MOST) -> None:
        self._path = path
        self._most = most
        self._documents: dict[int, str] = {}
        self._lines = 0
        self._file: BinaryIO | None = None
        self._opened = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Those of the Strapi of these settings, in a file beside what the same chain's screen published."""
        return cls(outbox_folder(settings) / "product-ids")

    def document_of(self, number: int) -> str | None:
        """Whose row had that id, None where it was never seen."""
        self._open()
        return self._documents.get(number)

    def note(self, ids: Iterable[tuple[int, str]]) -> None:
        """Keep ids; they are in the file when this returns, before a PUT makes them go.

        Args:
            ids: each with its documentId.
        """
        self._open()
        fresh = [(number, document) for number, document in ids if self._documents.get(number) != document]
        if not fresh:
            return
        self._documents.update(fresh)
        while len(self._documents) > self._most:
            del self._documents[next(iter(self._documents))]
        if self._path is None or self._file is None:
            return
        try:
            self._file.write(b"".join(map(_line, fresh)))
            self._file.flush()
            self._lines += len(fresh)
            if self._lines > 2 * self._most:
                self._write_anew(self._path)
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
        self._opened = False

    def _open(self) -> None:
        if self._opened:
            return
        self._opened = True
        if self._path is None:
            return
        try:
            make_folder(self._path.parent)
            with contextlib.suppress(FileNotFoundError):
                self._read(self._path.read_bytes())
            self._file = append_file(self._path)
            # A line that a crash cut short must not take the next one with it.
            self._file.write(b"\n")
        except OSError as error:
            self._give_up(error)

    def _read(self, text: bytes) -> None:
        for line in text.split(b"\n"):
            number, _, document = line.partition(b" ")
            if number.isdigit() and len(number) <= _DIGITS and document.isalnum():
                self._documents[int(number)] = document.decode()
                self._lines += 1

    def _write_anew(self, path: Path) -> None:
        with replaced_file(path) as fresh:
            fresh.write_bytes(b"".join(map(_line, self._documents.items())))
        if self._file is not None:
            self._file.close()
        self._file = append_file(path)
        self._lines = len(self._documents)

    def _give_up(self, error: OSError) -> None:
        _log.warning(
            "strapi: %s: %s; ids that products had are known until this engine ends", self._path, error.strerror
        )
        self._file = None


def _line(entry: tuple[int, str]) -> bytes:
    return b"%d %s\n" % (entry[0], entry[1].encode())


class Dimensions(NamedTuple):
    """In what a product's rows differ; Strapi calls these the dimensions of a document.

    Attributes:
        drafts: a draft and a published one: Draft & Publish is on.
        locales: the locales: the type is localized.
    """

    drafts: bool = False
    locales: bool = False

    @property
    def published(self) -> list[dict[str, str | int]]:
        """The queries that list the published rows, or all where there are no drafts; the default locale first."""
        return [{}, {**_LOCALES}] if self.locales else [{}]

    @property
    def unpublished(self) -> list[dict[str, str | int]]:
        """The queries that list the drafts, of which each product has one; the default locale first."""
        return [{**_DRAFTS, **query} for query in self.published] if self.drafts else []


ONE_ROW: Final = Dimensions()
"""Each product is one row, as on version 4 and where neither is on."""


async def find_dimensions(client: StrapiClient) -> Dimensions | None:
    """Find out, from a product.

    Args:
        client: the Strapi.

    Returns:
        In what its products' rows differ; None where it has no product that would tell.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token may not, or there are no products under the name that the settings have.
    """
    queries: tuple[dict[str, str | int], ...] = ({**_DRAFTS}, {**_DRAFTS, **_LOCALES})
    for query in queries:
        try:
            rows, _ = await read_latest(client, 1, {**query, "pagination[withCount]": "false"})
        except StrapiRejectedError as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            return ONE_ROW
        for row in rows:
            # Version 4 has one row for a product and a state of publication, and an id of its own for each locale.
            return ONE_ROW if row.document_id is None else Dimensions(row.is_draft, row.locale != "")
    return None


class Documents:
    """Finds the products of one Strapi, each with all its rows.

    Args:
        client: the Strapi.
        former: the numeric ids that rows had before; None keeps none.

    Attributes:
        known: in what the products' rows differ, as it was found last.
    """

    def __init__(self, client: StrapiClient, former: FormerIds | None = None) -> None:
        self.former = former
        self._client = client
        self.known = ONE_ROW
        self._asked_at = float("-inf")
        self._learned = ""
        """Strapi's updatedAt of the latest row whose id was noted with all others."""

    async def dimensions(self) -> Dimensions:
        """In what the products' rows differ, as it was lately; the errors are those of `find_dimensions`."""
        if time.monotonic() > self._asked_at + _AGAIN:
            found = await find_dimensions(self._client)
            self.known = found or ONE_ROW
            if found is not None:
                if found.drafts and self.former is not None:
                    await self._learn_ids(found, self.former)
                self._asked_at = time.monotonic()
        return self.known

    async def _learn_ids(self, dimensions: Dimensions, former: FormerIds) -> None:
        """Note the ids of all products, then of those that changed: someone may publish before a movement comes."""
        query: dict[str, str | int] = {"fields[0]": "updatedAt"}
        if self._learned:
            query["filters[updatedAt][$gte]"] = self._learned
        latest = self._learned
        for listed in (dimensions.published[-1], *dimensions.unpublished[-1:]):
            async for rows in read_pages(self._client, {**listed, **query}):
                former.note((row.id, row.address) for row in rows)
                latest = max(latest, *(str(row.fields.get("updatedAt") or "") for row in rows))
        self._learned = latest

    def forget(self) -> None:
        """Another Strapi may stand there: ask again."""
        self._asked_at = float("-inf")

    async def find(self, references: Iterable[str], *, documents: bool = True) -> dict[str, Row]:
        """Find the products that movements name: by numeric id, of now or before, then documentId, then barcode.

        Args:
            references: as the movements have them.
            documents: whether this Strapi knows documentIds: version 5.

        Returns:
            The row of each reference that names one. Where products have several rows, it is the published one of the
            default locale, else the nearest to that; its id is the draft's, which stays through every PUT.
        """
        dimensions = await self.dimensions() if documents else ONE_ROW
        if dimensions == ONE_ROW:
            return await find_rows(self._client, references, documents=documents)
        wanted = list(dict.fromkeys(references))
        named = await self._documents_by(dimensions, "id", [each for each in wanted if is_numeric_id(each)])
        if self.former is not None:
            # No database gives a number twice: whose it was, it is.
            before = {each: self.former.document_of(int(each)) for each in wanted if is_numeric_id(each)}
            named = {each: document for each, document in before.items() if document is not None} | named
        by_document = await self._rows_of(
            dimensions, dict.fromkeys([*named.values(), *(each for each in wanted if each not in named)])
        )
        named |= {each: each for each in wanted if each not in named and each in by_document}
        coded = await self._documents_by(dimensions, "barcode", [each for each in wanted if each not in named])
        by_document |= await self._rows_of(dimensions, dict.fromkeys(coded.values()))
        named |= coded
        return {each: by_document[named[each]] for each in wanted if named.get(each) in by_document}

    async def find_by_barcode(self, barcode: str) -> Row | None:
        """The product of that barcode, the oldest where several have it, whether it is published or not."""
        dimensions = await self.dimensions()
        if dimensions == ONE_ROW:
            rows = (await find_each(self._client, "barcode", [barcode])).get(barcode, [])
            return rows[0] if rows else None
        coded = await self._documents_by(dimensions, "barcode", [barcode])
        found = await self._rows_of(dimensions, coded.values())
        return next(iter(found.values()), None)

    async def _documents_by(self, dimensions: Dimensions, field: str, values: list[str]) -> dict[str, str]:
        """The documentId behind each value; what is published goes before what is not."""
        found: dict[str, str] = {}
        for query in (dimensions.published[-1], *dimensions.unpublished[-1:]):
            left = [value for value in values if value not in found]
            for value, rows in (await find_each(self._client, field, left, query)).items():
                found[value] = rows[0].address
        return found

    async def _rows_of(self, dimensions: Dimensions, documents: Iterable[str]) -> dict[str, Row]:
        """Each document with all its rows."""
        wanted = list(documents)
        rows: dict[str, dict[int, Row]] = {}
        for query in [*dimensions.published, *dimensions.unpublished]:
            for document, found in (await find_each(self._client, "documentId", wanted, query)).items():
                for row in found:
                    rows.setdefault(document, {}).setdefault(row.id, row)
        if self.former is not None:
            self.former.note((number, document) for document, each in rows.items() for number in each)
        return {document: _as_one(each) for document, each in rows.items()}


def _as_one(rows: Mapping[int, Row]) -> Row:
    versions = tuple(rows.values())
    return versions[0]._replace(id=next(_lasting(versions)), versions=versions)


def _lasting(versions: Iterable[Row]) -> Iterator[int]:
    """The ids, that of a draft before the others."""
    yield from (row.id for row in versions if row.is_draft)
    yield from (row.id for row in versions)
