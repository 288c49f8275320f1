"""Records as JSON lines: everything that is known of each, one to a line, for programs and for later."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bridge.journal import Journey

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from bridge.journal import Product

__all__ = ["file_name", "json_line", "write_lines"]


def json_line(item: Journey | Product) -> str:
    """Write a record as JSON on one line of ASCII; bytes that are no UTF-8 are in `payload_base64`."""
    return json.dumps(_journey(item) if isinstance(item, Journey) else _product(item))


def file_name(pane: str, at: float) -> str:
    """Name a file: `opsci-mqtt-20261123-214501.jsonl`.

    Args:
        pane: where the records are from.
        at: seconds since the epoch; the name has the local time.
    """
    return f"opsci-{pane}-{datetime.fromtimestamp(at).astimezone():%Y%m%d-%H%M%S}.jsonl"


def write_lines(folder: Path, name: str, items: Iterable[Journey | Product]) -> Path:
    """Write records into a new file; one that exists is left alone, and the new one gets a number.

    Returns:
        The file.

    Raises:
        OSError: it could not be written.
    """
    path, number = folder / name, 2
    while True:
        try:
            with path.open("x", encoding="ascii") as file:
                file.writelines(f"{json_line(item)}\n" for item in items)
        except FileExistsError:
            path = folder / name.replace(".jsonl", f"-{number}.jsonl")
            number += 1
        else:
            return path


def _journey(journey: Journey) -> dict[str, object]:
    movement, rejection = journey.movement, journey.rejection
    try:
        payload: dict[str, object] = {"payload": journey.payload.decode()}
    except UnicodeDecodeError:
        payload = {"payload_base64": b64encode(journey.payload).decode()}
    return {
        "movement_id": journey.movement_id,
        "mqtt_topic": journey.mqtt_topic,
        **payload,
        "qos": journey.qos,
        "retained": journey.retained,
        "redelivered": journey.redelivered,
        "properties": journey.properties,
        "kafka_topic": journey.kafka_topic,
        "partition": journey.partition if journey.offset >= 0 else None,
        "offset": journey.offset if journey.offset >= 0 else None,
        "key": journey.key,
        "product": movement.product if movement else None,
        "amount": movement.amount if movement else None,
        "type": movement.type if movement else None,
        "published_at": _moment(journey.published_at),
        "received_at": _moment(journey.received_at),
        "acknowledged_at": _moment(journey.acknowledged_at),
        "consumed_at": _moment(journey.consumed_at),
        "decided_at": _moment(journey.decided_at),
        "verdict": journey.verdict,
        "reason": rejection.reason if rejection else None,
        "why": rejection.text if rejection else None,
        "product_id": journey.product_id,
        "product_name": journey.product_name,
        "stock_before": journey.stock_before,
        "stock_after": journey.stock_after,
    }


def _product(product: Product) -> dict[str, object]:
    return {**product._asdict(), "changed_at": _moment(product.changed_at)}


def _moment(at: float | None) -> str | None:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds") if at else None
