"""Verdicts: mapping Strapi's decisions to journeys, and finding those of records that another engine applied.

Two engines of one group each apply a share of the partitions, and a record written by one may be applied by the other.
The group's offsets and Strapi's ledger show the result.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final

from bridge.backoff import Backoff
from bridge.errors import RefusedError, ServerError, UnreachableError
from bridge.journal import Elsewhere, Verdict
from bridge.kafka.reread import group_positions
from bridge.movement import MAX_AMOUNT, Reason, Rejection
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiClient, StrapiRejectedError
from bridge.strapi.ledger import MOST_RECORDED, Outcome, recorded

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bridge.journal import Journal, Journey
    from bridge.settings import Settings
    from bridge.strapi.ledger import Decision

__all__ = ["SettledElsewhere", "judge"]

_LOOK: Final = 1.0
"""Seconds between two looks at records without a verdict."""

_LATE: Final = 2.0
"""Seconds after which another engine may have applied a record that Kafka has."""

_ASKED: Final = 1_000
"""The most movements requested from the ledger in one round."""

_log = logging.getLogger(__name__)


def judge(journey: Journey, decision: Decision) -> Verdict:
    """Store a decision in its journey.

    Args:
        journey: of the movement; gets the product, the stock before and after and, unless applied, the rejection.
        decision: Strapi's.

    Returns:
        The verdict; the caller stores it in the journey once the dead letter, if any, is in Kafka. The repeat of a
        refused movement is rejected again: whether its first dead letter reached Kafka is not known, and two are better
        than none.
    """
    product = decision.product
    journey.product_id = product.id if product is not None else None
    journey.product_name = (product.name or "") if product is not None else ""
    journey.stock_before = decision.stock_before
    journey.stock_after = decision.stock_after
    outcome = decision.outcome
    if outcome is Outcome.DUPLICATE and decision.first is not None:
        outcome = Outcome.DUPLICATE if decision.first is Outcome.APPLIED else decision.first
    journey.rejection = _rejection(outcome, journey, decision)
    if journey.rejection is not None:
        return Verdict.REJECTED
    return Verdict.DUPLICATE if outcome is Outcome.DUPLICATE else Verdict.APPLIED


def _rejection(outcome: Outcome, journey: Journey, decision: Decision) -> Rejection | None:
    stock, amount = decision.stock_before, abs(journey.delta)
    match outcome:
        case Outcome.APPLIED | Outcome.DUPLICATE:
            return None
        case Outcome.UNKNOWN_PRODUCT:
            return Rejection(
                Reason.UNKNOWN_PRODUCT,
                Phrase("no product has the id, documentId or barcode {product!r}", product=journey.product),
            )
        case Outcome.INSUFFICIENT_STOCK:
            if stock is None:
                had = Phrase("the stock was too small, the movement takes {amount}", amount=amount)
            else:
                had = Phrase("stock is {stock}, the movement takes {amount}", stock=stock, amount=amount)
            return Rejection(Reason.INSUFFICIENT_STOCK, had)
        case Outcome.OVER_LIMIT:
            if stock is None:
                had = Phrase(
                    "the stock was too large, and {amount} more would pass {most}", amount=amount, most=MAX_AMOUNT
                )
            else:
                had = Phrase(
                    "stock is {stock}, and {amount} more would pass {most}",
                    stock=stock,
                    amount=amount,
                    most=MAX_AMOUNT,
                )
            return Rejection(Reason.OVER_LIMIT, had)
        case Outcome.CONFLICT:
            return Rejection(
                Reason.CONFLICT,
                Phrase(
                    "another movement with other content has the movement-id {id!r} already", id=journey.movement_id
                ),
            )
        case Outcome.REFUSED:
            return Rejection(Reason.REFUSED_BY_STRAPI, Phrase("Strapi refuses it: {why}", why=decision.text))


class SettledElsewhere:
    """Finds records in the journal that another engine settled, and notes their verdicts.

    They count in none of this engine's rates, latencies or verdicts.

    Args:
        settings: the group, and the Strapi whose ledger is asked.
        journal: whose journeys.
    """

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._settings = settings
        self._journal = journal
        self._seen = 0
        self._open: list[Journey] = []
        self._settled: list[Journey] = []
        """Settled journeys whose verdict is still to be requested from the ledger."""
        self._asks = settings.strapi.mode in {"auto", "ledger"}
        self._backoff = Backoff(first=_LOOK, longest=15.0)
        self._due = 0.0

    async def run(self) -> None:
        """Look until cancelled."""
        async with StrapiClient(self._settings.strapi) as client:
            while True:
                await asyncio.sleep(_LOOK)
                self._collect()
                if time.monotonic() >= self._due:
                    await self._round(client)

    def ask_for(self, journeys: Sequence[Journey]) -> None:
        """Request the verdicts of journeys that are known to be settled."""
        if self._asks:
            self._settled += journeys

    def _collect(self) -> None:
        ring = self._journal.kafka
        upto = ring.next
        self._open += ring.slice(self._seen, upto)
        self._seen = upto
        self._open = [journey for journey in self._open if journey.decided_at is None][-ring.capacity :]

    async def _round(self, client: StrapiClient) -> None:
        late = time.time() - _LATE
        waiting = [one for one in self._open if one.offset >= 0 and (one.acknowledged_at or late) < late]
        found: list[Journey] = []
        try:
            if waiting:
                found = _behind(await group_positions(self._settings.kafka), waiting)
            self._settled += found
            judged = await self._ask(client) if self._settled and self._asks else False
        except ServerError as error:
            _log.debug("what another engine applied can't be told: %s", error)
            judged = False
        for journey in found:
            if journey.decided_at is None:
                journey.elsewhere, journey.decided_at = Elsewhere.SETTLED, time.time()
        if found or judged:
            self._backoff.reset()
            self._journal.news.ring()
        # While nothing gets settled, for example because Strapi is away, look less and less often.
        self._due = time.monotonic() + (self._backoff.pause() if waiting or self._settled else 0.0)

    async def _ask(self, client: StrapiClient) -> bool:
        asked = [journey for journey in self._settled[:_ASKED] if journey.movement is not None]
        names = list(dict.fromkeys(journey.movement_id for journey in asked))
        known: dict[str, Decision] = {}
        try:
            for start in range(0, len(names), MOST_RECORDED):
                known |= await recorded(client, names[start : start + MOST_RECORDED])
        except UnreachableError:
            return False
        except (StrapiRejectedError, RefusedError):
            # No such route, or no right to ask: nothing more than that they are settled can be known.
            self._asks = False
            self._settled.clear()
            return False
        del self._settled[:_ASKED]
        for journey in asked:
            self._note(journey, known)
        return bool(asked)

    def _note(self, journey: Journey, known: Mapping[str, Decision]) -> None:
        if journey.verdict is not None or journey.movement is None:
            return
        decision = known.get(journey.movement_id)
        journey.decided_at = journey.decided_at or time.time()
        journey.elsewhere = Elsewhere.UNKNOWN if decision is None else Elsewhere.SETTLED
        if decision is not None and _is_first(journey, self._journal.known(journey.movement_id)):
            journey.verdict = judge(journey, decision)
            self._recall(journey)

    def _recall(self, journey: Journey) -> None:
        """For a product that has not moved since the start, note in the stock table what moved it last."""
        product, after = journey.product_id, journey.stock_after
        if journey.earlier and journey.verdict is Verdict.APPLIED and product is not None and after is not None:
            self._journal.stock.recall(product, after, journey.delta)


def _behind(positions: Mapping[tuple[str, int], int], journeys: Sequence[Journey]) -> list[Journey]:
    """Those before the group's offset that have no verdict from this engine, which takes precedence."""
    return [
        one
        for one in journeys
        if one.decided_at is None and one.offset < positions.get((one.kafka_topic, one.partition), 0)
    ]


def _is_first(journey: Journey, twins: Sequence[Journey]) -> bool:
    """Whether it is the first record in Kafka with its id, to which the ledger's verdict belongs."""
    return all((journey.partition, journey.offset) <= (one.partition, one.offset) for one in twins if one.offset >= 0)
