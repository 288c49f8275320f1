"""The journal: a bounded record of what the engine does at every hop, for a screen that polls it."""

from bridge.journal.connection import Connection, Gap, Held, Server, State
from bridge.journal.journal import EARLIER, WATCHES, DeadLetter, Journal
from bridge.journal.journey import Elsewhere, Hop, Journey, Stage, Verdict
from bridge.journal.metrics import Gauge, Latency, LatencyHistogram, Rate
from bridge.journal.ring import ChangeSignal, Ring
from bridge.journal.stock_table import Product, StockTable

__all__ = [
    "EARLIER",
    "WATCHES",
    "ChangeSignal",
    "Connection",
    "DeadLetter",
    "Elsewhere",
    "Gap",
    "Gauge",
    "Held",
    "Hop",
    "Journal",
    "Journey",
    "Latency",
    "LatencyHistogram",
    "Product",
    "Rate",
    "Ring",
    "Server",
    "Stage",
    "State",
    "StockTable",
    "Verdict",
]
