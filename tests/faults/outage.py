"""An hour of Kafka down and an hour of Strapi down at 200 movements a second, sent faster than real time.

    python -m tests.faults.outage [--messages 720000] [--json FILE] python -m tests.faults.outage --large [--messages
    1500]

What is published while a server is away waits in the server before it; the engine's memory is looked at once a second.
At the end each movement must have been applied once. With `--large` it is messages of 900 KB while Kafka does not
answer: those that Mosquitto's bound in bytes has room for must stand in Kafka.
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
from stack.paths import ROOT, Paths
from stack.ports import random_ports
from stack.report import Report
from stack.run_state import RunState
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
    """The outage of one server for an hour's worth of messages.

    Attributes:
        server: the server.
        published: movements published meanwhile, each acknowledged by the broker.
        publishing: the seconds that publishing took.
        engine_peak: the most resident memory of the engine, in bytes, through outage and recovery.
        broker_peak: the same of Mosquitto.
        caught_up: the seconds from the server's start until all were applied.
        applied: movements that the ledger has more than before.
        doubled: published numbers that are in Kafka more than once.
        lost: published numbers that are not in Kafka.
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


LARGE: Final = 1_500
"""How many large messages."""

_LARGE_BYTES: Final = 900_000


@dataclass(frozen=True)
class Large:
    """Large messages while Kafka does not answer.

    Attributes:
        published: messages published, each acknowledged by the broker.
        kept: number of them in Kafka: those before Mosquitto's limit was reached.
        lost: number missing among the same number of first messages.
        engine_peak: the most resident memory of the engine, in bytes, until all were handled.
        broker_peak: the same of Mosquitto.
    """

    published: int
    kept: int
    lost: int
    engine_peak: int
    broker_peak: int


def run_large(folder: Path, messages: int) -> Large:
    """Start separate servers and an engine, and publish large messages while Kafka is paused."""
    with LocalStack(folder, ports=random_ports(), servers=("mosquitto", "kafka", "strapi")) as stack:
        log = folder / "engine.log"
        # Over TCP: Mosquitto 2.0.11 gives a client over websockets a large message in half a minute.
        url = f"mqtt.url=mqtt://127.0.0.1:{stack.ports.mqtt_tcp}"
        options = ["--config", str(stack.settings_file), "--set", "watch.port=0", "--set", url]
        command = [sys.executable, "-m", "bridge", "run", *options]
        with log.open("wb") as file, subprocess.Popen(command, cwd=ROOT, stdout=file, stderr=file) as engine:
            try:
                _wait(lambda: b"mqtt: connected" in log.read_bytes(), 60, "the engine to connect")
                broker = RunState.read(stack.paths.record).servers["mosquitto"].identity.pid
                stack.pause_server("kafka")
                payloads = (b"x" * (_LARGE_BYTES - 8) + b"%08d" % number for number in range(messages))
                publish(stack.ports.mqtt_tcp, "event", payloads)
                stack.resume_server("kafka")
                kept = asyncio.run(_settled(stack, b"x" * (_LARGE_BYTES - 8)))
                lost = len(set(range(len(kept))) - {int(number) for number in kept})
                return Large(messages, len(kept), lost, _peak(engine.pid), _peak(broker))
            finally:
                engine.terminate()


async def _settled(stack: LocalStack, before: bytes) -> Counter[bytes]:
    """Return the numbers behind a prefix in Kafka, once no more come for a while."""
    count, found = -1, await _numbers(stack, before, "event")
    while len(found) != count:
        await asyncio.sleep(10)
        count, found = len(found), await _numbers(stack, before, "event")
    return found


def run_outages(folder: Path, messages: int) -> list[Outage]:
    """Start separate servers and an engine, and take one server down after the other."""
    with LocalStack(folder, ports=random_ports(), servers=("mosquitto", "kafka", "strapi")) as stack:
        seed(Paths.of(folder), Report(sys.stderr))
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
    broker = RunState.read(stack.paths.record).servers["mosquitto"].identity.pid
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


async def _numbers(stack: LocalStack, before: bytes, topic: str = "stock") -> Counter[bytes]:
    """Count how often each number is in Kafka, in records that have it after a prefix."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=stack.addresses.kafka, auto_offset_reset="earliest")
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
    """Return how many movements the ledger has applied."""
    file = stack.paths.state / "strapi" / "data.db"
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
    """Measure and print the results; return 1 if a movement was lost or counted twice."""
    parser = argparse.ArgumentParser("python -m tests.faults.outage", description=__doc__)
    parser.add_argument("--messages", type=int, help="how many while each server is away")
    parser.add_argument("--large", action="store_true", help="messages of 900 KB while Kafka does not answer")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the servers' data and the engine's log there")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        place = options.keep or Path(folder)
        if options.large:
            return _say_large(run_large(place, options.messages or LARGE))
        outages = run_outages(place, options.messages or HOUR)
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


def _say_large(large: Large) -> int:
    print(  # noqa: T201 - what it is for
        f"{large.published:,} messages of {_LARGE_BYTES // 1_000} KB: {large.kept:,} kept, {large.lost:,} missing; "
        f"at most {large.engine_peak / 1e6:.0f} MB in the engine, {large.broker_peak / 1e6:.0f} MB in Mosquitto"
    )
    return 1 if large.lost else 0


if __name__ == "__main__":
    sys.exit(main())
