"""The ledger: our Strapi's batch route, which counts each movement once and answers with a verdict for each.

`POST /api/stock-movements/batch` (stack/strapi) is one database transaction, so a batch of which no answer came is
sent again as it is.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from bridge.errors import UnreachableError
from bridge.phrase import Phrase
from bridge.strapi.client import StrapiRejectedError
from bridge.strapi.decision import Decision, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.strapi.client import StrapiClient
    from bridge.strapi.decision import Order

__all__ = ["LEDGER_ROUTE", "Ledger", "has_ledger"]

LEDGER_ROUTE: Final = "/api/stock-movements/batch"
"""Where the batches go."""

_NO_ROUTE: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED})

_Recorded = Literal["applied", "duplicate", "unknown-product", "insufficient-stock", "over-limit", "conflict"]


class _Movement(msgspec.Struct, gc=False):
    movement_id: str
    product: str
    amount: int
    type: str
    source: str


class _Product(msgspec.Struct, gc=False):
    id: int
    name: str | None = None


class _Verdict(msgspec.Struct, gc=False):
    movement_id: str
    verdict: _Recorded
    product: _Product | None = None
    stock_before: int | None = None
    stock_after: int | None = None
    first_verdict: _Recorded | None = None


class _Answer(msgspec.Struct):
    verdicts: list[_Verdict]


async def has_ledger(client: StrapiClient) -> bool:
    """Whether this Strapi has the batch route; an empty batch changes nothing.

    Raises:
        UnreachableError: it does not answer.
        RefusedError: the token may not use it.
    """
    try:
        await client.call("POST", LEDGER_ROUTE, {"movements": []}, idempotent=True)
    except StrapiRejectedError as error:
        if error.status in _NO_ROUTE:
            return False
        raise
    return True


class Ledger:
    """Applies movements through the batch route.

    Args:
        client: the Strapi.
    """

    def __init__(self, client: StrapiClient) -> None:
        self._client = client
        self._unanswered: set[str] = set()

    async def apply(self, orders: Sequence[Order]) -> list[Decision]:
        """Apply a batch in order; a movement that Strapi refuses as malformed keeps none of the others back.

        Args:
            orders: 1 to 1,000 movements.

        Returns:
            A decision for each, in the same order.

        Raises:
            UnreachableError: no answer came; sent again, the batch counts once.
            RefusedError: the token may not.
            StrapiRejectedError: the route is gone (404, 405).
        """
        try:
            verdicts = await self._send(orders)
        except StrapiRejectedError as error:
            if error.status in _NO_ROUTE:
                raise
            if len(orders) == 1:
                return [Decision(Outcome.REFUSED, text=error.message)]
            middle = len(orders) // 2
            return [*await self.apply(orders[:middle]), *await self.apply(orders[middle:])]
        return [self._decision(verdict) for verdict in verdicts]

    async def _send(self, orders: Sequence[Order]) -> list[_Verdict]:
        batch = [
            _Movement(
                order.movement_id,
                order.movement.product,
                order.movement.amount,
                order.movement.type,
                f"{order.topic}/{order.partition}@{order.offset}",
            )
            for order in orders
        ]
        try:
            answer = await self._client.call("POST", LEDGER_ROUTE, {"movements": batch}, idempotent=True, shape=_Answer)
        except (UnreachableError, asyncio.CancelledError):
            self._unanswered.update(order.movement_id for order in orders)
            raise
        except msgspec.ValidationError as error:
            raise _misread(str(error)) from error
        verdicts: list[_Verdict] = answer.verdicts if answer is not None else []
        if [verdict.movement_id for verdict in verdicts] != [order.movement_id for order in orders]:
            raise _misread("its verdicts are not those of the movements sent")
        return verdicts

    def _decision(self, verdict: _Verdict) -> Decision:
        outcome = Outcome(verdict.verdict)
        first = Outcome(verdict.first_verdict) if verdict.first_verdict else None
        if verdict.movement_id in self._unanswered:
            # The first arrival of it was, as far as anyone knows, our own request of which no answer came.
            self._unanswered.discard(verdict.movement_id)
            if outcome is Outcome.DUPLICATE and first is not None:
                outcome, first = first, None
        product = verdict.product
        return Decision(
            outcome,
            product.id if product else None,
            (product.name or "") if product else "",
            verdict.stock_before,
            verdict.stock_after,
            first,
        )


def _misread(why: str) -> UnreachableError:
    return UnreachableError(
        "strapi",
        Phrase("the answer of {route} is not what this engine knows: {why}", route=LEDGER_ROUTE, why=why),
        Phrase("update stack/strapi or opsci"),
    )
