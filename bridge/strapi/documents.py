"""Products with several rows in Strapi 5: a draft and a published row, and those of each locale.

With Draft & Publish, each product has a draft and, once published, a published row. Every PUT and every "Publish"
deletes the published row and creates another with a new numeric id; the draft's id remains until the draft is discarded
(Strapi 5 documentation, "Document Service API: publish(), discardDraft()"). A localized product has such rows for each
locale. Products are identified by documentId, and each of these ids refers to its product, including ids of deleted
rows: a movement may have waited in Kafka, or its sender may have listed the products some time ago. Former ids are kept
in a file, so that they are known after a restart.
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
"""How many ids are kept, the latest ones; about 8 MB in the file."""

_AGAIN: Final = 30.0
"""Seconds between two checks whether products have several rows: it can be switched on at any time."""

_DRAFTS: Final = {"status": "draft"}

_LOCALES: Final = {"locale": "*"}


class FormerIds:
    """The documentId for each numeric id that was seen.

    Args:
        path: the file, read at the first use; each line has an id and a documentId. None keeps them in memory.
        most: how many are kept; the file has at most twice as many.
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
        """The former ids of the Strapi in these settings, in a file in the outbox's folder."""
        return cls(outbox_folder(settings) / "product-ids")

    def document_of(self, number: int) -> str | None:
        """The documentId of the row with that id, None if it was never seen."""
        self._open()
        return self._documents.get(number)

    def note(self, ids: Iterable[tuple[int, str]]) -> None:
        """Keep ids; they are in the file when this returns, before a PUT replaces them.

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
            # Start a new line, as a crash may have left the last one incomplete.
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
    """How a product's rows differ; Strapi calls these the dimensions of a document.

    Attributes:
        drafts: into drafts and published rows: Draft & Publish is on.
        locales: by locale: the type is localized.
    """

    drafts: bool = False
    locales: bool = False

    @property
    def published(self) -> list[dict[str, str | int]]:
        """The queries for the published rows, or for all rows where there are no drafts; the default locale first."""
        return [{}, {**_LOCALES}] if self.locales else [{}]

    @property
    def unpublished(self) -> list[dict[str, str | int]]:
        """The queries for the drafts, of which each product has one; the default locale first."""
        return [{**_DRAFTS, **query} for query in self.published] if self.drafts else []


ONE_ROW: Final = Dimensions()
"""Each product has one row, as on version 4 and where neither is on."""


async def find_dimensions(client: StrapiClient) -> Dimensions | None:
    """Find out from a product how rows differ.

    Args:
        client: the Strapi.

    Returns:
        How its products' rows differ; None if it has no product to tell from.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token lacks the right, or there are no products under the configured name.
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
            # Version 4 has one row for a product whether published or not, and an own id for each locale.
            return ONE_ROW if row.document_id is None else Dimensions(row.is_draft, row.locale != "")
    return None


class Documents:
    """Finds the products of one Strapi, each with all its rows.

    Args:
        client: the Strapi.
        former: the numeric ids of former rows; None keeps none.

    Attributes:
        known: how the products' rows differ, as last found.
    """

    def __init__(self, client: StrapiClient, former: FormerIds | None = None) -> None:
        self.former = former
        self._client = client
        self.known = ONE_ROW
        self._asked_at = float("-inf")
        self._learned = ""
        """Strapi's updatedAt of the latest row whose id was noted."""

    async def dimensions(self) -> Dimensions:
        """How the products' rows differ, checked every 30 seconds; the errors are those of `find_dimensions`."""
        if time.monotonic() > self._asked_at + _AGAIN:
            found = await find_dimensions(self._client)
            self.known = found or ONE_ROW
            if found is not None:
                if found.drafts and self.former is not None:
                    await self._learn_ids(found, self.former)
                self._asked_at = time.monotonic()
        return self.known

    async def _learn_ids(self, dimensions: Dimensions, former: FormerIds) -> None:
        """Note the ids of all products, later of changed ones, before publishing replaces them."""
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
        """Check again at the next use, as another Strapi may answer now."""
        self._asked_at = float("-inf")

    async def find(self, references: Iterable[str], *, documents: bool = True) -> dict[str, Row]:
        """Find the products of movements: by numeric id, current or former, then documentId, then barcode.

        Args:
            references: as given in the movements.
            documents: whether this Strapi has documentIds: version 5.

        Returns:
            The row of each reference that was found. Of several rows of a product, it is the published one of the
            default locale, or else the nearest to that; its id is the draft's, which every PUT preserves.
        """
        dimensions = await self.dimensions() if documents else ONE_ROW
        if dimensions == ONE_ROW:
            return await find_rows(self._client, references, documents=documents)
        wanted = list(dict.fromkeys(references))
        named = await self._documents_by(dimensions, "id", [each for each in wanted if is_numeric_id(each)])
        if self.former is not None:
            # No database assigns a number twice, so a former id is unambiguous.
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
        """The product with that barcode, published or not; the oldest where several have it."""
        dimensions = await self.dimensions()
        if dimensions == ONE_ROW:
            rows = (await find_each(self._client, "barcode", [barcode])).get(barcode, [])
            return rows[0] if rows else None
        coded = await self._documents_by(dimensions, "barcode", [barcode])
        found = await self._rows_of(dimensions, coded.values())
        return next(iter(found.values()), None)

    async def _documents_by(self, dimensions: Dimensions, field: str, values: list[str]) -> dict[str, str]:
        """The documentId for each value; published rows take precedence."""
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
    """The ids, that of a draft first."""
    yield from (row.id for row in versions if row.is_draft)
    yield from (row.id for row in versions)
