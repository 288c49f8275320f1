"""The movements of a trial: what is sent, what should become of it, and its way as one plain line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from bridge.identity import new_movement_id
from bridge.journal import Server, Stage, Verdict
from bridge.movement import MAX_AMOUNT
from bridge.text import readable, readable_bytes

if TYPE_CHECKING:
    from bridge.journal import Journal, Journey, Product, StockBoard

__all__ = ["Attempt", "plan"]

_IN: Final = 5
_OUT: Final = 3
_ONE: Final = 1


class Attempt:
    """One movement of a trial.

    Args:
        what: what it is, for a person.
        payload: what is published.
        product: what it is about, None for what is no movement.
        expected: what should become of it: a verdict, or the reason of a rejection.

    Attributes:
        sent: seconds until the broker had it.
        journey: its record, as far as it is known.
    """

    def __init__(self, what: str, payload: bytes, product: Product | None, expected: str) -> None:
        self.what = what
        self.payload = payload
        self.product = product
        self.expected = expected
        self.sent = 0.0
        self.journey: Journey | None = None

    @property
    def as_expected(self) -> bool:
        """Whether it came to the end that it should."""
        return self.journey is not None and self.expected == _end(self.journey)

    def follow(self, journal: Journal) -> Journey:
        """The latest record of it in the journal."""
        assert self.journey is not None, "it is sent first"  # noqa: S101 - a caller's mistake
        found = journal.journey(self.journey.movement_id)
        if found is None or found.received_at is None:
            # MQTT 3.1.1 carries no identity, and each payload of a trial is its own.
            came = journal.mqtt.slice(journal.mqtt.first, journal.mqtt.next)
            found = next((journey for journey in came if journey.payload == self.payload), None)
        if found is not None:
            found.published_at = self.journey.published_at
            self.journey = found
        return self.journey

    def way(self) -> str:
        """Its way on one line: each hop with the milliseconds that it took."""
        journey = self.journey
        if journey is None:
            return self.what
        hops = [f"sent {_milliseconds(self.sent)}"]
        if journey.received_at is not None:
            hops.append(f"MQTT {_between(journey.published_at, journey.received_at)}")
        if journey.acknowledged_at is not None:
            took = _between(journey.received_at, journey.acknowledged_at)
            hops.append(f"Kafka {journey.kafka_topic} {journey.position} {took}")
        if journey.decided_at is not None:
            before = journey.acknowledged_at or journey.received_at
            hops.append(f"{_outcome(journey)} {_between(before, journey.decided_at)}")
        return f"{self.what}: {' > '.join(hops)}"

    def waits_for(self, journal: Journal) -> str:
        """Name the hop that it did not pass, with what the engine says of it."""
        stage = self.journey.stage if self.journey is not None else Stage.PUBLISHED
        hop, server = {
            Stage.PUBLISHED: ("MQTT: it did not come back from the broker", Server.MQTT),
            Stage.RECEIVED: ("Kafka: it was not acknowledged", Server.KAFKA),
            Stage.ACKNOWLEDGED: ("Kafka: it was not consumed", Server.KAFKA),
            Stage.CONSUMED: ("Strapi: it was not decided", Server.STRAPI),
        }.get(stage, ("Strapi", Server.STRAPI))
        connection = journal.connections[server]
        said = [connection.detail, connection.advice, *journal.notes.values()]
        return ", ".join([hop, *(text for text in said if text)])


def plan(stock: StockBoard) -> list[Attempt]:
    """Choose the movements of a trial by what is in stock.

    Args:
        stock: the products.

    Returns:
        An IN, an OUT, one that names its product by barcode, one of more than there is, and one that is no movement;
        none where no product has a few pieces.
    """
    products = [product for product in stock.products() if 0 <= product.stock < MAX_AMOUNT // 2]
    stocked = [product for product in products if product.stock >= _OUT]
    if not stocked:
        return []
    into, out = products[0], next((product for product in stocked if product.id != products[0].id), stocked[0])
    coded = next((product for product in reversed(products) if _names(stock, product)), None)
    attempts = [
        _movement("IN", _IN, into, into.id),
        _movement("OUT", _OUT, out, out.id),
        _movement("IN", _ONE, coded, coded.barcode) if coded else _movement("IN", _ONE, out, out.document_id),
        _movement("OUT", out.stock + 1_000, out, out.id, expected="insufficient-stock"),
    ]
    hello = f"Hello opsci {new_movement_id()}".encode()
    return [*attempts, Attempt(f"no movement, {readable_bytes(hello[:11])!r}", hello, None, "not-json")]


def _names(stock: StockBoard, product: Product) -> bool:
    found = stock.find(product.barcode) if product.barcode else None
    return found is not None and found.id == product.id


def _movement(kind: str, amount: int, product: Product, reference: int | str, expected: str = "applied") -> Attempt:
    by = "" if reference == product.id else f" by {reference!r}"
    what = f'{kind} {amount:,} of {product.id} "{readable(product.name)}"{by}'
    wire = {"id": reference, "amount": amount, "type": kind, "trial": new_movement_id()}
    return Attempt(what, msgspec.json.encode(wire), product, expected)


def _end(journey: Journey) -> str:
    if journey.verdict is Verdict.REJECTED and journey.rejection is not None:
        return journey.rejection.reason.value
    return journey.verdict.value if journey.verdict is not None else ""


def _outcome(journey: Journey) -> str:
    if journey.verdict is Verdict.REJECTED and journey.rejection is not None:
        where = "Strapi" if journey.consumed_at is not None else "errors"
        return f"{where}: {readable(journey.rejection.text)}"
    if journey.stock_before is not None and journey.stock_after is not None:
        return f"Strapi {journey.stock_before} -> {journey.stock_after}"
    return f"Strapi {journey.verdict}"


def _between(start: float | None, end: float) -> str:
    return _milliseconds(max(0.0, end - start)) if start is not None else ""


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
