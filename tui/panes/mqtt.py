"""The first pane: what came over MQTT."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.language import say
from tui.panes import cells
from tui.panes.columns import EXTRA, Column

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["MQTT_COLUMNS"]

MQTT_COLUMNS: Final[tuple[Column[Journey], ...]] = (
    Column(
        say("time"), 8, 8, 12, 4, cells.received_at, ago=Column(say("ago"), 4, 4, 4, 4, cells.received_ago, "right")
    ),
    Column(say("topic"), 5, 8, 16, 3, cells.mqtt_topic),
    Column(say("prod."), 5, 6, 10, 1, cells.product, "right"),
    Column(say("amount"), 6, 6, 8, 0, cells.amount, "right"),
    Column(say("Q"), 1, 1, 1, 5, cells.quality),
    Column(say("R"), 1, 1, 1, 6, cells.retained),
    Column(say("D"), 1, 1, 1, 7, cells.duplicate),
    Column(say("verdict"), 1, 15, 20, 2, cells.verdict, short_title=say("V")),
    Column(say("stock"), 7, 11, 13, EXTRA, cells.stock_before_after, "right"),
    Column(say("product"), 12, 16, 26, EXTRA + 1, cells.name),
    Column(say("payload"), 16, 16, 400, EXTRA + 2, cells.payload),
)
