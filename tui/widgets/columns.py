"""The columns of every pane: heading, width, and the function for their cells."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Final

from rich.cells import cell_len

from bridge.journal import Verdict
from bridge.text import readable, readable_bytes
from tui.format import age, clock, clock_milliseconds, count, duration, folded, signed
from tui.language import msgid, say
from tui.outcome import EARLIER, WAITS, Tone, briefly, outcome, shown_status
from tui.timeline import dot_tones
from tui.timeline import result as timeline_result
from tui.widgets.column_layout import EXTRA, Cell, Column

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bridge.journal import Journey, Product

__all__ = [
    "KAFKA_COLUMNS",
    "MOVEMENT_COLUMNS",
    "MQTT_COLUMNS",
    "STOCK_COLUMNS",
    "acknowledged_ago",
    "acknowledged_at",
    "acknowledgement",
    "amount",
    "barcode",
    "changed",
    "changed_at",
    "full_result",
    "hops",
    "kafka_topic",
    "last_change",
    "mqtt_topic",
    "number",
    "payload",
    "pending_stock",
    "position",
    "product",
    "product_id",
    "product_name",
    "received_ago",
    "received_at",
    "record_key",
    "result",
    "status",
    "stock",
    "what",
]


_STOCK: Final = 6
"""The width of the stock's column without larger numbers."""

LOW: Final = 5
"""A stock below this counts as low."""

ABSENT = "·"
"""The text of an empty cell."""


def received_at(journey: Journey, now: float) -> Cell:
    """When the message arrived over MQTT."""
    return _moment(journey, journey.received_at, now)


def acknowledged_at(journey: Journey, now: float) -> Cell:
    """When Kafka acknowledged the record, or when another program's record was consumed."""
    return _moment(journey, journey.acknowledged_at or journey.consumed_at, now)


def received_ago(journey: Journey, now: float) -> Cell:
    """How long ago the message arrived over MQTT."""
    return _ago(journey, journey.received_at, now)


def acknowledged_ago(journey: Journey, now: float) -> Cell:
    """How long ago Kafka acknowledged the record, or another program's record was consumed."""
    return _ago(journey, journey.acknowledged_at or journey.consumed_at, now)


def _moment(journey: Journey, moment: float | None, now: float) -> Cell:
    if not journey.earlier:
        return Cell(clock_milliseconds(moment), Tone.MUTED, clock(moment))
    # Hours and minutes with the sign take the room of a time of day; for another day the date is more useful.
    is_today = moment is not None and date.fromtimestamp(moment) == date.fromtimestamp(now)
    short = clock(moment)[:5] if is_today or moment is None else date.fromtimestamp(moment).strftime("%m-%d")
    whole = clock(moment) if is_today else short
    return Cell(f"{EARLIER} {whole}", Tone.MUTED, f"{EARLIER} {short}")


def _ago(journey: Journey, moment: float | None, now: float) -> Cell:
    passed = age(moment or 0, now)
    return Cell(f"{EARLIER}{passed}" if journey.earlier else passed, Tone.MUTED, passed)


def mqtt_topic(journey: Journey, now: float) -> Cell:
    return Cell(readable(journey.mqtt_topic or ABSENT))


def kafka_topic(journey: Journey, now: float) -> Cell:
    return Cell(readable(journey.kafka_topic or ABSENT))


def product(journey: Journey, now: float) -> Cell:
    """The product as named by the publisher."""
    if not journey.product:
        return Cell(ABSENT, Tone.MUTED)
    return Cell(readable(journey.product), Tone.STRONG)


def amount(journey: Journey, now: float) -> Cell:
    if journey.movement is None:
        return Cell(ABSENT, Tone.MUTED)
    delta = journey.movement.delta
    return Cell(signed(delta), Tone.IN if delta > 0 else Tone.OUT, number=delta)


def result(journey: Journey, now: float) -> Cell:
    """The result: `✓ 28 → 33`, `✗ unknown product`, `◌ waits`. It is never cut."""
    found = outcome(journey)
    if journey.verdict is None and journey.elsewhere is None:
        return Cell(f"{WAITS} {briefly(journey)}", Tone.PENDING, whole=True)
    before, after = journey.stock_before, journey.stock_after
    if journey.verdict is Verdict.APPLIED and before is not None and after is not None:
        short = f"{found.glyph}{before}→{after}"
        return Cell(f"{found.glyph} {count(before)} → {count(after)}", found.tone, short, needs=len(short), whole=True)
    short = f"{found.glyph} {briefly(journey)}"
    return Cell(f"{found.glyph} {found.words}", found.tone, short, needs=cell_len(short), whole=True)


def hops(journey: Journey, now: float) -> Cell:
    """How far it has come, as a sign for each system, in its colour: `●━●━●`."""
    parts = (*dot_tones(journey),)
    return Cell("".join(text for text, _ in parts), parts=parts)


def full_result(journey: Journey, now: float) -> Cell:
    """The result in words, with where it waits."""
    if journey.verdict is None and journey.elsewhere is None:
        said, _ = timeline_result(journey)
        return Cell(f"{WAITS} {said}", Tone.PENDING, f"{WAITS} {briefly(journey)}", whole=True)
    return result(journey, now)


def what(journey: Journey, name: str) -> Cell:
    """The product's name, else its reference in the movement, else the beginning of the payload.

    Args:
        journey: the movement.
        name: the product's name in the stock, empty if it has none.
    """
    called = journey.product_name or name or journey.product
    if called:
        return Cell(readable(called), Tone.PLAIN)
    return Cell(f"“{readable_bytes(journey.payload, 64, journey.cut)}”", Tone.MUTED)


def number(journey: Journey, known: int | None) -> Cell:
    """The product's number, `#14`, or its reference in the movement.

    Args:
        journey: the movement.
        known: the product's number in the stock, None if it has none.
    """
    identity = journey.product_id if known is None else known
    if identity is not None:
        return Cell(f"#{identity}", Tone.MUTED)
    return Cell(readable(journey.product or ABSENT), Tone.MUTED)


def position(journey: Journey, now: float) -> Cell:
    return Cell(journey.position or ABSENT)


def record_key(journey: Journey, now: float) -> Cell:
    """The record's key: records of one key are in one partition, in order."""
    return Cell(readable(journey.key or ABSENT), Tone.MUTED)


def acknowledgement(journey: Journey, now: float) -> Cell:
    """How long Kafka took to acknowledge the record, from its receipt over MQTT."""
    if journey.acknowledged_at is None or journey.received_at is None:
        return Cell(ABSENT, Tone.MUTED)
    return Cell(duration(journey.acknowledged_at - journey.received_at), Tone.MUTED)


def payload(journey: Journey, now: float) -> Cell:
    return Cell(readable_bytes(journey.payload, 512, journey.cut), Tone.MUTED)


def product_id(found: Product, now: float) -> Cell:
    return Cell(str(found.id), Tone.MUTED)


def product_name(found: Product, now: float) -> Cell:
    """The product's name, with a word where the stock is empty."""
    empty = say("empty") if found.stock <= 0 else ""
    return Cell(readable(found.name), Tone.PLAIN, tail=empty, tail_tone=Tone.REJECTED)


def barcode(found: Product, now: float) -> Cell:
    return Cell(readable(found.barcode), Tone.MUTED)


def stock(found: Product, now: float) -> Cell:
    """The stock in pieces; a low stock has a warning colour."""
    tone = Tone.STRONG if found.stock >= LOW and shown_status(found) != "danger" else Tone.OUT
    return Cell(count(found.stock), tone if found.stock > 0 else Tone.REJECTED, number=found.stock)


def pending_stock(found: Product, pending: int) -> Cell:
    """The stock in pieces with the sum of pending movements: `41 (+5)`."""
    stock, change = count(found.stock), signed(pending)
    spaced = f"{stock} {change}"
    # A column that grew for pending movements would make the table jump, and one without them would hide them.
    short = spaced if len(spaced) <= max(_STOCK, len(stock)) else f"{found.stock}{change}"
    return Cell(f"{stock} ({change})", Tone.PENDING, short, found.stock, len(stock))


def last_change(found: Product, now: float) -> Cell:
    if not found.last_change:
        return Cell(ABSENT, Tone.MUTED)
    change = found.last_change
    return Cell(signed(change), Tone.IN if change > 0 else Tone.OUT, number=change)


def status(found: Product, now: float) -> Cell:
    """The status, corrected by the stock, with a glyph of its own: `● safe`, `▲ danger`, `○ empty`."""
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
    Column("id", msgid("#"), 2, 2, 8, 4, product_id, "right", grows=16, sorts_by=lambda product: product.id),
    Column(
        "name", msgid("product"), 8, 20, 60, 0, product_name, full=30, sorts_by=lambda product: folded(product.name)
    ),
    Column(
        "stock", msgid("stock"), _STOCK, _STOCK, 13, 1, stock, "right", grows=14, sorts_by=lambda product: product.stock
    ),
    Column(
        "last",
        msgid("last"),
        5,
        5,
        13,
        2,
        last_change,
        "right",
        grows=14,
        sorts_by=lambda product: abs(product.last_change),
        largest_first=True,
    ),
    Column(
        "when",
        msgid("ago"),
        4,
        4,
        4,
        3,
        changed,
        "right",
        clock=Column("when", msgid("at"), 8, 8, 8, 3, changed_at),
        sorts_by=lambda product: product.changed_at,
        largest_first=True,
    ),
    Column("status", msgid("status"), 8, 8, 8, EXTRA, status, sorts_by=shown_status),
    Column("barcode", msgid("barcode"), 13, 13, 14, EXTRA + 1, barcode, sorts_by=lambda product: product.barcode),
)


_TIME: Final[Column[Journey]] = Column(
    "time",
    msgid("time"),
    8,
    8,
    12,
    3,
    received_at,
    ago=Column("time", msgid("ago"), 4, 4, 4, 3, received_ago, "right"),
)
_AMOUNT: Final[Column[Journey]] = Column("amount", msgid("move"), 4, 5, 8, 1, amount, "right", grows=14)
_PRODUCT: Final[Column[Journey]] = Column("product", msgid("product"), 8, 20, 40, 2, product, full=30)
_TOPIC: Final[Column[Journey]] = Column("topic", msgid("topic"), 16, 16, 24, EXTRA, mqtt_topic)
_REFERENCE: Final[Column[Journey]] = Column("reference", msgid("named"), 5, 6, 24, EXTRA + 1, product, "right")
_PAYLOAD: Final[Column[Journey]] = Column("payload", msgid("payload"), 16, 16, 400, EXTRA + 2, payload)

MQTT_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    _TIME,
    _AMOUNT,
    _PRODUCT,
    Column("result", msgid("result"), 10, 10, 20, 0, result, "right", grows=24, full=18),
    _TOPIC,
    _REFERENCE,
    _PAYLOAD,
)


MOVEMENT_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    _TIME,
    _AMOUNT,
    replace(_PRODUCT, full=32, most=60),
    Column("hops", msgid("hops"), 5, 5, 5, 4, hops),
    Column("result", msgid("result"), 10, 20, 60, 0, full_result, grows=24),
    _TOPIC,
    _REFERENCE,
    _PAYLOAD,
)
"""The columns for the view with one row for all hops of a movement."""


JOURNEY_ORDERS: Final[Mapping[str, tuple[Callable[[Journey], int | float | str], bool]]] = {
    "time": (lambda journey: journey.received_at or journey.acknowledged_at or journey.consumed_at or 0.0, True),
    "amount": (lambda journey: journey.delta, True),
    "product": (lambda journey: folded(journey.product_name or journey.product), False),
    "result": (lambda journey: outcome(journey).words, False),
    "position": (lambda journey: journey.partition * 10**18 + journey.offset, False),
    "number": (lambda journey: journey.product_id or 0, False),
    "acknowledgement": (lambda journey: (journey.acknowledged_at or 0.0) - (journey.received_at or 0.0), True),
    "topic": (lambda journey: f"{journey.mqtt_topic or ''} {journey.kafka_topic}", False),
}
"""By which column records can be sorted, by its id: what is compared, and whether the largest comes first."""


KAFKA_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    Column("position", msgid("place"), 6, 8, 12, 0, position, grows=24),
    replace(_AMOUNT, rank=1),
    Column("number", msgid("product"), 5, 5, 24, 2, product, short_title=msgid("prod.")),
    Column("acknowledgement", msgid("saved"), 6, 6, 7, 3, acknowledgement, "right", grows=8),
    Column(
        "time",
        msgid("time"),
        8,
        8,
        12,
        EXTRA + 1,
        acknowledged_at,
        ago=Column("time", msgid("ago"), 4, 4, 4, EXTRA + 1, acknowledged_ago, "right"),
    ),
    Column("result", msgid("result"), 10, 10, 20, EXTRA, result, "right", grows=24),
    Column("topic", msgid("topic"), 5, 8, 16, EXTRA + 2, kafka_topic),
    Column("key", msgid("key"), 5, 6, 24, EXTRA + 3, record_key),
    Column("payload", msgid("value"), 12, 34, 400, EXTRA + 4, payload),
)
