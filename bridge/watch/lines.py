"""The journeys of a chain as lines of text for people, or as one JSON object each for programs. Pure."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from bridge.text import readable, readable_bytes

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["Passed", "json_line", "text_line"]


class Passed(StrEnum):
    """The hop that a line is about."""

    RECEIVED = "received"
    """Received over MQTT."""
    IN_KAFKA = "in-kafka"
    DECIDED = "decided"
    """It has a verdict."""


def text_line(journey: Journey, hop: Passed) -> str:
    """Format one line for people; control characters and line breaks in its data are replaced."""
    movement = journey.movement
    if movement is not None:
        what = f"{movement.type} {movement.amount:,} of {readable(movement.product)}"
        if journey.product_name:
            what += f' "{readable(journey.product_name)}"'
    else:
        what = repr(readable_bytes(journey.payload[:60]))
    parts = [_clock(_at(journey, hop)), f"{_outcome(journey, hop):<9}", what]
    if hop is Passed.DECIDED and journey.rejection is not None:
        parts.append(readable(journey.rejection.text))
    elif hop is Passed.DECIDED and journey.stock_before is not None and journey.stock_after is not None:
        parts.append(f"{journey.stock_before:,} -> {journey.stock_after:,}")
    if journey.offset >= 0:
        parts.append(f"{journey.kafka_topic} {journey.position}")
    elif journey.mqtt_topic:
        parts.append(readable(journey.mqtt_topic))
    return "  ".join(parts)


def json_line(journey: Journey, hop: Passed) -> str:
    """Format one JSON object in ASCII; times are ISO 8601 in UTC, unknown values are null."""
    movement, rejection = journey.movement, journey.rejection
    try:
        payload = {"payload": journey.payload.decode()}
    except UnicodeDecodeError:
        payload = {"payload_base64": b64encode(journey.payload).decode()}
    decided = hop is Passed.DECIDED
    there = journey.offset >= 0 and hop is not Passed.RECEIVED
    return json.dumps(
        {
            "hop": hop,
            "movement_id": journey.movement_id,
            "mqtt_topic": journey.mqtt_topic,
            **payload,
            **({"payload_cut": journey.cut} if journey.cut else {}),
            "kafka_topic": journey.kafka_topic if there else None,
            "partition": journey.partition if there else None,
            "offset": journey.offset if there else None,
            "product": journey.product or None,
            "amount": movement.amount if movement else None,
            "type": movement.type if movement else None,
            "received_at": _moment(journey.received_at),
            "acknowledged_at": _moment(journey.acknowledged_at) if there else None,
            "decided_at": _moment(journey.decided_at) if decided else None,
            "verdict": journey.verdict if decided else None,
            "reason": rejection.reason if decided and rejection else None,
            "why": str(rejection.text) if decided and rejection else None,
            "product_id": journey.product_id,
            "product_name": journey.product_name or None,
            "stock_before": journey.stock_before if decided else None,
            "stock_after": journey.stock_after if decided else None,
        }
    )


def _outcome(journey: Journey, hop: Passed) -> str:
    if hop is not Passed.DECIDED:
        return hop.value
    return journey.verdict.value if journey.verdict is not None else "settled"


def _at(journey: Journey, hop: Passed) -> float:
    at = {
        Passed.RECEIVED: journey.received_at,
        Passed.IN_KAFKA: journey.acknowledged_at,
        Passed.DECIDED: journey.decided_at,
    }[hop]
    return at or time.time()


def _clock(at: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(at))}.{int(at * 1000) % 1000:03}"


def _moment(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds") if at else None
