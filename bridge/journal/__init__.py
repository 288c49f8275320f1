"""The journal: what the engine writes down of every hop, bounded, for a screen that pulls."""

from bridge.journal.connection import Connection, Server, State
from bridge.journal.journal import DeadLetter, Journal
from bridge.journal.journey import Hop, Journey, Stage, Verdict
from bridge.journal.latency import Latency, LatencyHistogram
from bridge.journal.news import News
from bridge.journal.rate import Rate
from bridge.journal.ring import Ring
from bridge.journal.stock import Product, StockBoard

__all__ = [
    "Connection",
    "DeadLetter",
    "Hop",
    "Journal",
    "Journey",
    "Latency",
    "LatencyHistogram",
    "News",
    "Product",
    "Rate",
    "Ring",
    "Server",
    "Stage",
    "State",
    "StockBoard",
    "Verdict",
]
