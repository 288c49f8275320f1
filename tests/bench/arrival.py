"""Time from publishing a movement until the screen shows its product's new stock, in total and per hop."""

from __future__ import annotations

import json
import re
import socket
import statistics
import tempfile
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stack.paths import Paths
from stack.report import Report
from stack.seed import seed
from tests.bench.bench import FailedError
from tests.bench.figures import percentile
from tests.bench.flood import open_screen
from tests.bench.outcome import OWN, Outcome
from tests.bench.publisher import connect_frame, publish_frame
from tests.bench.shop import Shop

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.bench.bench import Bench
    from tests.bench.terminal import Painted, Terminal
    from tests.bench.work import Contender

__all__ = ["FIGURES", "HOPS", "Sent", "hops_of", "paintings", "run_arrival"]

_SIZE: Final = (120, 40)
_RATE: Final = 100
_SECONDS: Final = 30.0
_PRODUCTS: Final = 20
"""So many rows of the stock stand on a screen of that size."""

_AMOUNT: Final = 7
_LEAST: Final = 5_000
_APART: Final = 3_000
"""Stocks begin so high and so far apart that no number on the screen is another product's, or a count of messages."""

_NUMBER: Final = re.compile(rb"\d{1,3},\d{3}")

HOPS: Final = ("to MQTT in", "into Kafka", "to the consumer", "into Strapi", "onto the screen")
FIGURES: Final = (
    "p99 ms",
    "longest ms",
    *(f"{hop}, median ms" for hop in HOPS),
    *(f"{hop}, % of the time" for hop in HOPS),
)
"""What is measured beside the median."""

_MOMENTS: Final = ("received_at", "acknowledged_at", "consumed_at", "decided_at")


class Sent(NamedTuple):
    """A published movement.

    Attributes:
        at: seconds since the epoch, just before it was written to the socket.
        product: the numeric id.
        stock: the product's stock after it, which no other movement produces.
    """

    at: float
    product: int
    stock: int


def run_arrival(bench: Bench, contender: Contender) -> Outcome:
    """Publish 100 movements a second for half a minute and find each in the terminal's output.

    The value is the median in milliseconds. A number that was overwritten before a frame showed it counts as painted
    with the next one of its product.
    """
    seed(Paths.of(bench.stack.paths.state), Report(quiet=True))
    stocks = _stock_up(bench)
    with tempfile.TemporaryDirectory() as home, open_screen(bench.stack, Path(home), _SIZE) as terminal:
        terminal.record()
        before, began = terminal.cpu(), time.monotonic()
        sent = _publish(bench.mqtt_port, stocks)
        took, cpu = time.monotonic() - began, terminal.cpu() - before
        terminal.wait_for(f"{sent[-1].stock:,}", seconds=10)
        painted = paintings(sent, terminal.recorded)
        journeys = _export(terminal, Path(home))
        memory = {OWN: terminal.memory()}
    delays = [1_000 * (at - one.at) for one, at in zip(sent, painted, strict=True)]
    hops = hops_of(sent, painted, journeys).values()
    medians = [statistics.median(values) for values in hops]
    shares = [100 * sum(values) / sum(delays) for values in hops]
    parts = dict(zip(FIGURES, [percentile(delays, 99), max(delays), *medians, *shares], strict=True))
    return Outcome(percentile(delays, 50), took, len(sent), {OWN: cpu}, memory, parts=parts)


def paintings(sent: Sequence[Sent], reads: Sequence[Painted]) -> list[float]:
    """Return when each movement's stock, or a later one of its product, was first painted: seconds since the epoch.

    Raises:
        FailedError: the last one of a product never was.
    """
    first = _first_seen(reads)
    later: dict[int, float] = {}
    found: list[float] = []
    for one in reversed(sent):
        at = min(first.get(one.stock, float("inf")), later.get(one.product, float("inf")))
        if at == float("inf"):
            raise FailedError(f"the stock {one.stock:,} of product {one.product} was never painted")
        later[one.product] = at
        found.append(at)
    return found[::-1]


def hops_of(
    sent: Sequence[Sent], painted: Sequence[float], journeys: Mapping[int, Mapping[str, Any]]
) -> dict[str, list[float]]:
    """Return the milliseconds of each movement on each hop, by the hop's name.

    Args:
        sent: the movements.
        painted: when each was painted, in seconds since the epoch.
        journeys: the screen's export of each, by the stock after it.

    Raises:
        FailedError: one is missing in the export.
    """
    hops: dict[str, list[float]] = {name: [] for name in HOPS}
    for one, at in zip(sent, painted, strict=True):
        if one.stock not in journeys:
            raise FailedError(f"the movement to the stock {one.stock:,} is not among those that the screen exported")
        moments = [datetime.fromisoformat(journeys[one.stock][name]).timestamp() for name in _MOMENTS]
        for name, (start, end) in zip(HOPS, pairwise([one.at, *moments, at]), strict=True):
            hops[name].append(1_000 * (end - start))
    return hops


def _first_seen(reads: Sequence[Painted]) -> dict[int, float]:
    ends: list[tuple[int, float]] = []
    size = 0
    for read in reads:
        size += len(read.data)
        ends.append((size, read.at))
    found: dict[int, float] = {}
    place = 0
    for match in _NUMBER.finditer(b"".join(read.data for read in reads)):
        while ends[place][0] < match.end():
            place += 1
        found.setdefault(int(match[0].replace(b",", b"")), ends[place][1])
    return found


def _stock_up(bench: Bench) -> dict[int, int]:
    """Give the first products of the table distinguishable stocks."""
    shop = Shop(bench)
    stocks = {product: _LEAST + _APART * place for place, product in enumerate(sorted(shop.stocks())[:_PRODUCTS])}
    shop.set_stocks(stocks)
    return stocks


def _publish(port: int, stocks: dict[int, int]) -> list[Sent]:
    sent: list[Sent] = []
    products, stocks = sorted(stocks), dict(stocks)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(connect_frame("bench-arrival"))
        began = time.monotonic()
        for number in range(int(_RATE * _SECONDS)):
            product = products[number % len(products)]
            stocks[product] += _AMOUNT
            frame = publish_frame("topic", number + 1, b'{"id":%d,"amount":%d,"type":"IN"}' % (product, _AMOUNT))
            time.sleep(max(0.0, began + number / _RATE - time.monotonic()))
            sent.append(Sent(time.time(), product, stocks[product]))
            connection.sendall(frame)
        connection.sendall(b"\xe0\x00")
    return sent


def _export(terminal: Terminal, folder: Path) -> dict[int, dict[str, Any]]:
    """Make the screen export all records of its first pane, and read them, by the stock after each."""
    place = terminal.type("1E")
    terminal.wait_for("Exported", place)
    (file,) = folder.glob("opsci-mqtt-*.jsonl")
    journeys = [json.loads(line) for line in file.read_text().splitlines()]
    return {journey["stock_after"]: journey for journey in journeys if journey["stock_after"] is not None}
