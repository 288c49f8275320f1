"""How much of a backlog Mosquitto keeps through its own SIGKILL, and the cost of that, with several settings."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stack.paths import ROOT
from stack.ports import random_ports
from stack.servers.health import ask_mqtt_tcp
from stack.servers.mosquitto import render_mosquitto
from tests.faults.raw_mqtt import Heard, RawClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BACKLOG", "SETTINGS", "Kept", "measure"]

BACKLOG: Final = 720_000

SETTINGS: Final[dict[str, dict[str, str]]] = {
    "as shipped: autosave_interval 1": {},
    "autosave_interval 3": {"autosave_interval": "3"},
    "autosave_interval 10": {"autosave_interval": "10"},
    "autosave_on_changes true, autosave_interval 1000": {"autosave_on_changes": "true", "autosave_interval": "1000"},
    "autosave_on_changes true, autosave_interval 1": {"autosave_on_changes": "true", "autosave_interval": "1"},
}
"""What is tried, by what is said of it: the lines that differ from configs/mosquitto.conf."""

_LIVE: Final = 20_000
_SLOW: Final = 120.0
"""Seconds after which filling is given up: at some settings each message writes the whole queue."""


@dataclass
class Kept:
    """The measurements of one set of settings.

    Attributes:
        settings: their description.
        live: messages per second that pass to a connected subscriber that acknowledges at once.
        filled: messages queued for a disconnected one, 720,000 unless that took longer than two minutes.
        rate: messages per second while queueing.
        longest: the longest time in seconds without a PUBACK while the queue grew: writing the file stops everything.
        back: number of them that came back after a SIGKILL after the file was written.
        file_mb: the size of the queue's file.
        memory_mb: Mosquitto's memory with the queue.
        taken: messages acknowledged before a SIGKILL in the middle of publishing to an empty queue.
        forgotten: number of those that did not come back.
    """

    settings: str
    live: int = 0
    filled: int = 0
    rate: int = 0
    longest: float = 0.0
    back: int = 0
    file_mb: int = 0
    memory_mb: int = 0
    taken: int = 0
    forgotten: int = 0


async def measure(
    program: Path, folder: Path, say: Callable[[str], None], count: int = BACKLOG
) -> list[dict[str, Any]]:
    """Try each of SETTINGS.

    Args:
        program: Mosquitto.
        folder: the folder for its data.
        say: called with each line of progress.
        count: the backlog.
    """
    found = []
    for number, (text, changes) in enumerate(SETTINGS.items()):
        place = folder / str(number)
        place.mkdir()
        kept = await _Trial(program, place, changes).run(Kept(text), count)
        say(f"{text}: {asdict(kept)}")
        found.append(asdict(kept))
    return found


def _payload(first: int, more: int) -> bytes:
    number = first + more
    return b'{"id":%d,"amount":5,"type":"IN","number":%d}' % (number % 40 + 1, number)


class _Trial:
    def __init__(self, program: Path, folder: Path, changes: dict[str, str]) -> None:
        ports = random_ports()
        self._program = program
        self._port = ports.mqtt_tcp
        self._database = folder / "mosquitto.db"
        self._config = folder / "mosquitto.conf"
        user = "root" if os.geteuid() == 0 else ""
        committed = (ROOT / "configs" / "mosquitto.conf").read_text()
        lines = render_mosquitto(committed, ports, folder, folder / "mosquitto.log", user=user).splitlines()
        lines = [line for line in lines if line.split(" ")[0] not in changes]
        self._config.write_text("\n".join([*lines, *(f"{key} {value}" for key, value in changes.items())]) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    async def run(self, kept: Kept, count: int) -> Kept:
        with self._broker():
            kept.live = await self._live()
        with self._broker():
            kept.taken, kept.forgotten = await self._killed_while_publishing()
        self._database.unlink(missing_ok=True)
        with self._broker():
            await self._fill(kept, count)
        return kept

    async def _live(self) -> int:
        subscriber = await self._session("live")
        seen: list[bytes] = []
        taking = asyncio.create_task(subscriber.drain(seen.append, 3))
        publisher = await RawClient.connect(self._port, "publisher", keep=False)
        heard = Heard()
        begun = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(publisher.fill("topic", _LIVE, partial(_payload, 0), heard), _SLOW / 4)
        rate = heard.count / (time.monotonic() - begun)
        publisher.close()
        await taking
        subscriber.close()
        return int(rate)

    async def _killed_while_publishing(self) -> tuple[int, int]:
        (await self._session("killed")).close()
        publisher = await RawClient.connect(self._port, "publisher", keep=False)
        heard = Heard()

        async def publish() -> None:
            # A steady 400 a second, as objects do, until the broker is gone.
            with contextlib.suppress(ConnectionError):
                for start in range(0, 1_000_000, 20):
                    goal = Heard()
                    await publisher.fill("topic", 20, partial(_payload, start), goal)
                    heard.count += goal.count
                    await asyncio.sleep(0.05)

        publishing = asyncio.create_task(publish())
        # Between two writes of the shipped settings.
        await asyncio.sleep(17)
        await self._kill()
        await publishing
        publisher.close()
        back = await self._back("killed")
        return heard.count, heard.count - len({number for number in back if number < heard.count})

    async def _fill(self, kept: Kept, count: int) -> None:
        (await self._session("backlog")).close()
        publisher = await RawClient.connect(self._port, "publisher", keep=False)
        heard = Heard()
        begun = time.monotonic()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(publisher.fill("topic", count, partial(_payload, 0), heard), _SLOW)
        kept.filled, kept.longest = heard.count, round(heard.longest, 2)
        kept.rate = int(heard.count / (time.monotonic() - begun))
        publisher.close()
        await self._written()
        kept.file_mb = self._database.stat().st_size // 1_000_000
        kept.memory_mb = self._memory()
        await self._kill()
        back = await self._back("backlog")
        kept.back = len({number for number in back if number < heard.count})

    async def _session(self, name: str) -> RawClient:
        client = await RawClient.connect(self._port, name, keep=True)
        await client.subscribe("topic")
        return client

    async def _back(self, name: str) -> set[int]:
        numbers: set[int] = set()
        client = await RawClient.connect(self._port, name, keep=True)
        await client.drain(lambda payload: numbers.add(int(payload[payload.rindex(b":") + 1 : -1])), 5)
        client.close()
        return numbers

    async def _written(self) -> None:
        """Wait until the current state is written: until a second write that begins from now on."""
        now = time.time()
        # Where it writes on changes and nothing changes, no write will come.
        deadline = time.monotonic() + 25
        while not (self._database.exists() and self._database.stat().st_mtime > now):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(0.1)

    def _memory(self) -> int:
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    @contextlib.contextmanager
    def _broker(self) -> Iterator[None]:
        self._start()
        try:
            yield
        finally:
            if self._process is not None:
                self._process.send_signal(signal.SIGTERM)
                self._process.wait()

    async def _kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        await asyncio.to_thread(self._start)

    def _start(self) -> None:
        self._process = subprocess.Popen([self._program, "-c", self._config], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                ask_mqtt_tcp(self._port)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return
