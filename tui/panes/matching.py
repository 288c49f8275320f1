"""A pane's filter: what a person typed after `/`, made a predicate over records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bridge.movement import is_numeric_id
from bridge.text import readable_bytes
from tui.verdicts import outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from bridge.journal import Journey, Product, StockBoard

__all__ = ["FilterError", "haystack_of_journey", "haystack_of_product", "text_filter"]


class FilterError(ValueError):
    """What was typed is no filter; the text says why."""


def text_filter(typed: str) -> Callable[[str], bool] | None:
    """Compile a filter over a record's text, without regard to case.

    Args:
        typed: a substring; `re:` before it makes it a regular expression, `!` before all of it turns it around.

    Returns:
        The predicate; None where nothing was typed and so everything passes.

    Raises:
        FilterError: the regular expression is none.
    """
    inverse = typed.startswith("!")
    wanted = typed.removeprefix("!").strip()
    if not wanted:
        return None
    if wanted.startswith("re:"):
        try:
            search = re.compile(wanted.removeprefix("re:"), re.IGNORECASE).search
        except re.error as error:
            raise FilterError(f"not a regular expression: {error}") from None
        return lambda text: (search(text) is None) is inverse
    folded = wanted.casefold()
    return lambda text: (folded in text) is not inverse


def haystack_of_journey(journey: Journey, board: StockBoard) -> str:
    """All of a record that a filter looks at: topics, key, product and its name, verdict and payload, case folded."""
    name = journey.product_name
    if not name and journey.movement is not None and is_numeric_id(journey.movement.product):
        product = board.get(int(journey.movement.product))
        name = product.name if product else ""
    return "\n".join(
        (
            journey.mqtt_topic or "",
            journey.kafka_topic,
            journey.key or "",
            journey.position,
            name,
            outcome(journey).words,
            readable_bytes(journey.payload),
        )
    ).casefold()


def haystack_of_product(product: Product) -> str:
    """All of a product that a filter looks at: id, name, barcode and status, case folded."""
    return f"{product.id}\n{product.name}\n{product.barcode}\n{product.status}".casefold()
