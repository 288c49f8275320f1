"""The second pane: what Kafka acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.language import say
from tui.panes import cells
from tui.panes.columns import EXTRA, Column

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["KAFKA_COLUMNS"]

KAFKA_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    Column(
        say("time"),
        8,
        8,
        12,
        3,
        cells.acknowledged_at,
        ago=Column(say("ago"), 4, 4, 4, 3, cells.acknowledged_ago, "right"),
    ),
    Column(say("topic"), 5, 8, 16, 2, cells.kafka_topic),
    Column(say("p@offset"), 7, 10, 12, 0, cells.position, short_title=say("offset")),
    Column(say("key"), 4, 6, 14, 1, cells.key, "right"),
    Column(say("ack"), 6, 6, 6, 4, cells.acknowledgement, "right"),
    Column(say("verdict"), 1, 1, 20, EXTRA, cells.verdict, short_title=say("V")),
    Column(say("value"), 12, 34, 400, EXTRA + 1, cells.payload),
)
