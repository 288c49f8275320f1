"""Keeps the stock board fresh: what stands in Strapi, also where the admin panel or a person wrote it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from bridge.backoff import Backoff
from bridge.errors import RefusedError, ServerError
from bridge.journal import Server, State
from bridge.strapi.client import StrapiClient
from bridge.strapi.products import product_of, read_latest, read_pages

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.journal import Journal, Product
    from bridge.settings import Settings
    from bridge.strapi.products import Row

__all__ = ["StockReader"]

_WHOLE: Final = 30.0
"""Seconds between two readings of all products where nothing tells that one is missing."""

_REST: Final = 100
"""How many times as long as it takes to read all products it is not done again: among many it is work for Strapi."""

_LATEST: Final = 50
"""How many of the products that changed last are read in between."""


class StockReader:
    """Reads the products into the journal.

    Args:
        settings: the engine's.
        journal: whose stock board is kept.
        whole: whether the board has all products; where nobody looks at it, only how many there are is asked.
    """

    def __init__(self, settings: Settings, journal: Journal, *, whole: bool = True) -> None:
        self._settings = settings
        self._journal = journal
        self._whole = whole
        self._refused = False

    async def run(self) -> None:
        """Read until cancelled, through every absence of Strapi."""
        refresh = self._settings.strapi.refresh
        backoff = Backoff(first=refresh, longest=max(refresh, 10.0))
        known, whole_at, not_before = False, 0.0, 0.0
        if self._journal.connections[Server.STRAPI].state is State.OFF:
            self._journal.connection(Server.STRAPI, State.CONNECTING)
        async with StrapiClient(self._settings.strapi) as client:
            while True:
                begun = time.monotonic()
                try:
                    if self._whole and begun >= (whole_at if known else not_before):
                        await self._read_all(client)
                        ended = time.monotonic()
                        not_before = ended + (ended - begun) * _REST
                        whole_at = max(not_before, ended + _WHOLE)
                        known = True
                    else:
                        known = await self._read_latest(client)
                except ServerError as error:
                    self._note(error)
                    known, not_before = False, 0.0
                    await asyncio.sleep(backoff.pause())
                    continue
                backoff.reset()
                self._note_up()
                await asyncio.sleep(refresh)

    async def _read_all(self, client: StrapiClient) -> None:
        asked_at = time.time()
        board = self._journal.stock
        found: set[int] = set()
        async for rows in read_pages(client):
            # Page by page, so that the first of many are to be seen at once.
            board.read(self._fresh(rows, asked_at), complete=False)
            found.update([row.id for row in rows])
        board.keep(found)
        board.total = len(board)

    async def _read_latest(self, client: StrapiClient) -> bool:
        """Read what changed last; whether the board has as many products as there are now."""
        asked_at = time.time()
        board = self._journal.stock
        rows, board.total = await read_latest(client, _LATEST if self._whole else 1)
        if self._whole:
            board.read(self._fresh(rows, asked_at), complete=False)
        return len(board) == board.total

    def _fresh(self, rows: Iterable[Row], asked_at: float) -> Iterable[Product]:
        """The rows, but where a movement was applied while they were under way, what the board has."""
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
        """Whether apply has something in hand that waits, or is paused: then the state of the connection is its own."""
        if not self._settings.apply.enabled:
            return False
        paused = self._journal.connections[Server.STRAPI].state is State.PAUSED
        return paused or "apply" in self._journal.notes
