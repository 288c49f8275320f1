"""What a filter can ask of a record: its fields by name, and all of its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from bridge.movement import is_numeric_id
from bridge.text import readable_bytes
from tui.panes.query import Vocabulary
from tui.verdicts import outcome

if TYPE_CHECKING:
    from bridge.journal import Journey, Product, StockBoard

__all__ = ["PRODUCT_WORDS", "haystack_of_journey", "haystack_of_product", "journey_words"]


def journey_words(board: StockBoard) -> Vocabulary[Journey]:
    """What can be asked of a journey.

    Args:
        board: the products, whose names a filter knows.
    """
    return Vocabulary(
        lambda journey: haystack_of_journey(journey, board),
        {
            "topic": lambda journey: f"{journey.mqtt_topic or ''}\n{journey.kafka_topic}".casefold(),
            "key": lambda journey: (journey.key or "").casefold(),
            "product": lambda journey: _product(journey, board),
            "payload": lambda journey: readable_bytes(journey.payload).casefold(),
            "type": lambda journey: journey.movement.type.casefold() if journey.movement else "",
            "verdict": _verdict,
            "id": lambda journey: journey.movement_id.casefold(),
        },
        {
            "amount": lambda journey: journey.movement.amount if journey.movement else None,
            "partition": lambda journey: journey.partition if journey.offset >= 0 else None,
            "offset": lambda journey: journey.offset if journey.offset >= 0 else None,
            "qos": lambda journey: None if journey.mqtt_topic is None else journey.qos,
        },
        exact=frozenset({"type", "id"}),
        foreign=frozenset({"stock", "last", "status", "barcode", "name"}),
    )


def haystack_of_journey(journey: Journey, board: StockBoard) -> str:
    """All of a record that a filter looks at: topics, key, product and its name, verdict and payload, case folded."""
    return "\n".join(
        (
            journey.mqtt_topic or "",
            journey.kafka_topic,
            journey.key or "",
            journey.position,
            _name(journey, board),
            outcome(journey).words,
            readable_bytes(journey.payload),
        )
    ).casefold()


def haystack_of_product(product: Product) -> str:
    """All of a product that a filter looks at: id, name, barcode and status, case folded."""
    return f"{product.id}\n{product.name}\n{product.barcode}\n{product.status}".casefold()


PRODUCT_WORDS: Final[Vocabulary[Product]] = Vocabulary(
    haystack_of_product,
    {
        "product": haystack_of_product,
        "name": lambda product: product.name.casefold(),
        "barcode": lambda product: product.barcode.casefold(),
        "status": lambda product: product.status.casefold(),
    },
    {
        "id": lambda product: product.id,
        "stock": lambda product: product.stock,
        "last": lambda product: product.last_change,
    },
    foreign=frozenset({"topic", "key", "payload", "type", "verdict", "amount", "partition", "offset", "qos"}),
)
"""What can be asked of a product."""


def _name(journey: Journey, board: StockBoard) -> str:
    name = journey.product_name
    if not name and journey.movement is not None and is_numeric_id(journey.movement.product):
        product = board.get(int(journey.movement.product))
        name = product.name if product else ""
    return name


def _product(journey: Journey, board: StockBoard) -> str:
    reference = journey.movement.product if journey.movement else ""
    return f"{reference}\n{_name(journey, board)}".casefold()


def _verdict(journey: Journey) -> str:
    found = outcome(journey)
    # In English too, so that a filter means the same in every language.
    reason = journey.rejection.reason.replace("-", " ") if journey.rejection else ""
    return f"{journey.verdict.value if journey.verdict else 'pending'} {reason} {found.words}".casefold()
