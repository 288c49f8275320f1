"""The stock in Strapi, whichever way this Strapi takes movements."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from bridge.errors import RefusedError, UnreachableError
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.decision import Decision, Outcome
from bridge.strapi.flavour import Flavour, detect
from bridge.strapi.ledger import LEDGER_ROUTE, Ledger
from bridge.strapi.rest import PlainRest
from bridge.strapi.size import BatchSize

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from bridge.strapi.client import StrapiClient
    from bridge.strapi.decision import Order

__all__ = ["Stock"]


class Stock:
    """Applies movements, and finds out how: at first, and again after Strapi was away, as another may stand there.

    Several batches may be under way at once by the ledger. By plain REST one alone, as each product is read before it
    is written.

    Args:
        client: the Strapi.
        batch: the most movements in a request, 1 to 1,000.

    Attributes:
        flavour: how this Strapi takes movements, None while it is not known.
    """

    def __init__(self, client: StrapiClient, batch: int) -> None:
        self.flavour: Flavour | None = None
        self._batch = batch
        self._size = BatchSize(batch)
        self._one_writer = asyncio.Lock()
        self._client = client
        self._ledger = Ledger(client)
        self._rest = PlainRest(client)

    @property
    def exact(self) -> bool:
        """Whether a crash counts no movement twice; True while nothing says otherwise."""
        return self.flavour in {None, Flavour.LEDGER} or self._rest.exact is not False

    @property
    def size(self) -> int:
        """How many movements to bring at once: by the ledger what it answers soon, by plain REST what can be merged."""
        return self._batch if self.flavour in {Flavour.REST4, Flavour.REST5} else self._size.now

    async def apply(self, orders: Sequence[Order]) -> list[Decision]:
        """Apply movements in order, the first of them, up to `size`.

        Args:
            orders: 1 or more.

        Returns:
            A decision for each of those that were applied, one or more, in the same order.

        Raises:
            UnreachableError: no answer came; apply the same batch again.
            RefusedError: a person must act first; then apply the same batch again.
        """
        if self.flavour is not Flavour.LEDGER:
            async with self._one_writer:
                if self.flavour is None:
                    self.flavour = await detect(self._client)
                if self.flavour is not Flavour.LEDGER:
                    return await self._heard(self._by_rest(orders[: self.size]))
        return await self._heard(self._by_ledger(orders[: self.size]))

    async def _by_ledger(self, orders: Sequence[Order]) -> list[Decision]:
        begun = time.monotonic()
        try:
            decisions = await self._ledger.apply(orders)
        except UnreachableError:
            self._size.waited(len(orders), time.monotonic() - begun)
            raise
        self._size.took(len(orders), time.monotonic() - begun)
        return decisions

    async def _by_rest(self, orders: Sequence[Order]) -> list[Decision]:
        if self.flavour is None:
            return [Decision(Outcome.UNKNOWN_PRODUCT)] * len(orders)
        return await self._rest.apply(orders, documents=self.flavour is Flavour.REST5)

    async def _heard(self, answer: Awaitable[list[Decision]]) -> list[Decision]:
        try:
            return await answer
        except UnreachableError:
            self.flavour = None
            raise
        except StrapiRejectedError as error:
            self.flavour = None
            if self._client.settings.mode == "ledger":
                raise RefusedError(
                    "strapi",
                    Phrase("this Strapi has no {route}", route=LEDGER_ROUTE),
                    Phrase("use the application of stack/strapi, or set strapi.mode to auto"),
                ) from error
            raise UnreachableError(
                "strapi", error.what, Phrase("another Strapi may stand there; it is looked at again")
            ) from (error)
