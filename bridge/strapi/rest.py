"""Plain REST, for a Strapi without the ledger: read a product, apply its movements, write it once.

If the product has the attribute `strapi.position_field`, the last applied position is written with the stock, so a
crash counts no movement twice. Otherwise nothing shows after a crash whether the last write was counted.
"""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from bridge.errors import RefusedError, UnreachableError
from bridge.movement import MAX_AMOUNT
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.ledger import ChangedProduct, Decision, Outcome
from bridge.strapi.products import path_of, row_of, stock_of, write_query

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bridge.journal import Journey
    from bridge.strapi.client import StrapiClient
    from bridge.strapi.documents import Documents
    from bridge.strapi.products import Row

__all__ = ["PlainRest", "Positions", "Step", "merge"]

_AT_ONCE: Final = 8

_REMEMBERED: Final = 20_000

_log = logging.getLogger(__name__)

_Place = tuple[str, int, int]


class Step(NamedTuple):
    """The result of one movement.

    Attributes:
        outcome: applied, or why not.
        before: the stock before it.
        after: the stock after it, the same where it is not applied.
    """

    outcome: Outcome
    before: int
    after: int


def merge(stock: int, deltas: Iterable[int]) -> list[Step]:
    """Apply changes to a stock in order, each judged by itself.

    Args:
        stock: the pieces in stock, 0 or more.
        deltas: the signed changes.

    Returns:
        A step for each; the last one's `after` is the stock to write. A change that would take the stock below 0 or
        above MAX_AMOUNT is not applied, and the next ones are tried.
    """
    steps: list[Step] = []
    for delta in deltas:
        after = stock + delta
        if delta < 0 and after < 0:
            steps.append(Step(Outcome.INSUFFICIENT_STOCK, stock, stock))
        elif delta > 0 and after > MAX_AMOUNT:
            steps.append(Step(Outcome.OVER_LIMIT, stock, stock))
        else:
            steps.append(Step(Outcome.APPLIED, stock, after))
            stock = after
    return steps


class _Counted(msgspec.Struct, array_like=True):
    offset: int = -1
    timestamp: int = -1
    refused: dict[str, list[int]] = msgspec.field(default_factory=dict)


class Positions:
    """How far a product's movements are counted, as stored in its row: `{"stock/3": [128, 1767225600000, {}]}`.

    The offset is followed by the latest timestamp of the counted records: a recreated topic starts again at offset 0,
    and its records are newer than that. Then come the refused offsets by verdict, as after a crash their dead letters
    may be missing.

    Args:
        text: what the row has; None, empty or anything not written by an engine counts as nothing.
    """

    __slots__ = ("_counted", "_lowest")

    def __init__(self, text: object) -> None:
        self._lowest: dict[str, int] = {}
        try:
            self._counted = msgspec.json.decode(text, type=dict[str, _Counted]) if isinstance(text, str) else {}
        except (msgspec.DecodeError, UnicodeEncodeError):
            self._counted = {}

    @property
    def text(self) -> str:
        """The text to write into the row. Refusals before the movements seen here are settled, and are dropped."""
        for place, lowest in self._lowest.items():
            counted = self._counted[place]
            kept = {outcome: [at for at in offsets if at >= lowest] for outcome, offsets in counted.refused.items()}
            counted.refused = {outcome: offsets for outcome, offsets in kept.items() if offsets}
        return msgspec.json.encode(self._counted).decode()

    def first(self, journey: Journey) -> Outcome | None:
        """The verdict on a movement that is counted already, None for one that is not."""
        counted = self._look(journey)
        if journey.offset > counted.offset or journey.timestamp > counted.timestamp:
            return None
        refused = (outcome for outcome, offsets in counted.refused.items() if journey.offset in offsets)
        return Outcome(next(refused, Outcome.APPLIED))

    def count(self, journey: Journey, outcome: Outcome) -> None:
        """Note that the next write of the stock includes this movement."""
        counted = self._look(journey)
        counted.offset = journey.offset
        counted.timestamp = max(counted.timestamp, journey.timestamp)
        if outcome is not Outcome.APPLIED:
            counted.refused.setdefault(outcome, []).append(journey.offset)

    def _look(self, journey: Journey) -> _Counted:
        place = f"{journey.kafka_topic}/{journey.partition}"
        self._lowest[place] = min(journey.offset, self._lowest.get(place, journey.offset))
        return self._counted.setdefault(place, _Counted())


class _Doubt(NamedTuple):
    """A write whose answer was lost."""

    places: list[_Place]
    stock: int
    decisions: list[Decision]


class PlainRest:
    """Applies movements by reading and writing products.

    With Draft & Publish, a PUT changes a product's draft and publishes it, so both rows have the same stock afterwards;
    an unpublished product remains unpublished. A localized product gets the stock in each locale.

    Args:
        client: the Strapi.
        documents: finds its products.

    Attributes:
        exact: whether the products store the last applied position; None before one was seen.
        published: how many unfinished edits of drafts were published with a stock.
    """

    def __init__(self, client: StrapiClient, documents: Documents) -> None:
        self.exact: bool | None = None
        self.published = 0
        self._client = client
        self._documents = documents
        self._settings = client.settings
        self._done: dict[_Place, Decision] = {}
        self._doubts: dict[str, _Doubt] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def apply(self, journeys: Sequence[Journey], *, documents: bool) -> list[Decision]:
        """Apply a batch: movements of one product in order and in one write, several products concurrently.

        Args:
            journeys: of movements, in order.
            documents: whether this Strapi has documentIds: version 5.

        Returns:
            A decision for each, in the same order.

        Raises:
            UnreachableError: no answer came. What is written already is remembered: apply the same batch again.
            RefusedError: the token lacks the right, or the settings name an attribute that does not exist.
        """
        undecided = [journey for journey in journeys if _place(journey) not in self._done]
        rows = await self._documents.find([journey.product for journey in undecided], documents=documents)
        by_row: dict[str, tuple[Row, list[Journey]]] = {}
        for journey in undecided:
            row = rows.get(journey.product)
            if row is None:
                self._done[_place(journey)] = Decision(Outcome.UNKNOWN_PRODUCT)
            else:
                by_row.setdefault(row.address, (row, []))[1].append(journey)
        failed = [
            error
            for error in await asyncio.gather(
                *(self._settle(row, members) for row, members in by_row.values()), return_exceptions=True
            )
            if error is not None
        ]
        if failed:
            raise failed[0]
        decisions = [self._done[_place(journey)] for journey in journeys]
        for journey in journeys:
            self._done.pop(_place(journey), None)
        if len(self._done) > _REMEMBERED:
            # These batches went to another engine.
            self._done.clear()
        return decisions

    async def _settle(self, row: Row, journeys: list[Journey]) -> None:
        async with self._slots:
            decisions = await self._apply_to(row, journeys)
        self._done.update(zip(map(_place, journeys), decisions, strict=True))

    async def _apply_to(self, row: Row | None, journeys: list[Journey]) -> list[Decision]:
        """Apply movements to one product; split what Strapi refuses until the refused movement is alone."""
        if row is None:
            return [Decision(Outcome.UNKNOWN_PRODUCT)] * len(journeys)
        try:
            return await self._write(row, journeys)
        except StrapiRejectedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return [Decision(Outcome.UNKNOWN_PRODUCT)] * len(journeys)
            if len(journeys) == 1:
                return [Decision(Outcome.REFUSED, _product(row), text=error.message)]
        middle = len(journeys) // 2
        before = await self._apply_to(row, journeys[:middle])
        return before + await self._apply_to(await self._again(row), journeys[middle:])

    async def _write(self, row: Row, journeys: list[Journey]) -> list[Decision]:
        stock = self._stock(row)
        places = [_place(journey) for journey in journeys]
        doubt = self._doubts.pop(row.address, None)
        if doubt is not None and doubt.places == places and doubt.stock == stock:
            await self._write_locales(row, doubt)
            return doubt.decisions
        field = self._settings.position_field
        positions = Positions(row.fields[field]) if field in row.fields else None
        self.exact = positions is not None
        decisions = _decide(row, stock, journeys, positions)
        after = next((made.stock_after for made in reversed(decisions) if made.stock_after is not None), stock)
        data: dict[str, int | str] = {self._settings.stock_field: after}
        if positions is not None:
            data[field] = positions.text
        if after == stock and (positions is None or data[field] == row.fields[field]):
            return decisions
        try:
            written = await self._put(row, data)
        except UnreachableError:
            if after != stock:
                self._doubts[row.address] = _Doubt(places, after, decisions)
            raise
        if self._stock(written) != after:
            raise self._no_such_field(Phrase("Strapi took the new stock and did not keep it"))
        if _has_unfinished_edit(row):
            self.published += 1
            _log.warning("strapi: product %d: a movement published the unfinished edit of its draft", row.id)
        await self._write_locales(row, _Doubt(places, after, decisions))
        return decisions

    async def _put(self, row: Row, data: dict[str, int | str]) -> Row:
        path, query = path_of(self._settings, row), write_query(row)
        answer = await self._client.call("PUT", path, {"data": data}, query=query, idempotent=True)
        written = row_of(answer["data"])
        if row.versions and self._documents.former is not None:
            self._documents.former.note([(written.id, row.address)])
        return written

    async def _write_locales(self, row: Row, written: _Doubt) -> None:
        """Set the stock in the product's other locales, unless Strapi did so because the attribute is not localized.

        What a crash leaves undone is done with the product's next movement.

        Args:
            row: the product, whose own locale has the stock.
            written: the stock and its decisions; if Strapi stops answering, the same batch is applied again and must
                not count.
        """
        if not row.locale or all(version.locale == row.locale for version in row.versions):
            return
        stock, seen = written.stock, {row.locale}
        try:
            again = (await self._documents.find([row.address])).get(row.address)
            for version in again.versions if again is not None else ():
                # The published row of a locale precedes its draft, and represents both.
                if version.locale not in seen and stock_of(version, self._settings.stock_field) != stock:
                    await self._put_locale(version, stock)
                seen.add(version.locale)
        except UnreachableError:
            self._doubts[row.address] = written
            raise

    async def _put_locale(self, version: Row, stock: int) -> None:
        try:
            await self._put(version, {self._settings.stock_field: stock})
        except StrapiRejectedError as error:
            # The movements are applied, whether or not a translation is refused.
            _log.warning(
                "strapi: product %d has another stock in locale %s: %s", version.id, version.locale, error.what
            )

    async def _again(self, row: Row) -> Row | None:
        return (await self._documents.find([row.address], documents=row.document_id is not None)).get(row.address)

    def _stock(self, row: Row) -> int:
        stock = stock_of(row, self._settings.stock_field)
        if stock is None:
            raise self._no_such_field(Phrase("the product has no whole number there"))
        return stock

    def _no_such_field(self, what: str) -> RefusedError:
        return RefusedError(
            "strapi",
            Phrase(
                "{what}: attribute {field!r} of {path}",
                what=what,
                field=self._settings.stock_field,
                path=path_of(self._settings),
            ),
            Phrase("name the attribute that holds the stock in the setting strapi.stock_field"),
        )


def _has_unfinished_edit(row: Row) -> bool:
    """Whether the product is published and its draft was edited since; Strapi's panel shows "Modified"."""
    drafts = (version for version in row.versions if version.is_draft and version.locale == row.locale)
    return not row.is_draft and any(draft.updated_at > row.updated_at for draft in drafts)


def _decide(row: Row, stock: int, journeys: list[Journey], positions: Positions | None) -> list[Decision]:
    firsts = [positions.first(journey) if positions else None for journey in journeys]
    fresh = [journey for journey, first in zip(journeys, firsts, strict=True) if first is None]
    steps = iter(merge(stock, [journey.delta for journey in fresh]))
    product = _product(row)
    decisions: list[Decision] = []
    for journey, first in zip(journeys, firsts, strict=True):
        if first is not None:
            decisions.append(Decision(Outcome.DUPLICATE, product, first=first))
            continue
        step = next(steps)
        if positions is not None:
            positions.count(journey, step.outcome)
        decisions.append(Decision(step.outcome, product, step.before, step.after))
    return decisions


def _product(row: Row) -> ChangedProduct:
    return ChangedProduct(row.id, str(row.fields.get("name") or ""))


def _place(journey: Journey) -> _Place:
    return (journey.kafka_topic, journey.partition, journey.offset)
