"""What the windows of `opsci-tui --serve` take: memory and processor, all open at the same time.

    python -m tests.bench.windows [--windows 20] [--seconds 30] [--rates 0 10 200] [--python PATH] [--json FILE]

Each is a browser's websocket that takes all it is sent. The processor is that of the windows and of the server between
them and the browsers, without the engine and the other servers, at each rate of movements; the memory is what each
process has for itself and its share of what several have (PSS of proc_pid_smaps(5)). The packages of the tests count:
HTTP's transport loads trio where it is installed. `--python` names another interpreter: that of a user's installation.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
import time
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import tomli_w

from bridge.errors import PublishError
from bridge.mqtt.publisher import Publisher
from bridge.settings.load import load_settings
from stack.local import LocalStack
from stack.ports import random_ports
from stack.report import Report
from stack.seed import seed
from tests.bench.machine import Machine
from tests.bench.processes import look
from tests.faults.engine import Engine
from tests.web.serving import Served

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Phase", "main"]

_PAINTED: Final = "for looking only"
_OPEN: Final = 600.0
"""Seconds within which all windows must have painted, on a busy machine."""

_SETTLE: Final = 5.0
_PRODUCTS: Final = 36


@dataclass(frozen=True)
class Phase:
    """All windows for a while at one rate.

    Attributes:
        rate: movements a second.
        cores: the processor's cores that the windows and their server took together.
        server: the server's part of them.
        memory: bytes that a window took on average, shared ones divided among those that share them.
        resident: resident bytes of a window on average.
        sent: bytes a second that a browser was sent on average.
    """

    rate: float
    cores: float
    server: float
    memory: float
    resident: float
    sent: float


class _Browser:
    """Takes what a window is told to paint."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self.painted = asyncio.Event()
        self.bytes = 0
        self._tail = ""
        self._connection = connection
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._connection:
            data = message.data.encode() if isinstance(message.data, str) else message.data
            self.bytes += len(data)
            if not self.painted.is_set():
                self._tail = (self._tail + data.decode(errors="replace"))[-200_000:]
                if _PAINTED in self._tail:
                    self._tail = ""
                    self.painted.set()


async def _measure(
    folder: Path, count: int, seconds: float, rates: Sequence[float], python: str
) -> tuple[float, list[Phase]]:
    """Open the windows on servers of their own.

    Returns:
        The seconds until the last one had painted, and what was seen at each rate.
    """
    with LocalStack(folder / "state", ports=random_ports(), servers=("mosquitto", "kafka", "strapi")) as stack:
        seed(stack.paths, Report(sys.stderr))
        settings = {**tomllib.loads(stack.settings_file.read_text()), "watch": {"enabled": False}}
        engine = Engine("engine", folder, settings)
        served = Served(folder, tomli_w.dumps(settings), arguments=("--windows", str(count)), python=python)
        try:
            await engine.start()
            async with aiohttp.ClientSession(served.address) as client:
                began = time.monotonic()
                browsers = [
                    _Browser(await client.ws_connect("/ws?width=160&height=40", max_msg_size=0)) for _ in range(count)
                ]
                async with asyncio.timeout(_OPEN):
                    await asyncio.gather(*(one.painted.wait() for one in browsers))
                opened = time.monotonic() - began
                mqtt = load_settings(stack.settings_file, {}).mqtt
                async with Publisher(mqtt) as publisher:
                    return opened, [await _phase(served, browsers, publisher, seconds, rate) for rate in rates]
        finally:
            await asyncio.to_thread(served.press_ctrl_c)
            served.close()
            await engine.stop()


async def _phase(
    served: Served, browsers: Sequence[_Browser], publisher: Publisher, seconds: float, rate: float
) -> Phase:
    over = asyncio.Event()
    publishing = asyncio.create_task(_publish(publisher, rate, over)) if rate else None
    await asyncio.sleep(_SETTLE)
    windows = served.windows()
    before, began, sent = _cpu(windows), time.monotonic(), sum(one.bytes for one in browsers)
    server = _cpu([served.process.pid])
    await asyncio.sleep(seconds)
    lasted = time.monotonic() - began
    server = (_cpu([served.process.pid]) - server) / lasted
    cores = (_cpu(windows) - before) / lasted + server
    memory = [_memory(pid) for pid in windows]
    over.set()
    if publishing is not None:
        await publishing
    return Phase(
        rate,
        cores,
        server,
        sum(pss for pss, _ in memory) / len(memory),
        sum(rss for _, rss in memory) / len(memory),
        (sum(one.bytes for one in browsers) - sent) / lasted / len(browsers),
    )


async def _publish(publisher: Publisher, rate: float, over: asyncio.Event) -> None:
    """Publish movements at a rate, one after the other, until it is over."""
    began, sent = time.monotonic(), 0
    while not over.is_set():
        while sent < (time.monotonic() - began) * rate and not over.is_set():
            payload = b'{"id":%d,"amount":1,"type":"IN"}' % (1 + sent % _PRODUCTS)
            with contextlib.suppress(PublishError):
                await publisher.publish("topic", payload)
            sent += 1
        await asyncio.sleep(0.01)


def _cpu(pids: Sequence[int]) -> float:
    found = [look(pid) for pid in pids]
    return sum(one.cpu for one in found if one is not None)


def _memory(pid: int) -> tuple[int, int]:
    """PSS and RSS of a process in bytes."""
    said = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = dict(line.split(":", 1) for line in said.splitlines()[1:])
    pss, rss = (int(found[name].split()[0]) * 1024 for name in ("Pss", "Rss"))
    return pss, rss


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what was found."""
    parser = argparse.ArgumentParser("python -m tests.bench.windows", description=__doc__)
    parser.add_argument("--windows", type=int, default=20, metavar="N", help="how many (default: 20)")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long at each rate (default: 30)")
    parser.add_argument("--rates", type=float, nargs="+", default=[0.0, 10.0, 200.0], help="movements a second")
    parser.add_argument("--python", default=sys.executable, metavar="PATH", help="runs the windows (default: this one)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there")
    options = parser.parse_args(arguments)
    # Whatever was started is ended first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    with tempfile.TemporaryDirectory(prefix="opsci-windows-") as folder:
        opened, phases = asyncio.run(
            _measure(Path(folder), options.windows, options.seconds, options.rates, options.python)
        )
    say = sys.stdout.write
    say(f"{options.windows} windows, all painted after {opened:.1f} s\n")
    for one in phases:
        say(
            f"{one.rate:g} movements/s: {one.cores:.2f} cores ({one.server:.2f} of them the server), a window "
            f"{one.memory / 1e6:.0f} MB ({one.resident / 1e6:.0f} MB resident) and {one.sent / 1e3:.1f} kB/s to it\n"
        )
    here = Machine.here()
    say(f"{here.line()}\n")
    if options.json:
        document: dict[str, Any] = {"machine": here.line(), "opened": opened, "phases": [asdict(one) for one in phases]}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
