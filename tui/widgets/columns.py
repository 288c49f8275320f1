"""The columns of every pane: what each is called, how wide it may be, and what stands in it for a record."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Final

from bridge.text import readable, readable_bytes
from tui.format import age, clock, clock_milliseconds, count, duration, signed
from tui.language import msgid
from tui.outcome import EARLIER, Tone, outcome, shown_status
from tui.widgets.column_layout import EXTRA, Cell, Column

if TYPE_CHECKING:
    from bridge.journal import Journey, Product

__all__ = [
    "KAFKA_COLUMNS",
    "MQTT_COLUMNS",
    "STOCK_COLUMNS",
    "acknowledged_ago",
    "acknowledged_at",
    "acknowledgement",
    "amount",
    "barcode",
    "changed",
    "changed_at",
    "duplicate",
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


def received_at(journey: Journey, now: float) -> Cell:
    """When the message came over MQTT."""
    return _moment(journey, journey.received_at, now)


def acknowledged_at(journey: Journey, now: float) -> Cell:
    """When Kafka acknowledged the record, or when a record that another program wrote was consumed."""
    return _moment(journey, journey.acknowledged_at or journey.consumed_at, now)


def received_ago(journey: Journey, now: float) -> Cell:
    """How long ago the message came over MQTT."""
    return _ago(journey, journey.received_at, now)


def acknowledged_ago(journey: Journey, now: float) -> Cell:
    """How long ago Kafka acknowledged the record, or a record that another program wrote was consumed."""
    return _ago(journey, journey.acknowledged_at or journey.consumed_at, now)


def _moment(journey: Journey, moment: float | None, now: float) -> Cell:
    if not journey.earlier:
        return Cell(clock_milliseconds(moment), Tone.MUTED, clock(moment))
    # The minute beside the sign has the room of a time of day; of another day the day tells more.
    is_today = moment is not None and date.fromtimestamp(moment) == date.fromtimestamp(now)
    short = clock(moment)[:5] if is_today or moment is None else date.fromtimestamp(moment).strftime("%m-%d")
    whole = clock(moment) if is_today else short
    return Cell(f"{EARLIER} {whole}", Tone.MUTED, f"{EARLIER} {short}")


def _ago(journey: Journey, moment: float | None, now: float) -> Cell:
    passed = age(moment or 0, now)
    return Cell(f"{EARLIER}{passed}" if journey.earlier else passed, Tone.MUTED, passed)


def mqtt_topic(journey: Journey, now: float) -> Cell:
    """The MQTT topic."""
    return Cell(readable(journey.mqtt_topic or ABSENT))


def kafka_topic(journey: Journey, now: float) -> Cell:
    """The Kafka topic."""
    return Cell(readable(journey.kafka_topic or ABSENT))


def product(journey: Journey, now: float) -> Cell:
    """How the publisher names the product."""
    if not journey.product:
        return Cell(ABSENT, Tone.MUTED)
    return Cell(readable(journey.product), Tone.STRONG)


def name(journey: Journey, now: float) -> Cell:
    """The product's name, once Strapi told it."""
    return Cell(readable(journey.product_name), Tone.MUTED)


def amount(journey: Journey, now: float) -> Cell:
    """The signed amount."""
    if journey.movement is None:
        return Cell(ABSENT, Tone.MUTED)
    delta = journey.movement.delta
    return Cell(signed(delta), Tone.IN if delta > 0 else Tone.OUT, number=delta)


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
    return Cell(duration(journey.acknowledged_at - journey.received_at), Tone.MUTED)


def stock_before_after(journey: Journey, now: float) -> Cell:
    """The stock before and after."""
    if journey.stock_after is None or journey.stock_before is None:
        return Cell("")
    before, after = journey.stock_before, journey.stock_after
    short = f"{before} → {after}"
    return Cell(f"{count(before)} → {count(after)}", short=short, number=after, needs=len(short))


def payload(journey: Journey, now: float) -> Cell:
    """The payload on one line."""
    return Cell(readable_bytes(journey.payload, 512, journey.cut), Tone.MUTED)


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
    return Cell(count(found.stock), Tone.STRONG if found.stock else Tone.REJECTED, number=found.stock)


def pending_stock(found: Product, pending: int) -> Cell:
    """The stock in pieces with what was sent and is not decided yet: `41 (+5…)`."""
    stock, change = count(found.stock), signed(pending)
    # A column that grew for what is pending a moment would make the table jump.
    return Cell(f"{stock} ({change}…)", Tone.PENDING, f"{stock} {change}…", found.stock, len(stock))


def last_change(found: Product, now: float) -> Cell:
    """The last signed change of the stock."""
    if not found.last_change:
        return Cell(ABSENT, Tone.MUTED)
    change = found.last_change
    return Cell(signed(change), Tone.IN if change > 0 else Tone.OUT, number=change)


def status(found: Product, now: float) -> Cell:
    """The status that the stock does not contradict, with a glyph of its own: `● safe`, `▲ danger`, `○ empty`."""
    word = shown_status(found)
    glyph, tone = {"safe": ("●", Tone.APPLIED), "danger": ("▲", Tone.DUPLICATE), "empty": ("○", Tone.REJECTED)}.get(
        word, (ABSENT, Tone.MUTED)
    )
    return Cell(f"{glyph} {readable(word)}".rstrip(), tone, glyph)


def changed(found: Product, now: float) -> Cell:
    """How long ago the stock changed."""
    return Cell(age(found.changed_at, now), Tone.MUTED)


def changed_at(found: Product, now: float) -> Cell:
    """The time of day at which the stock changed."""
    return Cell(clock(found.changed_at), Tone.MUTED)


STOCK_COLUMNS: Final[tuple[Column[Product], ...]] = (
    Column("id", msgid("id"), 4, 4, 8, 3, product_id, "right", grows=16, sorts_by=lambda product: product.id),
    Column("name", msgid("name"), 8, 24, 60, 1, product_name, sorts_by=lambda product: product.name.casefold()),
    Column("stock", msgid("stock"), 6, 7, 13, 0, stock, "right", grows=14, sorts_by=lambda product: product.stock),
    Column(
        "last",
        msgid("last"),
        5,
        6,
        13,
        2,
        last_change,
        "right",
        grows=14,
        sorts_by=lambda product: abs(product.last_change),
        largest_first=True,
    ),
    Column("status", msgid("status"), 1, 8, 8, 4, status, short_title=msgid("S"), sorts_by=shown_status),
    Column(
        "when",
        msgid("when"),
        4,
        4,
        4,
        5,
        changed,
        "right",
        clock=Column("when", msgid("at"), 8, 8, 8, 5, changed_at),
        sorts_by=lambda product: product.changed_at,
        largest_first=True,
    ),
    Column("barcode", msgid("barcode"), 10, 12, 14, EXTRA, barcode, sorts_by=lambda product: product.barcode),
)


MQTT_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    Column(
        "time",
        msgid("time"),
        8,
        8,
        12,
        4,
        received_at,
        ago=Column("time", msgid("ago"), 4, 4, 4, 4, received_ago, "right"),
    ),
    Column("topic", msgid("topic"), 5, 8, 16, 3, mqtt_topic),
    Column("product", msgid("prod."), 5, 6, 10, 1, product, "right", grows=10),
    Column("amount", msgid("amount"), 6, 6, 8, 0, amount, "right", grows=14),
    Column("quality", msgid("Q"), 1, 1, 1, 5, quality),
    Column("retained", msgid("R"), 1, 1, 1, 6, retained),
    Column("duplicate", msgid("D"), 1, 1, 1, 7, duplicate),
    Column("verdict", msgid("verdict"), 1, 15, 20, 2, verdict, short_title=msgid("V")),
    Column("stock", msgid("stock"), 7, 11, 13, EXTRA, stock_before_after, "right", grows=30),
    Column("name", msgid("product"), 12, 16, 26, EXTRA + 1, name),
    Column("payload", msgid("payload"), 16, 16, 400, EXTRA + 2, payload),
)


KAFKA_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    Column(
        "time",
        msgid("time"),
        8,
        8,
        12,
        3,
        acknowledged_at,
        ago=Column("time", msgid("ago"), 4, 4, 4, 3, acknowledged_ago, "right"),
    ),
    Column("topic", msgid("topic"), 5, 8, 16, 2, kafka_topic),
    Column("position", msgid("p@offset"), 7, 10, 12, 0, position, short_title=msgid("offset"), grows=24),
    Column("key", msgid("key"), 4, 6, 14, 1, key, "right", grows=10),
    Column("acknowledgement", msgid("ack"), 6, 6, 6, 4, acknowledgement, "right", grows=8),
    Column("verdict", msgid("verdict"), 1, 1, 20, EXTRA, verdict, short_title=msgid("V")),
    Column("payload", msgid("value"), 12, 34, 400, EXTRA + 1, payload),
)
