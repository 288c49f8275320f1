"""A cell: text made to fit a width, and what each field of a record looks like in one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from rich.cells import cell_len, set_cell_size

from bridge.text import readable, readable_bytes
from tui import figures
from tui.verdicts import Tone, outcome

if TYPE_CHECKING:
    from bridge.journal import Journey, Product

__all__ = [
    "Cell",
    "acknowledged_ago",
    "acknowledged_at",
    "acknowledgement",
    "amount",
    "barcode",
    "changed",
    "changed_at",
    "duplicate",
    "fit",
    "kafka_topic",
    "key",
    "last_change",
    "mqtt_topic",
    "name",
    "payload",
    "pending_stock",
    "position",
    "product",
    "product_id",
    "product_name",
    "quality",
    "received_ago",
    "received_at",
    "retained",
    "status",
    "stock",
    "stock_before_after",
    "verdict",
]

ABSENT = "·"
"""What stands where there is nothing to say."""


class Cell(NamedTuple):
    """A printable text and its tone, with a shorter text for where it does not fit."""

    text: str
    tone: Tone = Tone.PLAIN
    short: str = ""


def fit(cell: Cell, width: int, align: Literal["left", "right"]) -> str:
    """Cut or pad a cell's text to a width in terminal cells.

    What does not fit becomes its shorter text, or, where that would leave much of the room empty, is cut with a `…`.
    """
    text = cell.text
    length = cell_len(text)
    if length > width and cell.short and width - cell_len(cell.short) < 5:
        text = cell.short
        length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    padding = " " * (width - length)
    return padding + text if align == "right" else text + padding


def received_at(journey: Journey, now: float) -> Cell:
    """When the message came over MQTT."""
    moment = journey.received_at
    return Cell(figures.clock_milliseconds(moment), Tone.MUTED, figures.clock(moment))


def acknowledged_at(journey: Journey, now: float) -> Cell:
    """When Kafka acknowledged the record, or when a record that another program wrote was consumed."""
    moment = journey.acknowledged_at or journey.consumed_at
    return Cell(figures.clock_milliseconds(moment), Tone.MUTED, figures.clock(moment))


def received_ago(journey: Journey, now: float) -> Cell:
    """How long ago the message came over MQTT."""
    return Cell(figures.age(journey.received_at or 0, now), Tone.MUTED)


def acknowledged_ago(journey: Journey, now: float) -> Cell:
    """How long ago Kafka acknowledged the record, or a record that another program wrote was consumed."""
    return Cell(figures.age(journey.acknowledged_at or journey.consumed_at or 0, now), Tone.MUTED)


def mqtt_topic(journey: Journey, now: float) -> Cell:
    """The MQTT topic."""
    return Cell(readable(journey.mqtt_topic or ABSENT))


def kafka_topic(journey: Journey, now: float) -> Cell:
    """The Kafka topic."""
    return Cell(readable(journey.kafka_topic or ABSENT))


def product(journey: Journey, now: float) -> Cell:
    """How the publisher names the product."""
    if journey.movement is None:
        return Cell(ABSENT, Tone.MUTED)
    return Cell(readable(journey.movement.product), Tone.STRONG)


def name(journey: Journey, now: float) -> Cell:
    """The product's name, once Strapi told it."""
    return Cell(readable(journey.product_name), Tone.MUTED)


def amount(journey: Journey, now: float) -> Cell:
    """The signed amount."""
    if journey.movement is None:
        return Cell(ABSENT, Tone.MUTED)
    delta = journey.movement.delta
    return Cell(figures.signed(delta), Tone.IN if delta > 0 else Tone.OUT)


def quality(journey: Journey, now: float) -> Cell:
    """The quality of service that the message came with."""
    return Cell(str(journey.qos), Tone.MUTED)


def retained(journey: Journey, now: float) -> Cell:
    """`R` where the broker had kept the message."""
    return Cell("R", Tone.STRONG) if journey.retained else Cell(ABSENT, Tone.MUTED)


def duplicate(journey: Journey, now: float) -> Cell:
    """`D` where the broker says that it sent the message before."""
    return Cell("D", Tone.STRONG) if journey.redelivered else Cell(ABSENT, Tone.MUTED)


def verdict(journey: Journey, now: float) -> Cell:
    """What became of it."""
    found = outcome(journey)
    return Cell(f"{found.glyph} {found.words}", found.tone, found.glyph)


def position(journey: Journey, now: float) -> Cell:
    """Partition and offset."""
    return Cell(journey.position or ABSENT)


def key(journey: Journey, now: float) -> Cell:
    """The Kafka key."""
    return Cell(readable(ABSENT if journey.key is None else journey.key), Tone.STRONG)


def acknowledgement(journey: Journey, now: float) -> Cell:
    """How long Kafka took to acknowledge the record, from its arrival over MQTT."""
    if journey.acknowledged_at is None or journey.received_at is None:
        return Cell(ABSENT, Tone.MUTED)
    return Cell(figures.duration(journey.acknowledged_at - journey.received_at), Tone.MUTED)


def stock_before_after(journey: Journey, now: float) -> Cell:
    """The stock before and after."""
    if journey.stock_after is None or journey.stock_before is None:
        return Cell("")
    return Cell(f"{figures.count(journey.stock_before)} → {figures.count(journey.stock_after)}")


def payload(journey: Journey, now: float) -> Cell:
    """The payload on one line."""
    return Cell(readable_bytes(journey.payload, 512), Tone.MUTED)


def product_id(found: Product, now: float) -> Cell:
    """The product's numeric id."""
    return Cell(str(found.id), Tone.MUTED)


def product_name(found: Product, now: float) -> Cell:
    """The product's name."""
    return Cell(readable(found.name), Tone.STRONG)


def barcode(found: Product, now: float) -> Cell:
    """The product's barcode."""
    return Cell(readable(found.barcode), Tone.MUTED)


def stock(found: Product, now: float) -> Cell:
    """The stock in pieces."""
    return Cell(figures.count(found.stock), Tone.STRONG if found.stock else Tone.REJECTED)


def pending_stock(found: Product, pending: int) -> Cell:
    """The stock in pieces with what was sent and is not decided yet: `41 (+5…)`."""
    text = f"{figures.count(found.stock)} ({figures.signed(pending)}…)"
    return Cell(text, Tone.PENDING, f"{figures.count(found.stock)} {figures.signed(pending)}…")


def last_change(found: Product, now: float) -> Cell:
    """The last signed change of the stock."""
    if not found.last_change:
        return Cell(ABSENT, Tone.MUTED)
    return Cell(figures.signed(found.last_change), Tone.IN if found.last_change > 0 else Tone.OUT)


def status(found: Product, now: float) -> Cell:
    """The status with a glyph of its own: `● safe`, `▲ danger`, `○ empty`."""
    glyph, tone = {"safe": ("●", Tone.APPLIED), "danger": ("▲", Tone.DUPLICATE), "empty": ("○", Tone.REJECTED)}.get(
        found.status, (ABSENT, Tone.MUTED)
    )
    return Cell(f"{glyph} {readable(found.status)}".rstrip(), tone, glyph)


def changed(found: Product, now: float) -> Cell:
    """How long ago the stock changed."""
    return Cell(figures.age(found.changed_at, now), Tone.MUTED)


def changed_at(found: Product, now: float) -> Cell:
    """The time of day at which the stock changed."""
    return Cell(figures.clock(found.changed_at), Tone.MUTED)
