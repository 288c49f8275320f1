"""The ledger: our Strapi's batch route, which counts each movement once and answers with a verdict for each.

`POST /api/stock-movements/batch` (stack/strapi) is one database transaction, so a batch of which no answer came is
sent again as it is.
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
"""Where the batches go."""

MOST_RECORDED: Final = 100
"""How many movements can be asked for at once: what Strapi gives on a page."""

_LONGEST_QUERY: Final = 8_000
"""Bytes of the ids in a query; Node takes 16 KiB of address and headers."""

_MOVEMENTS: Final = "/api/stock-movements"

_POSITIONS: Final = "/api/stock-movements/positions"

_REASON: Final = 200
"""How much is kept of what is wrong with a movement, in characters."""

_REMEMBERED: Final = 20_000
"""Of how many movements, each of at most 255 characters, it is remembered that no answer came."""

_NO_ROUTE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})

RecordedVerdict: TypeAlias = Literal[
    "applied", "duplicate", "unknown-product", "insufficient-stock", "over-limit", "conflict"
]
"""The verdicts that stand in the ledger's rows."""


class Outcome(StrEnum):
    """The verdicts of the ledger's batch route."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    UNKNOWN_PRODUCT = "unknown-product"
    INSUFFICIENT_STOCK = "insufficient-stock"
    OVER_LIMIT = "over-limit"
    CONFLICT = "conflict"
    REFUSED = "refused"
    """The movement is malformed to the ledger, or Strapi answered 4xx to it alone."""


class OffsetRange(NamedTuple):
    """Records of one partition that are settled: their movements are in the ledger, and what is none has a dead letter.

    Attributes:
        topic: the Kafka topic.
        partition: the partition.
        first: the offset of the first of them.
        next: the offset behind the last of them; equal to `first` where there are none yet.
        anew: whether the topic was made again, so that what was said of it before is of other records.
        begin: from where on records were to be applied, None where that is not known: an empty ledger of which the
            group's position is `first` lacks those between.
    """

    topic: str
    partition: int
    first: int
    next: int
    anew: bool = False
    begin: int | None = None


class ChangedProduct(msgspec.Struct, gc=False):
    """The product that a movement names, as Strapi has it.

    Attributes:
        id: its numeric id.
        name: its name, None where it has none.
    """

    id: int
    name: str | None = None


class Decision(msgspec.Struct, gc=False, rename={"outcome": "verdict", "first": "first_verdict", "text": "reason"}):
    """What became of one movement, in the form in which the ledger answers.

    Attributes:
        outcome: the verdict.
        product: None where none was found.
        stock_before: the stock before, None where unknown.
        stock_after: the stock after, None where unknown.
        first: of a duplicate, what was decided the first time; None where that is not known.
        text: what Strapi says about a refusal, else empty.
        movement_id: of which movement, as the ledger says; empty by plain REST.
        source: where the record stands that it was decided for, `stock/3@128`; empty where that was not asked for.
        decided_at: seconds since the epoch by Strapi's clock; 0 where that was not asked for.
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
    """Offsets of one partition that the ledger has seen without a gap.

    Attributes:
        topic: the Kafka topic.
        partition: the partition.
        first: the first of them.
        next: the one behind the last of them.
        updated_at: milliseconds since the epoch at which `next` came to be.
        age: for how many milliseconds the ledger has known of `first`.
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
    """Whether this Strapi has the batch route; an empty batch changes nothing.

    Returns:
        None where it has none, else whether the ledger gives all rows of a product one stock.

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
    """Ask the ledger what became of some movements; it needs no more than the right to read it.

    Args:
        client: the Strapi.
        movement_ids: any number; without one it is only asked whether there is a ledger.

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
    """Movement ids by as many as fit into a query and into its answer."""
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
        gaps: whether it said, since this was set to False, that there are records before a range that it has not seen.
        alike: whether it gives all rows of a product one stock; True before it said anything.
    """

    def __init__(self, client: StrapiClient) -> None:
        self.gaps = False
        self.alike = True
        self._client = client
        self._unanswered: set[str] = set()

    async def apply(self, journeys: Sequence[Journey], ranges: Sequence[OffsetRange] = ()) -> list[Decision]:
        """Apply a batch in order; a movement that Strapi refuses as malformed keeps none of the others back.

        Args:
            journeys: 0 to 1,000 of movements.
            ranges: which records are settled with them, one for each partition at most.

        Returns:
            A decision for each, in the same order.

        Raises:
            UnreachableError: no answer came; sent again, the batch counts once.
            RefusedError: the token may not.
            StrapiRejectedError: the route is gone (404, 405).
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
        """Ask what the ledger has seen of Kafka.

        Returns:
            By topic, partition and offset; between two of a partition lie records that it has not seen. None where this
            Strapi keeps no account of it.

        Raises:
            UnreachableError: it does not answer.
            RefusedError: the token may not.
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
        # A ledger of before answers 400 to the batch, and not to the movement.
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
                # Of batches that another engine took over. What is forgotten comes as a duplicate of our own request.
                self._unanswered.clear()
            self._unanswered.update(journey.movement_id for journey in journeys)
            raise
        except msgspec.ValidationError as error:
            raise misread(str(error)) from error
        decisions = answer.verdicts if answer is not None else []
        if [decision.movement_id for decision in decisions] != [journey.movement_id for journey in journeys]:
            raise misread("its verdicts are not those of the movements sent")
        if answer is not None:
            self.alike = answer.alike
            self.gaps = self.gaps or answer.gaps > 0
        for decision in decisions:
            self._mend(decision)
        return decisions

    def _mend(self, decision: Decision) -> None:
        """Make what Strapi says readable, and of a duplicate of our own request what was decided by that."""
        if decision.text:
            decision.text = readable(decision.text)[:_REASON]
        if decision.movement_id in self._unanswered:
            # The first arrival of it was, as far as anyone knows, our own request of which no answer came.
            self._unanswered.discard(decision.movement_id)
            if decision.outcome is Outcome.DUPLICATE and decision.first is not None:
                decision.outcome, decision.first = decision.first, None


def misread(why: str, route: str = LEDGER_ROUTE) -> UnreachableError:
    """What to raise where the ledger's answer is of another shape, and why it is."""
    return UnreachableError(
        "strapi",
        Phrase("the answer of {route} is not what this engine knows: {why}", route=route, why=why),
        Phrase("update stack/strapi or opsci"),
    )
