"""From what Strapi decided to what a journey says, in words that a person understands. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.journal import Verdict
from bridge.movement import MAX_AMOUNT, Movement, Reason, Rejection
from bridge.phrase import Phrase
from bridge.strapi.decision import Outcome

if TYPE_CHECKING:
    from bridge.journal import Journey
    from bridge.strapi.decision import Decision

__all__ = ["judge"]


def judge(journey: Journey, movement: Movement, decision: Decision) -> Verdict:
    """Write a decision into its journey.

    Args:
        journey: of the movement; gets product, stocks and, where it is not applied, the rejection.
        movement: what it asked for.
        decision: what became of it.

    Returns:
        The verdict, which the journey gets once its dead letter, if any, is in Kafka. The repeat of a refused movement
        is rejected again: whether its letter reached Kafka the first time is not known, and two letters are better
        than none.
    """
    journey.product_id = decision.product_id
    journey.product_name = decision.product_name
    journey.stock_before = decision.stock_before
    journey.stock_after = decision.stock_after
    outcome = decision.outcome
    if outcome is Outcome.DUPLICATE and decision.first is not None:
        outcome = Outcome.DUPLICATE if decision.first is Outcome.APPLIED else decision.first
    journey.rejection = _rejection(outcome, movement, decision, journey.movement_id)
    if journey.rejection is not None:
        return Verdict.REJECTED
    return Verdict.DUPLICATE if outcome is Outcome.DUPLICATE else Verdict.APPLIED


def _rejection(outcome: Outcome, movement: Movement, decision: Decision, movement_id: str) -> Rejection | None:
    stock, amount = decision.stock_before, movement.amount
    match outcome:
        case Outcome.APPLIED | Outcome.DUPLICATE:
            return None
        case Outcome.UNKNOWN_PRODUCT:
            return Rejection(
                Reason.UNKNOWN_PRODUCT,
                Phrase("no product has the id, documentId or barcode {product!r}", product=movement.product),
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
                Phrase("another movement with other content has the movement-id {id!r} already", id=movement_id),
            )
        case Outcome.REFUSED:
            return Rejection(Reason.REFUSED_BY_STRAPI, Phrase("Strapi refuses it: {why}", why=decision.text))
