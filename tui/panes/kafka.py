"""The second pane: what Kafka acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.panes import cells
from tui.panes.columns import EXTRA, Column

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["KAFKA_COLUMNS"]

KAFKA_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    Column("time", 8, 8, 12, 3, cells.acknowledged_at, ago=Column("ago", 4, 4, 4, 3, cells.acknowledged_ago, "right")),
    Column("topic", 5, 8, 16, 2, cells.kafka_topic),
    Column("p@offset", 7, 10, 12, 0, cells.position, short_title="offset"),
    Column("key", 4, 6, 14, 1, cells.key, "right"),
    Column("ack", 6, 6, 6, 4, cells.acknowledgement, "right"),
    Column("verdict", 1, 1, 20, EXTRA, cells.verdict, short_title="V"),
    Column("value", 12, 34, 400, EXTRA + 1, cells.payload),
)
