"""The mapping of a decision to a journey, and its wording for the user."""

from __future__ import annotations

import pytest

from bridge.apply.verdicts import judge
from bridge.journal import Journey, Verdict
from bridge.movement import Movement, Reason
from bridge.strapi.ledger import ChangedProduct, Decision, Outcome

OUT5 = Movement("12", 5, "OUT")
LAMP = ChangedProduct(12, "Lamp")


def judged(decision: Decision) -> tuple[Verdict, Journey]:
    journey = Journey("m-1", b"{}", movement=OUT5)
    return judge(journey, decision), journey


def test_an_applied_movement_has_its_product_and_stocks() -> None:
    verdict, journey = judged(Decision(Outcome.APPLIED, LAMP, 41, 36))
    assert verdict is Verdict.APPLIED
    assert (journey.product_id, journey.product_name, journey.stock_before, journey.stock_after) == (12, "Lamp", 41, 36)
    assert journey.rejection is None


@pytest.mark.parametrize("first", [Outcome.APPLIED, None])
def test_the_repeat_of_an_applied_movement_is_no_dead_letter(first: Outcome | None) -> None:
    verdict, journey = judged(Decision(Outcome.DUPLICATE, LAMP, 41, 36, first))
    assert verdict is Verdict.DUPLICATE
    assert journey.rejection is None


def test_the_repeat_of_a_refused_movement_is_buried_again() -> None:
    verdict, journey = judged(Decision(Outcome.DUPLICATE, LAMP, 3, 3, Outcome.INSUFFICIENT_STOCK))
    assert verdict is Verdict.REJECTED
    assert journey.rejection is not None
    assert journey.rejection.reason is Reason.INSUFFICIENT_STOCK


@pytest.mark.parametrize(
    ("decision", "reason", "text"),
    [
        (
            Decision(Outcome.INSUFFICIENT_STOCK, LAMP, 3, 3),
            Reason.INSUFFICIENT_STOCK,
            "stock is 3, the movement takes 5",
        ),
        (
            Decision(Outcome.UNKNOWN_PRODUCT),
            Reason.UNKNOWN_PRODUCT,
            "no product has the id, documentId or barcode '12'",
        ),
        (
            Decision(Outcome.OVER_LIMIT, LAMP, 9, 9),
            Reason.OVER_LIMIT,
            "stock is 9, and 5 more would pass 2147483647",
        ),
        (
            Decision(Outcome.CONFLICT, LAMP),
            Reason.CONFLICT,
            "another movement with other content has the movement-id 'm-1' already",
        ),
        (Decision(Outcome.REFUSED, text="too odd"), Reason.REFUSED_BY_STRAPI, "Strapi refuses it: too odd"),
    ],
)
def test_a_refusal_says_why(decision: Decision, reason: Reason, text: str) -> None:
    verdict, journey = judged(decision)
    assert verdict is Verdict.REJECTED
    assert journey.rejection is not None
    assert (journey.rejection.reason, journey.rejection.text) == (reason, text)
