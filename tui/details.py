"""Everything that is known of a record, as lines: what the window that Enter opens shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from textual.content import Content

from bridge.text import readable
from tui.figures import clock_milliseconds, count, duration, signed
from tui.hexdump import payload_lines
from tui.language import say, say_count
from tui.verdicts import STYLES, Tone, outcome
from tui.way import stations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.journal import Journey, Product

__all__ = ["journey_details", "product_details"]

WIDTH = 15


def journey_details(journey: Journey) -> Content:
    """Lay out a journey: its way with the time of each hop, its fields, headers and payload."""
    found = outcome(journey)
    lines = [
        Content.styled(f"{found.glyph} {found.words}", f"bold {STYLES[found.tone]}"),
        *([_field(say("why"), say(journey.rejection.text))] if journey.rejection else []),
        _heading(say("Way")),
        *_way(journey),
        _heading(say_count("Payload, {count} byte", "Payload, {count} bytes", len(journey.payload))),
        *map(Content, payload_lines(journey.payload)),
        _heading(say("Movement")),
        _field("movement-id", journey.movement_id),
    ]
    movement = journey.movement
    if movement is not None:
        named = f"{movement.product}  {journey.product_name}".strip()
        lines += [_field(say("product"), named), _field(say("amount"), f"{signed(movement.delta)} ({movement.type})")]
    if journey.stock_after is not None and journey.stock_before is not None:
        lines.append(_field(say("stock"), f"{count(journey.stock_before)} → {count(journey.stock_after)}"))
    lines += [_heading("MQTT"), *_mqtt(journey), _heading("Kafka"), *_kafka(journey)]
    return Content("\n").join(lines)


def product_details(product: Product) -> Content:
    """Lay out a product."""
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(product.changed_at)) if product.changed_at else "-"
    fields = (
        ("id", str(product.id)),
        ("documentId", product.document_id),
        (say("name"), product.name),
        (say("barcode"), product.barcode or "-"),
        (say("stock"), count(product.stock)),
        (say("last change"), signed(product.last_change)),
        (say("changed at"), moment),
        (say("status"), product.status or "-"),
    )
    return Content("\n").join(_field(name, value) for name, value in fields)


def _way(journey: Journey) -> Iterable[Content]:
    for station in stations(journey):
        took = f"+{duration(station.took)}" if station.took is not None else ""
        yield Content.assemble(
            (f"{clock_milliseconds(station.at):{WIDTH}} ", STYLES[Tone.MUTED]),
            (f"{took:>9}  ", STYLES[Tone.MUTED]),
            (station.words, STYLES[station.tone]),
        )


def _mqtt(journey: Journey) -> Iterable[Content]:
    if journey.mqtt_topic is None:
        yield Content.styled(say("written into Kafka by another program"), STYLES[Tone.MUTED])
        return
    yield _field(say("topic"), journey.mqtt_topic)
    yield _field(say("QoS"), str(journey.qos))
    yield _field(say("retained"), say("yes") if journey.retained else say("no"))
    yield _field(say("duplicate (DUP)"), say("yes") if journey.redelivered else say("no"))
    for name, value in journey.properties:
        yield _field(name, value)


def _kafka(journey: Journey) -> Iterable[Content]:
    yield _field(say("topic"), journey.kafka_topic or "-")
    yield _field(say("partition"), str(journey.partition) if journey.partition >= 0 else "-")
    yield _field(say("offset"), count(journey.offset) if journey.offset >= 0 else "-")
    yield _field(say("key"), say("none") if journey.key is None else journey.key)
    if journey.acknowledged_at is not None and journey.received_at is not None:
        yield _field(
            say("acknowledged"),
            say("after {time}").format(time=duration(journey.acknowledged_at - journey.received_at)),
        )


def _field(name: str, value: str) -> Content:
    return Content.assemble((f"{readable(name):{WIDTH}} ", STYLES[Tone.MUTED]), readable(value))


def _heading(text: str) -> Content:
    return Content.assemble("\n", (text, STYLES[Tone.HEADING]))
