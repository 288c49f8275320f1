"""The register of sent messages: each has its own number, and the expected outcome."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["NUMBER", "Register", "Sent", "number_in"]

NUMBER: Final = "number"
"""The JSON key, or the MQTT 5 user property and so the Kafka header, that carries a message's number."""

_IN_TEXT: Final = re.compile(rb'"number":(\d{1,12})')


@dataclass(slots=True)
class Sent:
    """One message.

    Attributes:
        number: its own.
        product: the row that it moves, 0 if it must be rejected.
        delta: the change of stock.
        movement_id: the publisher's id for it, None if there is none.
        refused: whether it has to become a dead letter.
        sends: how often it was written to the broker; above 1 only with a movement-id.
        acknowledged_at: when the broker's PUBACK came, in seconds since the epoch, 0 if none came; if its publisher
            keeps it, from when on it is kept and was sent.
        kept: whether its publisher keeps it until the stock shows it.
        taken_back: whether it was written to Kafka in a transaction that was aborted.
        unmarked: whether it has no number: its product has only such movements, each of which adds one.
        called: how it names its product.
    """

    number: int
    product: int
    delta: int
    movement_id: str | None
    refused: bool = False
    sends: int = 0
    acknowledged_at: float = 0.0
    kept: bool = False
    unmarked: bool = False
    taken_back: bool = False
    called: int | str = 0


class Register:
    """Assigns numbers and stores the messages sent under them.

    Args:
        run: distinguishes this run's movement-ids from another's.
    """

    def __init__(self, run: str) -> None:
        self.run = run
        self.sent: dict[int, Sent] = {}
        self.names: dict[int, list[int | str]] = {}
        """What products are called, where it is not only by their row's number; messages use one after the other."""

    def enter(self, product: int, delta: int, *, named: bool, refused: bool = False, unmarked: bool = False) -> Sent:
        """Assign the next number to a message that is going to be sent."""
        number = len(self.sent) + 1
        names = self.names.get(product, [product])
        movement_id = f"{self.run}-{number}" if named else None
        called = names[number % len(names)]
        sent = Sent(number, product, delta, movement_id, refused, unmarked=unmarked, called=called)
        self.sent[number] = sent
        return sent


def movement_payload(sent: Sent) -> bytes:
    """Encode the movement in the course's format, with the number as an extra field."""
    movement = {
        "id": sent.called or sent.product,
        "amount": abs(sent.delta),
        "type": "IN" if sent.delta > 0 else "OUT",
        "number": sent.number,
    }
    return json.dumps(movement, separators=(",", ":")).encode()


def number_in(payload: bytes) -> int:
    """Return the number in a payload, 0 if there is none."""
    found = _IN_TEXT.search(payload)
    return int(found[1]) if found else 0
