"""Whether everyone who watches a chain ends with the engine's counts, and what watchers cost the engine.

    python -m tests.faults.watched [--seconds 300] [--rounds 1] [--rate 200] [--json FILE]

Two chains run at the same time, so that whatever else the machine does slows both: one with watchers, one without.
Each gets movements at the rate, some of them refused, while Strapi, Kafka and Mosquitto stand still in turn and
Strapi is killed. Of three watchers one is there all the time, one comes and goes, by SIGTERM and SIGKILL in turn, and
one comes late. At the end all say what they counted, and so does the engine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import re
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
import tomllib
import uuid
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bridge.errors import PublishError
from bridge.mqtt.publisher import Publisher
from bridge.settings.load import load_settings
from stack.local import LocalStack
from stack.ports import random_ports
from tests.bench.processes import look
from tests.bench.products import make_products
from tests.faults.engine import Engine
from tests.faults.run import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tests.bench.processes import Sample

__all__ = ["Watched", "counts_in", "main"]

_SERVERS: Final = ("mosquitto", "kafka", "strapi")
_PRODUCTS: Final = 10
_QUIET: Final = 300.0
"""Seconds within which everything that was published must be applied, and everyone agree."""

_STILL: Final = 25.0
"""Seconds in which an engine of which nothing changes has given two signs of life."""

_COUNTS: Final = re.compile(r"received [\d,]+; produced .*?lag [\d,]+")
_HOPS: Final = re.compile(r"p50 ([\d,]+) ms p99 ([\d,]+) ms")

_FAULTS: Final = (
    (0.2, "strapi", 8.0, "stands still"),
    (0.4, "kafka", 6.0, "stands still"),
    (0.6, "mosquitto", 5.0, "stands still"),
    (0.75, "strapi", 3.0, "is killed"),
)
"""After which part of the time, which server, for how many seconds, and what becomes of it."""


@dataclass
class Watched:
    """One run.

    Attributes:
        watchers: how many watched.
        seconds: how long movements came.
        published: how many the broker acknowledged.
        attempts: how often they were sent: again, under the same identity, where its word did not come in time.
        engine: what the engine counted, as it says it at its end.
        others: what each watcher counted at its end, in the same words.
        cpu: the engine's CPU in microseconds a movement.
        memory: its resident memory at the end, in bytes.
        p50: the median of the times from MQTT to Strapi that the engine knew last, in milliseconds.
        p99: the 99th percentile of them.
        watchers_cpu: the CPU of the watcher that was there all the time, in parts of a core.
    """

    watchers: int
    seconds: float
    published: int = 0
    attempts: int = 0
    engine: str = ""
    others: list[str] = field(default_factory=list)
    cpu: float = 0.0
    memory: int = 0
    p50: float = 0.0
    p99: float = 0.0
    watchers_cpu: float = 0.0

    @property
    def agree(self) -> bool:
        """Whether the engine counted all that was published, and every watcher the same."""
        found = re.match(r"received ([\d,]+);", self.engine)
        received = int(found[1].replace(",", "")) if found else 0
        return self.published <= received <= self.attempts and all(one == self.engine for one in self.others)


def counts_in(said: str) -> str:
    """The last account in what a program said, from what was received to what waits; empty where there is none."""
    found = _COUNTS.findall(said)
    return found[-1] if found else ""


class _Chain:
    """The servers' clients of one run: the engine, the watchers and the products."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self._stack = stack
        written = tomllib.loads(stack.settings_file.read_text())
        settings = {**written, "watch": {"enabled": False}}
        self.engine = Engine("engine", folder, settings)
        self.watchers = [
            Engine(f"watcher-{number}", folder, settings, program=("bridge", "watch")) for number in (1, 2, 3)
        ]
        self._mqtt = load_settings(stack.settings_file, {}).mqtt
        self._run = uuid.uuid4().hex[:8]

    async def publish(self, products: Sequence[int], seconds: float, rate: float) -> tuple[int, int]:
        """Publish at the rate, some of it refused, each until the broker has it; how many, and in how many attempts."""
        sent, began = 0, time.monotonic()
        publishing: list[asyncio.Task[int]] = []
        async with Publisher(self._mqtt) as publisher, asyncio.TaskGroup() as tasks:
            while (now := time.monotonic() - began) < seconds:
                while sent < now * rate:
                    product, amount = products[sent % len(products)], 5 if sent % 3 else -10_000 * (sent % 2) - 1
                    kind = "IN" if amount > 0 else "OUT"
                    payload = b'{"id":%d,"amount":%d,"type":"%s"}' % (product, abs(amount), kind.encode())
                    payload = b"Hello" if sent % 50 == 0 else payload
                    publishing.append(tasks.create_task(_published(publisher, payload, f"{self._run}-{sent}")))
                    sent += 1
                await asyncio.sleep(0.02)
        return sent, sum(one.result() for one in publishing)

    async def disturb(self, seconds: float) -> None:
        """Do the faults at their times."""
        began = time.monotonic()
        for part, server, lasts, what in _FAULTS:
            await asyncio.sleep(max(0.0, began + part * seconds - time.monotonic()))
            if what == "is killed":
                await asyncio.to_thread(self._stack.kill_server, server)
                await asyncio.sleep(lasts)
                await asyncio.to_thread(self._stack.start_server, server)
            else:
                self._stack.pause_server(server)
                await asyncio.sleep(lasts)
                self._stack.resume_server(server)

    async def come_and_go(self, seconds: float) -> None:
        """Watch, from the second watcher on: it comes and goes, and the third comes late."""
        _, second, third = self.watchers
        began, times = time.monotonic(), 0
        while time.monotonic() - began < seconds * 0.85:
            await second.start()
            await asyncio.sleep(seconds / 8)
            await (second.kill() if times % 2 else second.stop())
            times += 1
            if times == 5:
                await third.start()
        await second.start()
        if not third.is_wanted:
            await third.start()


async def _published(publisher: Publisher, payload: bytes, identity: str) -> int:
    """Publish until the broker has it; in how many attempts."""
    for attempt in count(1):
        with contextlib.suppress(PublishError):
            await publisher.publish("topic", payload, identity)
            return attempt
        await asyncio.sleep(0.5)
    raise AssertionError


async def _measure(stack: LocalStack, folder: Path, seconds: float, rate: float, *, watched: bool) -> Watched:
    """Make one run on a chain of its own."""
    chain = _Chain(stack, folder)
    products = [product.row for product in await asyncio.to_thread(make_products, stack, _PRODUCTS, 100)]
    found = Watched(3 if watched else 0, seconds)
    try:
        await chain.engine.start()
        await _until(lambda: _says(chain.engine, "mqtt: connected"), "the engine")
        if watched:
            await chain.watchers[0].start()
            await _until(lambda: _says(chain.watchers[0], "mqtt: up"), "the watcher")
        before = [_look(chain.engine), *([_look(chain.watchers[0])] if watched else [])]
        coming = asyncio.create_task(chain.come_and_go(seconds)) if watched else None
        sent, _ = await asyncio.gather(chain.publish(products, seconds, rate), chain.disturb(seconds))
        found.published, found.attempts = sent
        if coming is not None:
            await coming
        await _until(lambda: _settled(stack, found.published), "all that was published")
        after = [_look(chain.engine), *([_look(chain.watchers[0])] if watched else [])]
        if watched:
            await _quiet([one.log for one in chain.watchers])
    finally:
        for watcher in chain.watchers:
            await watcher.stop()
        await chain.engine.stop()
    said = chain.engine.log.read_text(errors="replace")
    found.engine = counts_in(said)
    found.others = [counts_in(one.log.read_text(errors="replace")) for one in chain.watchers] if watched else []
    found.p50, found.p99 = (float(text.replace(",", "")) for text in _HOPS.findall(said)[-1])
    found.cpu = (after[0].cpu - before[0].cpu) * 1e6 / found.published
    found.memory = after[0].memory
    if watched:
        found.watchers_cpu = (after[1].cpu - before[1].cpu) / (after[1].at - before[1].at)
    return found


async def _side_by_side(folder: Path, seconds: float, rate: float, *, first: bool) -> list[Watched]:
    """Measure on two chains at the same time; `first` says whether the watched one is started first."""
    order = (first, not first)
    folders = [folder / ("watched" if watched else "alone") for watched in order]
    with contextlib.ExitStack() as started:
        for one in folders:
            one.mkdir()
        stacks = [
            started.enter_context(LocalStack(one / "state", ports=random_ports(), servers=_SERVERS)) for one in folders
        ]
        measured = [
            _measure(stack, one, seconds, rate, watched=watched)
            for stack, one, watched in zip(stacks, folders, order, strict=True)
        ]
        return sorted(await asyncio.gather(*measured), key=lambda one: -one.watchers)


def _settled(stack: LocalStack, published: int) -> bool:
    file = stack.paths.state / "strapi" / "data.db"
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)) as database:
        (rows,) = database.execute("SELECT count(*) FROM stock_movements").fetchone()
    # What is no movement has no row.
    return int(rows) == published - -(-published // 50)


def _says(program: Engine, text: str) -> bool:
    return text in program.log.read_text(errors="replace")


def _look(program: Engine) -> Sample:
    found = look(program.pid)
    if found is None:
        msg = f"{program.name} is gone, see {program.log}"
        raise RuntimeError(msg)
    return found


async def _until(reached: Callable[[], bool], what: str) -> None:
    async with asyncio.timeout(_QUIET):
        while not reached():  # noqa: ASYNC110 - servers and logs call nobody
            await asyncio.sleep(0.2)


async def _quiet(logs: Sequence[Path]) -> None:
    """Wait until watchers have nothing more to print, and for as long again as an engine's sign of life may take.

    They ask the ledger for what was decided behind the engine, and take its figures once both stand still.
    """
    async with asyncio.timeout(_QUIET):
        sizes: list[int] = []
        while (now := [log.stat().st_size for log in logs]) != sizes:
            sizes = now
            await asyncio.sleep(_STILL)


def _ratio(runs: Sequence[Watched], of: Callable[[Watched], float]) -> float:
    """The median with watchers over the one without; 1 where there is none."""
    with_, without = ([of(one) for one in runs if bool(one.watchers) is watched] for watched in (True, False))
    return statistics.median(with_) / statistics.median(without) if with_ and without else 1.0


def _lines(runs: Sequence[Watched]) -> Iterator[str]:
    for one in runs:
        yield (
            f"{one.watchers} watchers, {one.seconds:g} s: published {one.published:,}; engine {one.engine}; "
            f"{one.cpu:.0f} us of CPU a movement, {one.memory / 1e6:.0f} MB, p50 {one.p50:.0f} ms p99 {one.p99:.0f} ms"
            + (f"; a watcher takes {one.watchers_cpu * 100:.1f} % of a core" if one.watchers else "")
            + ("; all agree" if one.agree else f"; THEY DIFFER: {one.others}")
        )
    yield (
        f"with watchers over without: CPU {_ratio(runs, lambda one: one.cpu):.3f}, "
        f"memory {_ratio(runs, lambda one: one.memory):.3f}, p50 {_ratio(runs, lambda one: one.p50):.3f}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what was found; 1 where someone counted otherwise than the engine."""
    parser = argparse.ArgumentParser("python -m tests.faults.watched", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long movements come in a run (default: 300)")
    parser.add_argument("--rounds", type=int, default=1, help="how often (default: 1)")
    parser.add_argument("--rate", type=float, default=200.0, help="movements a second (default: 200)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there")
    options = parser.parse_args(arguments)
    # Whatever was started is ended first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    runs: list[Watched] = []
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="opsci-watched-") as folder:
            made = _side_by_side(Path(folder), options.seconds, options.rate, first=number % 2 == 0)
            runs += asyncio.run(made)
        print(*[*_lines(runs)][-3:-1], sep="\n", flush=True)  # noqa: T201 - what it is for
    print([*_lines(runs)][-1])  # noqa: T201
    here = machine()
    print(f"{here['cores']} cores, {here['memory_mb']:,} MB, Python {here['python']}, commit {here['commit']}")  # noqa: T201
    if options.json:
        document: dict[str, Any] = {"machine": here, "runs": [asdict(one) for one in runs]}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0 if all(one.agree for one in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
