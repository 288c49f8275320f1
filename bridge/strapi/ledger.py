"""The ledger: our Strapi's batch route, which counts each movement once and answers with a verdict for each.

`POST /api/stock-movements/batch` (stack/strapi) is one database transaction, so a batch without an answer is sent again
unchanged.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import quote

import msgspec

from bridge.errors import UnreachableError
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError
from bridge.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bridge.journal import Journey
    from bridge.strapi.client import StrapiClient

__all__ = [
    "LEDGER_ROUTE",
    "MOST_RECORDED",
    "ChangedProduct",
    "Decision",
    "Ledger",
    "OffsetRange",
    "Outcome",
    "RecordedVerdict",
    "Seen",
    "find_ledger",
    "misread",
    "recorded",
]

LEDGER_ROUTE: Final = "/api/stock-movements/batch"
"""The batch route."""

MOST_RECORDED: Final = 100
"""The most movements per request for verdicts: one page of Strapi's."""

_LONGEST_QUERY: Final = 8_000
"""The most bytes of ids in a query; Node accepts 16 KiB of address and headers."""

_MOVEMENTS: Final = "/api/stock-movements"

_POSITIONS: Final = "/api/stock-movements/positions"

_REASON: Final = 200
"""The most characters that are kept of an error in a movement."""

_REMEMBERED: Final = 20_000
"""The number of unanswered movements to remember, each with an id of at most 255 characters."""

_NO_ROUTE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})

RecordedVerdict: TypeAlias = Literal[
    "applied", "duplicate", "unknown-product", "insufficient-stock", "over-limit", "conflict"
]
"""The verdicts in the ledger's rows."""


class Outcome(StrEnum):
    """The verdicts of the ledger's batch route."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    UNKNOWN_PRODUCT = "unknown-product"
    INSUFFICIENT_STOCK = "insufficient-stock"
    OVER_LIMIT = "over-limit"
    CONFLICT = "conflict"
    REFUSED = "refused"
    """The ledger considers the movement malformed, or Strapi answered 4xx to it alone."""


class OffsetRange(NamedTuple):
    """Settled records of one partition: each has its movement in the ledger, or a dead letter.

    Attributes:
        topic: the Kafka topic.
        partition: the partition.
        first: the first offset.
        next: the offset after the last; equal to `first` where there are none yet.
        anew: whether the topic was recreated, so that earlier offsets refer to other records.
        begin: the offset from which records were to be applied, None if it is not known: an empty ledger at whose
            first use the group's offset is `first` lacks the records between.
    """

    topic: str
    partition: int
    first: int
    next: int
    anew: bool = False
    begin: int | None = None


class ChangedProduct(msgspec.Struct, gc=False):
    """The product of a movement, as Strapi has it.

    Attributes:
        id: its numeric id.
        name: its name, None if it has none.
    """

    id: int
    name: str | None = None


class Decision(msgspec.Struct, gc=False, rename={"outcome": "verdict", "first": "first_verdict", "text": "reason"}):
    """The result of one movement, in the form of the ledger's answer.

    Attributes:
        outcome: the verdict.
        product: None if none was found.
        stock_before: the stock before, None where unknown.
        stock_after: the stock after, None where unknown.
        first: for a duplicate, the first verdict; None if that is not known.
        text: Strapi's explanation of a refusal, else empty.
        movement_id: of which movement, from the ledger; empty with plain REST.
        source: topic, partition and offset of the record that it was made for, `stock/3@128`; empty where not
            requested.
        decided_at: seconds since the epoch by Strapi's clock; 0 where not requested.
    """

    outcome: Outcome
    product: ChangedProduct | None = None
    stock_before: int | None = None
    stock_after: int | None = None
    first: Outcome | None = None
    text: str = ""
    movement_id: str = ""
    source: str = ""
    decided_at: float = 0.0


class _Answer(msgspec.Struct):
    verdicts: list[Decision]
    gaps: int = 0
    alike: bool = False


class Seen(msgspec.Struct, frozen=True):
    """A range of offsets of one partition that the ledger has without a gap.

    Attributes:
        topic: the Kafka topic.
        partition: the partition.
        first: the first offset.
        next: the offset after the last.
        updated_at: when `next` was set, in milliseconds since the epoch.
        age: how many milliseconds ago the ledger first had `first`.
    """

    topic: str
    partition: int
    first: int
    next: int
    updated_at: float
    age: float = 0.0


class _Known(msgspec.Struct):
    positions: list[Seen]


async def find_ledger(client: StrapiClient) -> bool | None:
    """Check whether this Strapi has the batch route, with an empty batch, which changes nothing.

    Returns:
        None if it has none, else whether the ledger sets the same stock in all rows of a product.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token may not use it.
    """
    try:
        answer = await client.call("POST", LEDGER_ROUTE, {"movements": []}, idempotent=True)
    except StrapiRejectedError as error:
        if error.status in _NO_ROUTE:
            return None
        raise
    return isinstance(answer, dict) and answer.get("alike") is True


class _Row(msgspec.Struct, gc=False):
    movement_id: str
    verdict: RecordedVerdict
    product_id: int | None = None
    stock_before: int | None = None
    stock_after: int | None = None
    source: str | None = None
    createdAt: datetime | None = None  # noqa: N815 - Strapi's name


class _Page(msgspec.Struct):
    data: list[_Row]


async def recorded(client: StrapiClient, movement_ids: Sequence[str]) -> dict[str, Decision]:
    """Request the verdicts of movements from the ledger; the right to read it suffices.

    Args:
        client: the Strapi.
        movement_ids: any number; none only checks whether there is a ledger.

    Returns:
        The verdict of each that it knows.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token may not read it.
        StrapiRejectedError: this Strapi has no ledger.
    """
    fields: dict[str, str | int] = {f"fields[{place}]": name for place, name in enumerate(_Row.__struct_fields__)}
    fields |= {"pagination[pageSize]": MOST_RECORDED, "pagination[withCount]": "false"}
    found: dict[str, Decision] = {}
    for names in _pages(movement_ids or [""]):
        asked: dict[str, str | int] = {f"filters[movement_id][$in][{place}]": name for place, name in enumerate(names)}
        try:
            page = await client.call("GET", _MOVEMENTS, query=fields | asked, idempotent=True, shape=_Page)
        except msgspec.ValidationError as error:
            raise misread(str(error), _MOVEMENTS) from error
        rows: list[_Row] = page.data if page is not None else []
        for row in rows:
            product = None if row.product_id is None else ChangedProduct(row.product_id)
            found[row.movement_id] = Decision(
                Outcome(row.verdict),
                product,
                row.stock_before,
                row.stock_after,
                source=row.source or "",
                decided_at=row.createdAt.timestamp() if row.createdAt else 0.0,
            )
    return found


def _pages(movement_ids: Sequence[str]) -> Iterator[list[str]]:
    """Split movement ids so that each part fits into a query and its answer into a page."""
    page: list[str] = []
    length = 0
    for movement_id in movement_ids:
        size = len(quote(movement_id)) + len("&filters%5Bmovement_id%5D%5B%24in%5D%5B99%5D=")
        if page and (length + size > _LONGEST_QUERY or len(page) == MOST_RECORDED):
            yield page
            page, length = [], 0
        page.append(movement_id)
        length += size
    yield page


class Ledger:
    """Applies movements through the batch route.

    Args:
        client: the Strapi.

    Attributes:
        gaps: whether, since this was set to False, it reported records before a range that it does not have.
        alike: whether it sets the same stock in all rows of a product; True before its first answer.
    """

    def __init__(self, client: StrapiClient) -> None:
        self.gaps = False
        self.alike = True
        self._client = client
        self._unanswered: set[str] = set()

    async def apply(self, journeys: Sequence[Journey], ranges: Sequence[OffsetRange] = ()) -> list[Decision]:
        """Apply a batch in order; a movement that Strapi refuses as malformed does not delay the others.

        Args:
            journeys: 0 to 1,000 of movements.
            ranges: the offsets settled with them, at most one range for each partition.

        Returns:
            A decision for each, in the same order.

        Raises:
            UnreachableError: no answer came; sent again, the batch counts once.
            RefusedError: the token lacks the right.
            StrapiRejectedError: the route does not exist (404, 405).
        """
        try:
            return await self._send(journeys, ranges)
        except StrapiRejectedError as error:
            if error.status in _NO_ROUTE or not journeys:
                raise
            decisions = await self._apart(journeys, error)
            if ranges:
                await self._send((), ranges)
            return decisions

    async def seen(self) -> list[Seen] | None:
        """Request the offsets that the ledger has.

        Returns:
            Ranges by topic, partition and offset; it lacks the records between two ranges of a partition. None where
            this Strapi does not store offsets.

        Raises:
            UnreachableError: it does not answer.
            RefusedError: the token lacks the right.
        """
        try:
            found: _Known = await self._client.call("GET", _POSITIONS, idempotent=True, shape=_Known)
        except StrapiRejectedError as error:
            if error.status in _NO_ROUTE:
                return None
            raise
        except msgspec.ValidationError as error:
            raise misread(str(error), _POSITIONS) from error
        return found.positions

    async def _apart(self, journeys: Sequence[Journey], error: StrapiRejectedError) -> list[Decision]:
        if len(journeys) == 1:
            return [Decision(Outcome.REFUSED, text=error.message)]
        # Earlier versions of the ledger answer 400 to the whole batch instead of refusing the movement.
        middle = len(journeys) // 2
        return [*await self.apply(journeys[:middle]), *await self.apply(journeys[middle:])]

    async def _send(self, journeys: Sequence[Journey], ranges: Sequence[OffsetRange]) -> list[Decision]:
        body: dict[str, object] = {
            "movements": [
                {
                    "movement_id": journey.movement_id,
                    "product": movement.product,
                    "amount": movement.amount,
                    "type": movement.type,
                    "source": f"{journey.kafka_topic}/{journey.partition}@{journey.offset}",
                }
                for journey in journeys
                if (movement := journey.movement) is not None
            ]
        }
        if ranges:
            body["positions"] = [settled._asdict() for settled in ranges]
        try:
            answer: _Answer | None = await self._client.call("POST", LEDGER_ROUTE, body, idempotent=True, shape=_Answer)
        except (UnreachableError, asyncio.CancelledError):
            if len(self._unanswered) > _REMEMBERED:
                # These batches went to another engine. A forgotten one would be reported as a duplicate of our own
                # request.
                self._unanswered.clear()
            self._unanswered.update(journey.movement_id for journey in journeys)
            raise
        except msgspec.ValidationError as error:
            raise misread(str(error)) from error
        decisions = answer.verdicts if answer is not None else []
        if [decision.movement_id for decision in decisions] != [journey.movement_id for journey in journeys]:
            raise misread(Phrase("its verdicts are not those of the movements sent"))
        if answer is not None:
            self.alike = answer.alike
            self.gaps = self.gaps or answer.gaps > 0
        for decision in decisions:
            self._repair(decision)
        return decisions

    def _repair(self, decision: Decision) -> None:
        """Make Strapi's texts readable, and replace a duplicate of our own request by its first verdict."""
        if decision.text:
            decision.text = readable(decision.text)[:_REASON]
        if decision.movement_id in self._unanswered:
            # As far as is known, the first delivery was our own request, whose answer was lost.
            self._unanswered.discard(decision.movement_id)
            if decision.outcome is Outcome.DUPLICATE and decision.first is not None:
                decision.outcome, decision.first = decision.first, None


def misread(why: str, route: str = LEDGER_ROUTE) -> UnreachableError:
    """The error for an answer of the ledger with an unexpected shape."""
    return UnreachableError(
        "strapi",
        Phrase("the answer of {route} is not what this engine knows: {why}", route=route, why=why),
        Phrase("update stack/strapi or opsci"),
    )
