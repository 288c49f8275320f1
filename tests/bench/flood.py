"""Thousands of messages a second through the real chain with the real program's panes following, while keys are typed.

    python -m tests.bench.flood [--rate 5000] [--seconds 60] [--columns 120] [--rows 40]

The program runs in a terminal of its own and is looked at from outside: a key's answer is the moment at which what it
changed is painted. What it painted in the end is compared with what was published.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import socket
import statistics
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.local import LocalStack
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from stack.seed import seed
from tests.bench.figures import percentile
from tests.bench.publisher import connect_frame, publish_frame
from tests.bench.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Flood", "main", "open_screen", "run_flood"]

_STEP: Final = 0.02
"""Seconds between two handfuls of messages."""

_SETTLED: Final = 10.0
"""Seconds into the flood after which memory counts: the rings are full by then."""

_SIGNS: Final = "ǂǃʬʭɸʘǁɮɶɷ"
"""Letters that stand nowhere else on the screen, each painted only as the answer to its key."""

_OPSCI_TUI: Final = Path(sys.prefix) / "bin" / "opsci-tui"


@dataclass
class Flood:
    """The measurements.

    Attributes:
        rate: requested messages per second.
        published: messages published.
        publishing: the seconds that publishing took.
        shown: the count in the MQTT pane's title at the end.
        keys: the seconds from each key to its painted response.
        memory: the program's resident bytes, one value per second.
        cpu: its CPU seconds during the flood.
    """

    rate: int
    published: int = 0
    publishing: float = 0.0
    shown: int = -1
    keys: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    cpu: float = 0.0

    @property
    def p50(self) -> float:
        """The median of the keys' seconds."""
        return statistics.median(self.keys)

    @property
    def p99(self) -> float:
        """The 99th percentile of the keys' seconds."""
        return percentile(self.keys, 99)

    @property
    def growth(self) -> float:
        """The growth of the memory from when the rings were full to the end, as a share."""
        settled = self.memory[int(_SETTLED) :] or self.memory
        quarter = max(1, len(settled) // 4)
        return statistics.median(settled[-quarter:]) / statistics.median(settled[:quarter]) - 1


def run_flood(stack: LocalStack, home: Path, *, rate: int, seconds: float, size: tuple[int, int]) -> Flood:
    """Measure on running servers that have the catalogue.

    Args:
        stack: the servers.
        home: an empty folder, used as the program's home folder.
        rate: messages per second.
        seconds: duration.
        size: the terminal's columns and rows.
    """
    with open_screen(stack, home, size) as terminal:
        flood = Flood(rate)
        publisher = threading.Thread(target=_publish, args=(stack.ports.mqtt_tcp, flood, seconds))
        before = terminal.cpu()
        publisher.start()
        _type(terminal, flood, publisher)
        flood.cpu = terminal.cpu() - before
        publisher.join()
        flood.shown = _shown(terminal, flood.published)
    return flood


@contextmanager
def open_screen(stack: LocalStack, home: Path, size: tuple[int, int]) -> Iterator[Terminal]:
    """Open `opsci-tui` on servers, in English and in an empty folder, and wait until the chain is up."""
    environ = {**os.environ, "HOME": str(home), "OPSCI_SCREEN_LANGUAGE": "en"}
    with Terminal([str(_OPSCI_TUI), "--config", str(stack.settings_file)], *size, environ, home) as terminal:
        terminal.wait_for("Move stock", seconds=30)
        terminal.wait_for("nothing waits", seconds=60)
        time.sleep(3)  # the group's first assignment, which is not what is measured
        yield terminal


def _publish(port: int, flood: Flood, seconds: float) -> None:
    """Publish at a steady rate, and wait until the broker has acknowledged all messages.

    Two in three put in, so that there is mostly stock to take from. mosquitto_pub would end early, at 65,535 lines.
    """
    chosen = random.Random(3)  # noqa: S311 - the same flood each time
    payloads = [
        b'{"id": %d, "amount": %d, "type": "%s"}'
        % (chosen.randint(1, 40), chosen.randint(1, 9), chosen.choice((b"IN", b"IN", b"OUT")))
        for _ in range(1_000)
    ]
    acknowledged = 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(connect_frame("bench-flood"))
        connection.recv(4)
        start = time.monotonic()
        while (passed := time.monotonic() - start) < seconds or acknowledged < 4 * flood.published:
            due = int(min(passed, seconds) * flood.rate) - flood.published
            numbers = range(flood.published, flood.published + due)
            connection.sendall(
                b"".join(publish_frame("topic", n % 65_535 + 1, payloads[n % len(payloads)]) for n in numbers)
            )
            flood.published += due
            if flood.published:
                acknowledged += len(connection.recv(1 << 20))
            time.sleep(_STEP)
        flood.publishing = time.monotonic() - start


def _type(terminal: Terminal, flood: Flood, publisher: threading.Thread) -> None:
    """Type while the flood lasts: into the form and into a filter, and open and close the help."""
    chosen = random.Random(5)  # noqa: S311 - the same keys each time
    noted = time.monotonic()

    def press(keys: str, answer: str) -> None:
        pressed = time.monotonic()
        place = terminal.type(keys)
        flood.keys.append(terminal.wait_for(answer, place, 10) - pressed)
        time.sleep(chosen.uniform(0.05, 0.3))

    while publisher.is_alive():
        terminal.type("4")
        time.sleep(0.3)
        for sign in _SIGNS:
            press(sign, sign)
        # The first Esc would close what is suggested for a field that is not yet known to be empty.
        terminal.type("\x15")
        time.sleep(0.3)
        # Out of the form, and seen to be: a key that came before would be typed into it.
        terminal.wait_for(" follow", terminal.type("\x1b"))
        press("?", "Everywhere")
        press("\x1b", "products")
        while len(flood.memory) < time.monotonic() - noted:
            flood.memory.append(terminal.memory())


def _shown(terminal: Terminal, published: int) -> int:
    """Wait until the title of the MQTT pane counts all messages, and return its last count."""
    wanted = f"{published:,}"
    try:
        terminal.wait_for(wanted, terminal.painted - 100_000 if terminal.painted > 100_000 else 0, 30)
    except TimeoutError:
        return -1
    return int(re.sub(r"\D", "", wanted))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print the results; return 1 if the screen was too slow or lost count."""
    parser = argparse.ArgumentParser("python -m tests.bench.flood", description=__doc__)
    parser.add_argument("--rate", type=int, default=5_000, help="messages a second (default: 5000)")
    parser.add_argument("--seconds", type=float, default=60, help="for how long (default: 60)")
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as home,
        LocalStack(Path(folder), ports=random_ports(), servers=("mosquitto", "kafka", "strapi")) as stack,
    ):
        seed(Paths.of(Path(folder)), Report(sys.stderr))
        flood = run_flood(
            stack,
            Path(home),
            rate=options.rate,
            seconds=options.seconds,
            size=(options.columns, options.rows),
        )
    print(asdict(flood) | {"keys": len(flood.keys), "memory": [flood.memory[0], flood.memory[-1]]})  # noqa: T201
    print(f"p50 {flood.p50 * 1000:.0f} ms, p99 {flood.p99 * 1000:.0f} ms, memory {flood.growth:+.1%}")  # noqa: T201
    return 0 if flood.shown == flood.published and flood.p99 < 0.1 else 1


if __name__ == "__main__":
    sys.exit(main())
