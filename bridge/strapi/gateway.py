"""One interface for applying movements, whichever API this Strapi has, and what its set-up can't guarantee."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from bridge.errors import RefusedError, UnreachableError
from bridge.phrase import Phrase
from bridge.strapi.batch_size import BatchSize
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.documents import Documents
from bridge.strapi.ledger import LEDGER_ROUTE, Decision, Ledger, Outcome, find_ledger
from bridge.strapi.products import read_latest
from bridge.strapi.rest import PlainRest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from bridge.journal import Journey
    from bridge.strapi.client import StrapiClient
    from bridge.strapi.documents import Dimensions
    from bridge.strapi.ledger import OffsetRange, Seen

__all__ = ["CAVEATS", "ApiKind", "StockGateway", "caveats_of", "detect"]

CAVEATS: Final = ("plain-rest", "edits", "drafts", "locales")
"""The keys of the caveats, under which the journal notes them."""

_POSITION: Final = Phrase("plain REST: Strapi's products keep no position, so a crash can count a movement twice")

_EDITS: Final = Phrase("plain REST: a stock that is changed in Strapi's panel during a movement can be lost")

_DRAFTS: Final = Phrase(
    "Draft & Publish on plain REST: a movement publishes its product's draft with all unfinished edits, under a new "
    "numeric id; of the ids before, those are known that this engine saw"
)

_LOCALES: Final = Phrase(
    "locales on plain REST: those of a product get its stock one after the other, so a crash leaves them apart until "
    "its next movement"
)

_ONE_ROW: Final = Phrase(
    "this ledger changes one row of a product: with Draft & Publish or locales the others keep the old stock, which "
    "publishing restores; update stack/strapi"
)


class ApiKind(StrEnum):
    """The API through which a Strapi takes movements; the values of the setting strapi.mode."""

    LEDGER = "ledger"
    REST5 = "rest5"
    REST4 = "rest4"


async def detect(client: StrapiClient) -> ApiKind | None:
    """Find out which API a Strapi has.

    Args:
        client: the Strapi, with the mode in its settings.

    Returns:
        The API. None if it is not known yet: there is no ledger and no product, so every movement's product is
        unknown.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token may not see it.
    """
    if client.settings.mode != "auto":
        return ApiKind(client.settings.mode)
    if await find_ledger(client) is not None:
        return ApiKind.LEDGER
    # Including drafts, so that an unpublished product suffices; version 4 ignores this query.
    rows, _ = await read_latest(client, 1, {"status": "draft", "pagination[withCount]": "false"})
    if rows:
        return ApiKind.REST4 if rows[0].document_id is None else ApiKind.REST5
    return None


def caveats_of(
    api_kind: ApiKind | None,
    dimensions: Dimensions,
    *,
    exact: bool = True,
    alike: bool = True,
    published: int = 0,
) -> dict[str, Phrase]:
    """List what can't be guaranteed.

    Args:
        api_kind: the API of this Strapi; None if it is not known.
        dimensions: how a product's rows differ.
        exact: for plain REST, whether the products store the last applied position.
        alike: for a ledger, whether it sets the same stock in all rows of a product.
        published: how many unfinished edits movements have published so far.

    Returns:
        A sentence for each, by keys of `CAVEATS`; empty where everything is guaranteed.
    """
    if api_kind is None:
        return {}
    if api_kind is ApiKind.LEDGER:
        return {"drafts": _ONE_ROW} if any(dimensions) and not alike else {}
    found = {} if exact else {"plain-rest": _POSITION}
    found["edits"] = _EDITS
    if dimensions.drafts:
        found["drafts"] = _DRAFTS
        if published:
            found["drafts"] = Phrase(
                "{what}; unfinished edits published so far: {count}", what=_DRAFTS, count=published
            )
    if dimensions.locales:
        found["locales"] = _LOCALES
    return found


class StockGateway:
    """Applies movements, and detects the API: at first, and again after an outage, as another Strapi may answer then.

    Several batches may be in flight with the ledger. With plain REST only one, as each product is read before it is
    written.

    Args:
        client: the Strapi.
        batch: the most movements in a request, 1 to 1,000.
        documents: finds its products; by default a new one.

    Attributes:
        api_kind: the API of this Strapi, None while it is not known.
    """

    def __init__(self, client: StrapiClient, batch: int, documents: Documents | None = None) -> None:
        self.api_kind: ApiKind | None = None
        self._batch = batch
        self._size = BatchSize(batch)
        self._one_writer = asyncio.Lock()
        self._client = client
        self._ledger = Ledger(client)
        self._documents = documents or Documents(client)
        self._rest = PlainRest(client, self._documents)

    @property
    def caveats(self) -> dict[str, Phrase]:
        """What this Strapi can't guarantee, as far as is known; see `caveats_of`."""
        return caveats_of(
            self.api_kind,
            self._documents.known,
            exact=self._rest.exact is not False,
            alike=self._ledger.alike,
            published=self._rest.published,
        )

    @property
    def size(self) -> int:
        """The most movements of the next batch: with the ledger what it answers soon, with plain REST `batch`."""
        return self._batch if self.api_kind in {ApiKind.REST4, ApiKind.REST5} else self._size.now

    @property
    def gaps(self) -> bool:
        """Whether the ledger reported records in Kafka before our offsets that it does not have."""
        return self._ledger.gaps

    def forget_gaps(self) -> None:
        """Reset `gaps`, when they are being handled."""
        self._ledger.gaps = False

    async def seen(self) -> list[Seen] | None:
        """Request the offsets that the ledger has; None without a ledger, or if it does not store offsets.

        Raises:
            UnreachableError: Strapi does not answer.
            RefusedError: the token lacks the right.
        """
        return await self._ledger.seen() if await self._found() is ApiKind.LEDGER else None

    async def settle(self, ranges: Sequence[OffsetRange]) -> None:
        """Mark records without movements as settled in the ledger; do nothing without a ledger.

        Raises:
            UnreachableError: no answer came; settle them again.
            RefusedError: the user must act first.
        """
        if await self._found() is ApiKind.LEDGER:
            await self._heard(self._ledger.apply((), ranges))

    async def apply(self, journeys: Sequence[Journey], ranges: Sequence[OffsetRange] = ()) -> list[Decision]:
        """Apply the first movements, up to `size`, in order.

        Args:
            journeys: 1 or more, each of a movement.
            ranges: the offsets that are settled once all of them are applied.

        Returns:
            A decision for each one that was applied, one or more, in the same order.

        Raises:
            UnreachableError: no answer came; apply the same batch again.
            RefusedError: the user must act first; then apply the same batch again.
        """
        if self.api_kind is not ApiKind.LEDGER:
            async with self._one_writer:
                if self.api_kind is None:
                    self.api_kind = await self._detect()
                if self.api_kind is not ApiKind.LEDGER:
                    return await self._heard(self._by_rest(journeys[: self.size]))
        size = self.size
        return await self._heard(self._by_ledger(journeys[:size], ranges if len(journeys) <= size else ()))

    async def _found(self) -> ApiKind | None:
        if self.api_kind is None:
            async with self._one_writer:
                if self.api_kind is None:
                    self.api_kind = await self._detect()
        return self.api_kind

    async def _detect(self) -> ApiKind | None:
        found = await detect(self._client)
        if found is ApiKind.REST5:
            # At once, as the products' current ids may be replaced before a movement uses them.
            await self._documents.dimensions()
        return found

    async def _by_ledger(self, journeys: Sequence[Journey], ranges: Sequence[OffsetRange]) -> list[Decision]:
        begun = time.monotonic()
        try:
            decisions = await self._ledger.apply(journeys, ranges)
        except UnreachableError:
            self._size.waited(len(journeys), time.monotonic() - begun)
            raise
        self._size.took(len(journeys), time.monotonic() - begun)
        if not self._ledger.alike:
            # This ledger changes a single row of a product, so it matters whether there are more.
            await self._documents.dimensions()
        return decisions

    async def _by_rest(self, journeys: Sequence[Journey]) -> list[Decision]:
        if self.api_kind is None:
            return [Decision(Outcome.UNKNOWN_PRODUCT)] * len(journeys)
        return await self._rest.apply(journeys, documents=self.api_kind is ApiKind.REST5)

    async def _heard(self, answer: Awaitable[list[Decision]]) -> list[Decision]:
        try:
            return await answer
        except UnreachableError:
            self._forget()
            raise
        except StrapiRejectedError as error:
            self._forget()
            if self._client.settings.mode == "ledger":
                raise RefusedError(
                    "strapi",
                    Phrase("this Strapi has no {route}", route=LEDGER_ROUTE),
                    Phrase("use the application of stack/strapi, or set strapi.mode to auto"),
                ) from error
            raise UnreachableError(
                "strapi", error.what, Phrase("another Strapi may stand there; it is checked again")
            ) from (error)

    def _forget(self) -> None:
        self.api_kind = None
        self._documents.forget()
