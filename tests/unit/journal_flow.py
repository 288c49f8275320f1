"""Sends records through a journal, hop by hop, as the engine does, and prints the most memory that it took, in bytes.

python -m tests.unit.journal_flow RECORDS KEPT [LOOK]

With LOOK it is printed twice: after that many records, and in the end.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from bridge.ingest.mapping import Mapper
from bridge.journal import Journal, Product, Stage, Verdict
from bridge.mqtt.frames import Inbound
from bridge.route import Route, RouteKind
from bridge.runtime import collect_rarely

CHUNK = 500
PRODUCTS = 40


def flow(records: int, kept: int, look: int) -> Journal:
    """Pass a number of records through a journal that keeps a number of them, and print the peak after `look`."""
    journal = Journal(kept)
    journal.stock.read([Product(n, f"doc{n}", f"product {n}", 1_000) for n in range(1, PRODUCTS + 1)], complete=True)
    judge = Mapper([Route("topic", "stock", RouteKind.MOVEMENT)], "engine")
    for start in range(0, records, CHUNK):
        now = time.time()
        journeys = judge.journeys(
            [
                Inbound("topic", b'{"id": %d, "amount": 5, "type": "IN"}' % (n % PRODUCTS + 1), 1, 7, False, False, b"")
                for n in range(start, min(start + CHUNK, records))
            ],
            now,
        )
        journal.arrived(journeys)
        for offset, journey in enumerate(journeys, start):
            journey.partition, journey.offset, journey.acknowledged_at = 0, offset, now
        journal.acknowledged(journeys)
        for journey in journeys:
            journey.consumed_at = now
        journal.consumed(journeys)
        for journey in journeys:
            journey.verdict, journey.decided_at = Verdict.APPLIED, now
            journey.product_id, journey.stock_before, journey.stock_after = 1, 5, 10
        journal.settled(journeys)
        if start < look <= start + CHUNK:
            print(peak())  # noqa: T201 - what it is for
    assert all(journey.stage is Stage.DECIDED for journey in journal.mqtt.slice(0, records))
    return journal


def peak() -> int:
    """The most memory that this process took, in bytes."""
    # Not `getrusage`, whose maximum counts what the process was before it became this program.
    found = re.search(r"VmHWM:\s+([0-9]+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    """Run it, and print the peak memory."""
    collect_rarely()
    records, kept, look = map(int, (*sys.argv[1:], "0")[:3])
    journal = flow(records, kept, look)
    assert journal.received.total == journal.decided.total == records
    print(peak())  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
