"""What Strapi, or plain REST in its place, decided about one movement."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from bridge.movement import Movement  # noqa: TC001 - a NamedTuple's fields are looked up at run time

__all__ = ["Decision", "Order", "Outcome"]


class Outcome(StrEnum):
    """The verdicts of the ledger's batch route, and one more."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    UNKNOWN_PRODUCT = "unknown-product"
    INSUFFICIENT_STOCK = "insufficient-stock"
    OVER_LIMIT = "over-limit"
    CONFLICT = "conflict"
    REFUSED = "refused"
    """Strapi answered 4xx to this movement alone."""


class Order(NamedTuple):
    """A movement to apply, with what makes it count once.

    Attributes:
        movement_id: its identity.
        movement: what to change.
        topic: the Kafka topic it stands in.
        partition: the partition.
        offset: the offset.
        timestamp: the record's, in milliseconds.
    """

    movement_id: str
    movement: Movement
    topic: str
    partition: int
    offset: int
    timestamp: int


class Decision(NamedTuple):
    """What became of one movement.

    Attributes:
        outcome: the verdict.
        product_id: the product's numeric id, None where none was found.
        product_name: its name, empty where unknown.
        stock_before: the stock before, None where unknown.
        stock_after: the stock after, None where unknown.
        first: of a duplicate, what was decided the first time; None where that is not known.
        text: what Strapi says about a refusal, else empty.
    """

    outcome: Outcome
    product_id: int | None = None
    product_name: str = ""
    stock_before: int | None = None
    stock_after: int | None = None
    first: Outcome | None = None
    text: str = ""
