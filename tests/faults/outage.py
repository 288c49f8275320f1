"""An hour of Kafka down and an hour of Strapi down at 200 movements a second, sent faster than real time.

    python -m tests.faults.outage [--messages 720000] [--json FILE]

What is published while a server is away waits in the server before it; the engine's memory is looked at once a second.
At the end each movement must have been applied once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer

from stack.local import LocalStack
from stack.places import ROOT, Places
from stack.ports import random_ports
from stack.record import Record
from stack.report import Report
from stack.seed import seed
from tests.bench.publisher import publish

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Outage", "main"]

HOUR: Final = 720_000
"""The messages of an hour at 200 a second."""

_PRODUCTS: Final = 36
"""The catalogue's."""

_CATCH_UP: Final = 900.0
"""Seconds within which the backlog must be worked off."""


@dataclass(frozen=True)
class Outage:
    """One server away for an hour's worth of messages.

    Attributes:
        server: which one.
        published: how many movements were published meanwhile, each confirmed by the broker.
        publishing: the seconds that it took.
        engine_peak: the most resident memory of the engine, in bytes, through outage and recovery.
        broker_peak: the same of Mosquitto.
        caught_up: the seconds from the server's start until all were applied.
        applied: how many movements the ledger has more than before.
        doubled: how many of the published numbers stand in Kafka more than once.
        lost: and how many do not.
    """

    server: str
    published: int
    publishing: float
    engine_peak: int
    broker_peak: int
    caught_up: float
    applied: int
    doubled: int
    lost: int


def run_outages(folder: Path, messages: int) -> list[Outage]:
    """Start servers and an engine of its own, and take one server away after the other."""
    with LocalStack(folder, ports=random_ports(), servers=("mosquitto", "kafka", "strapi")) as stack:
        seed(Places.of(folder), Report(sys.stderr))
        log = folder / "engine.log"
        command = [sys.executable, "-m", "bridge", "run", "--config", str(stack.settings_file), "--set", "watch.port=0"]
        with log.open("wb") as file, subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file) as engine:
            try:
                # Until the engine has subscribed, the broker throws away what comes.
                _wait(lambda: b"mqtt: connected" in log.read_bytes(), 60, "the engine to connect")
                return [_take_away(stack, server, engine.pid, messages) for server in ("kafka", "strapi")]
            finally:
                engine.terminate()


def _take_away(stack: LocalStack, server: str, engine: int, messages: int) -> Outage:
    broker = Record.read(stack.places.record).servers["mosquitto"].identity.pid
    before = _recorded(stack)
    stack.kill_server(server)
    for process in (engine, broker):
        # From here on its peak is that of the outage (proc(5), clear_refs).
        Path(f"/proc/{process}/clear_refs").write_text("5")
    begun = time.monotonic()
    _publish(stack, messages, server)
    publishing = time.monotonic() - begun
    stack.start_server(server)
    started = time.monotonic()
    _wait(lambda: _recorded(stack) >= before + messages, _CATCH_UP, "the backlog to be applied")
    caught_up = time.monotonic() - started
    # What counted twice would come late.
    time.sleep(5)
    applied = _recorded(stack) - before
    held = asyncio.run(_numbers(stack, f'"{server}": '.encode()))
    doubled, lost = sum(times > 1 for times in held.values()), messages - len(held)
    peaks = _peak(engine), _peak(broker)
    return Outage(server, messages, publishing, *peaks, caught_up, applied, doubled, lost)


def _publish(stack: LocalStack, messages: int, name: str) -> None:
    payloads = (
        b'{"id": %d, "amount": 1, "type": "IN", "%s": %d}' % (number % _PRODUCTS + 1, name.encode(), number)
        for number in range(messages)
    )
    publish(stack.ports.mqtt_tcp, "topic", payloads)


async def _numbers(stack: LocalStack, before: bytes) -> Counter[bytes]:
    """How often each number stands in Kafka, of the records that have it behind such bytes."""
    consumer = AIOKafkaConsumer("stock", bootstrap_servers=stack.addresses.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found: Counter[bytes] = Counter()
        while batch := await consumer.getmany(timeout_ms=2_000, max_records=50_000):
            for records in batch.values():
                found.update(number for record in records if (number := record.value.partition(before)[2]))
        return found
    finally:
        await consumer.stop()


def _recorded(stack: LocalStack) -> int:
    """How many movements the ledger has applied."""
    file = stack.places.state / "strapi" / "data.db"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as database:
        (count,) = database.execute("SELECT count(*) FROM stock_movements WHERE verdict = 'applied'").fetchone()
    return int(count)


def _peak(process: int) -> int:
    found = re.search(r"VmHWM:\s+([0-9]+) kB", Path(f"/proc/{process}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def _wait(reached: Callable[[], bool], seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > until:
            msg = f"waited {seconds:.0f} s for {what}"
            raise TimeoutError(msg)
        time.sleep(0.5)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what was found; 1 where a movement was lost or counted twice."""
    parser = argparse.ArgumentParser("python -m tests.faults.outage", description=__doc__)
    parser.add_argument("--messages", type=int, default=HOUR, help="how many while each server is away")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the servers' data and the engine's log there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        outages = run_outages(options.keep or Path(folder), options.messages)
    for outage in outages:
        print(  # noqa: T201 - what it is for
            f"{outage.server} away: {outage.published:,} published in {outage.publishing:.0f} s, "
            f"{outage.applied:,} applied {outage.caught_up:.0f} s after it was back, "
            f"{outage.doubled:,} double, {outage.lost:,} lost; "
            f"at most {outage.engine_peak / 1e6:.0f} MB in the engine, {outage.broker_peak / 1e6:.0f} MB in Mosquitto"
        )
    if options.json:
        options.json.write_text(json.dumps([asdict(outage) for outage in outages], indent=2))
    return 0 if all(one.applied == one.published and not one.doubled and not one.lost for one in outages) else 1


if __name__ == "__main__":
    sys.exit(main())
