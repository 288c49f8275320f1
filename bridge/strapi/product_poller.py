"""Polling of products into the stock table, which includes changes made in Strapi's admin panel."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from bridge.backoff import Backoff, pause
from bridge.errors import RefusedError, ServerError
from bridge.journal import Server, State
from bridge.strapi.client import StrapiClient
from bridge.strapi.documents import ONE_ROW, Documents
from bridge.strapi.products import find_each, product_of, read_latest, read_pages

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.journal import Journal, Product
    from bridge.settings import Settings
    from bridge.strapi.documents import Dimensions
    from bridge.strapi.products import Row

__all__ = ["ProductPoller"]

_WHOLE: Final = 30.0
"""Seconds between two readings of all products, unless one is known to be missing."""

_COUNT: Final = 10.0
"""Seconds after which it is asked how many products there are where nobody looks at them and movements are applied."""

_REST: Final = 100
"""The pause after a reading of all products, as a multiple of its duration, to limit the load on Strapi."""

_LATEST: Final = 50
"""How many of the last changed products are read in between."""


class ProductPoller:
    """Reads the products into the journal.

    Args:
        settings: the engine's.
        journal: whose stock table is kept up to date.
        whole: whether the table has all products; if nobody looks at it, only their number is requested.
    """

    def __init__(self, settings: Settings, journal: Journal, *, whole: bool = True) -> None:
        self._settings = settings
        self._journal = journal
        self._whole = whole
        self._refused = False

    async def run(self) -> None:
        """Poll until cancelled, through every outage of Strapi."""
        refresh = self._settings.strapi.refresh
        backoff = Backoff(first=refresh, longest=max(refresh, 10.0))
        known, whole_at, not_before = False, 0.0, 0.0
        decided, count_at = 0, 0.0
        if self._journal.connections[Server.STRAPI].state is State.OFF:
            self._journal.connection(Server.STRAPI, State.CONNECTING)
        async with StrapiClient(self._settings.strapi) as client:
            documents = Documents(client)
            while True:
                begun = time.monotonic()
                if not self._whole and begun < count_at and self._journal.decided.total != decided:
                    # Strapi answers apply, so a request more would tell nothing that anyone looks at.
                    decided = self._journal.decided.total
                    await asyncio.sleep(refresh)
                    continue
                decided, count_at = self._journal.decided.total, begun + _COUNT
                try:
                    dimensions = await documents.dimensions()
                    if self._whole and begun >= (whole_at if known else not_before):
                        await self._read_all(client, dimensions)
                        ended = time.monotonic()
                        not_before = ended + (ended - begun) * _REST
                        whole_at = max(not_before, ended + _WHOLE)
                        known = True
                    else:
                        known = await self._read_latest(client, dimensions)
                except ServerError as error:
                    self._note(error)
                    documents.forget()
                    known, not_before = False, 0.0
                    await pause(backoff.pause())
                    continue
                backoff.reset()
                self._note_up()
                self._journal.clock_ahead = client.clock_ahead
                await asyncio.sleep(refresh)

    async def _read_all(self, client: StrapiClient, dimensions: Dimensions) -> None:
        asked_at = time.time()
        board = self._journal.stock
        found: set[int] = set()
        if dimensions == ONE_ROW:
            async for rows in read_pages(client):
                # Page by page, so that the first of many appear at once.
                board.read(self._fresh(rows, asked_at), complete=False)
                found.update([row.id for row in rows])
        else:
            drafted: dict[str, bool] = {}
            for query in [*dimensions.published, *dimensions.unpublished]:
                async for rows in read_pages(client, query):
                    self._take_versions(rows, asked_at, drafted)
            found = {number for each in drafted if (number := board.id_of(each)) is not None}
        board.keep(found)
        board.total = len(board)

    async def _read_latest(self, client: StrapiClient, dimensions: Dimensions) -> bool:
        """Read the last changed products; return whether the table has as many products as Strapi."""
        asked_at = time.time()
        board = self._journal.stock
        most = _LATEST if self._whole else 1
        if dimensions == ONE_ROW:
            rows, board.total = await read_latest(client, most)
            if self._whole:
                board.read(self._fresh(rows, asked_at), complete=False)
            return len(board) == board.total
        drafted: dict[str, bool] = {}
        for query in dimensions.published[:1]:
            rows, total = await read_latest(client, most, query)
            self._take_versions(rows, asked_at, drafted)
        for query in dimensions.unpublished[:1]:
            # Each product has exactly one draft, published or not.
            rows, total = await read_latest(client, most, query)
            older = [row.address for row in rows if row.address not in drafted]
            for published in (await find_each(client, "documentId", older)).values():
                # An edit of the draft is not published, and is not the stock.
                self._take_versions(published, asked_at, drafted)
            self._take_versions(rows, asked_at, drafted)
        board.total = max(total, len(board)) if dimensions.locales else total
        return len(board) == board.total

    def _take_versions(self, rows: Sequence[Row], asked_at: float, drafted: dict[str, bool]) -> None:
        """Add rows of products that may have several.

        Args:
            rows: read in order of precedence: published ones first.
            asked_at: when, in seconds since the epoch.
            drafted: the documentIds read before, and whether a draft was among their rows; those of `rows` are added.
        """
        if not self._whole:
            return
        board = self._journal.stock
        fresh: list[Row] = []
        for row in rows:
            document = row.address
            known = board.get(board.id_of(document) or 0)
            if document not in drafted:
                # Until its draft is read, a published row keeps the id that the table has for the product.
                fresh.append(row if row.is_draft or known is None else row._replace(id=known.id))
            elif row.is_draft and not drafted[document] and known is not None and known.id != row.id:
                board.read([known._replace(id=row.id)], complete=False)
            drafted[document] = drafted.get(document, False) or row.is_draft
        board.read(self._fresh(fresh, asked_at), complete=False)
        board.also((row.id, row.address) for row in rows)

    def _fresh(self, rows: Iterable[Row], asked_at: float) -> Iterable[Product]:
        """The rows, with the table's stock where a movement was applied while they were requested."""
        for row in rows:
            read = product_of(row, self._settings.strapi.stock_field)
            known = self._journal.stock.get(read.id)
            if known is not None and known.changed_at >= asked_at:
                read = read._replace(stock=known.stock)
            yield read

    def _note_up(self) -> None:
        state = self._journal.connections[Server.STRAPI].state
        if state is State.REFUSED and self._refused:
            state = State.DOWN
        self._refused = False
        if state in {State.OFF, State.CONNECTING, State.DOWN} and not self._apply_speaks():
            self._journal.connection(Server.STRAPI, State.UP)

    def _note(self, error: ServerError) -> None:
        if self._apply_speaks():
            return
        self._refused = isinstance(error, RefusedError)
        self._journal.connection(
            Server.STRAPI, State.REFUSED if self._refused else State.DOWN, error.what, error.advice
        )

    def _apply_speaks(self) -> bool:
        """Whether apply waits or is paused, so that it sets the state of the connection."""
        if not self._settings.apply.enabled:
            return False
        paused = self._journal.connections[Server.STRAPI].state is State.PAUSED
        return paused or "apply" in self._journal.notes
