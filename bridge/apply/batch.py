"""Settles a batch of journeys: asks Strapi, buries what can't be applied, and notes the verdicts."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from bridge.apply.verdicts import judge
from bridge.journal import Verdict
from bridge.movement import Reason, Rejection
from bridge.phrase import Phrase
from bridge.route import Does
from bridge.strapi.carried import read_event, read_product
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.decision import Order
from bridge.strapi.products import stock_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bridge.apply.patience import Patience
    from bridge.dead_letter import DeadLetters
    from bridge.journal import Journal, Journey
    from bridge.strapi.carrier import Carrier
    from bridge.strapi.stock import Stock

__all__ = ["Batch", "Settler"]

_PLAIN = Phrase("plain REST: Strapi's products keep no position, so a crash can count a movement twice")

Batch = list[tuple["Journey", Does, int]]
"""Journeys with what their route does and their record's timestamp in milliseconds, in order."""


class Settler:
    """Settles journeys.

    Args:
        journal: where verdicts are noted.
        letters: where dead letters go.
        stock: what applies movements.
        carrier: what writes products and events.
        patience: what waits for Strapi.
    """

    def __init__(
        self, journal: Journal, letters: DeadLetters, stock: Stock, carrier: Carrier, patience: Patience
    ) -> None:
        self._journal = journal
        self._letters = letters
        self._stock = stock
        self._carrier = carrier
        self._patience = patience

    async def settle(self, batch: Batch, gone: Callable[[], bool]) -> None:
        """Settle a batch: each journey has its verdict afterwards, and Kafka has its dead letter where it needs one.

        A journey that has a verdict already came again after a rebalance, and is left as it is.

        Args:
            batch: what to settle.
            gone: whether it is to be dropped, looked at while it has to wait.

        Raises:
            DroppedError: what is in hand is to be dropped; some journeys of it may be settled.
        """
        opened = [entry for entry in batch if entry[0].verdict is None]
        movements = [entry for entry in opened if entry[1] is Does.MOVEMENT]
        rejected = [journey for journey, _, _ in movements if journey.movement is None]
        await self._finish(rejected, [Verdict.REJECTED] * len(rejected))
        await self._apply([entry for entry in movements if entry[0].movement is not None], gone)
        for journey, does, timestamp in opened:
            if does is not Does.MOVEMENT:
                await self._carry(journey, does, timestamp, gone)

    async def _apply(self, entries: Batch, gone: Callable[[], bool]) -> None:
        orders = [
            Order(
                journey.movement_id, journey.movement, journey.kafka_topic, journey.partition, journey.offset, timestamp
            )
            for journey, _, timestamp in entries
            if journey.movement is not None
        ]
        done = 0
        while done < len(orders):
            left = orders[done:]
            waiting = (
                Phrase("{count} movements wait for Strapi", count=len(left))
                if len(left) > 1
                else Phrase("1 movement waits for Strapi")
            )
            decisions = await self._patience.ask(partial(self._stock.apply, left), waiting, gone)
            if self._stock.exact:
                self._journal.notes.pop("plain-rest", None)
            else:
                self._journal.notes["plain-rest"] = _PLAIN
            answered = entries[done : done + len(decisions)]
            verdicts = [
                judge(journey, order.movement, decision)
                for (journey, _, _), order, decision in zip(answered, left, decisions, strict=False)
            ]
            await self._finish([journey for journey, _, _ in answered], verdicts)
            done += len(decisions)

    async def _carry(self, journey: Journey, does: Does, timestamp: int, gone: Callable[[], bool]) -> None:
        read: dict[str, Any] | Rejection
        if journey.rejection is not None:
            read = journey.rejection
        else:
            read = read_product(journey.payload) if does is Does.PRODUCT else read_event(journey.payload)
        verdict = Verdict.CARRIED
        try:
            if isinstance(read, Rejection):
                journey.rejection, verdict = read, Verdict.REJECTED
            elif does is Does.PRODUCT:
                await self._carry_product(journey, read, gone)
            else:
                place = f"{journey.kafka_topic}/{journey.partition}@{journey.offset}/{timestamp}"
                await self._patience.ask(
                    lambda: self._carrier.write_event(read, place), Phrase("an event waits for Strapi"), gone
                )
        except StrapiRejectedError as error:
            journey.rejection = Rejection(
                Reason.REFUSED_BY_STRAPI, Phrase("Strapi refuses it: {why}", why=error.message)
            )
            verdict = Verdict.REJECTED
        await self._finish([journey], [verdict])

    async def _carry_product(self, journey: Journey, product: dict[str, Any], gone: Callable[[], bool]) -> None:
        row = await self._patience.ask(
            lambda: self._carrier.write_product(product), Phrase("a product waits for Strapi"), gone
        )
        journey.product_id = row.id
        journey.product_name = str(row.fields.get("name") or "")
        journey.stock_after = stock_of(row, self._carrier.stock_field)

    async def _finish(self, journeys: Sequence[Journey], verdicts: Sequence[Verdict]) -> None:
        if not journeys:
            return
        decided_at = time.time()
        await self._letters.bury([journey for journey in journeys if journey.rejection is not None])
        for journey, verdict in zip(journeys, verdicts, strict=True):
            journey.decided_at = decided_at
            journey.verdict = verdict
        self._journal.settled(journeys)
