"""Files written by the screen: exports of hostile records, recordings and pictures, made in a real terminal."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from stack.paths import ROOT
from tests.faults.attacks.attack import Outcome, attack, judged
from tests.faults.attacks.target import until
from tests.faults.attacks.wire import Client

if TYPE_CHECKING:
    from types import TracebackType

    from tests.faults.attacks.target import Target

_HOSTILE: Final = "=cmd|'/C calc'!A0,=1+1;@SUM(1)\t+1 \x9b31m\x85\u202egnp\u2028\u2029\u2066\u200f\x1b]0;owned\x07"
"""A formula, separators before another, C1 controls, a text that is turned around, line separators, and ESC."""

_UNSAFE: Final = re.compile("[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\x07\x1b]")
_FORMULA: Final = re.compile(r"\A[=+@]|\A-[^0-9.]")


class Terminal:
    """`opsci-tui` in a terminal of 160 by 48 cells.

    Args:
        settings: its settings file.
        folder: its working folder, where it writes exports.
    """

    def __init__(self, settings: Path, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._main = -1
        self._process: subprocess.Popen[bytes] | None = None
        self.painted = b""

    def __enter__(self) -> Self:
        self._main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
        os.set_blocking(self._main, False)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tui", "--config", str(self._settings)],
            stdin=side,
            stdout=side,
            stderr=side,
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8"},
            start_new_session=True,
            preexec_fn=_usual_umask,  # noqa: PLW1509 - it does nothing but set the umask
        )
        os.close(side)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            until_gone = time.monotonic() + 20
            while self._process.poll() is None and time.monotonic() < until_gone:
                self.read()
                time.sleep(0.05)
            self._process.kill()
            self._process.wait()
        os.close(self._main)

    def read(self) -> None:
        """Read its output, so that it doesn't block."""
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self._main, 65_536):
                self.painted += data

    async def press(self, *keys: str, pause: float = 0.6) -> None:
        """Press keys, with time to paint after each."""
        for key in keys:
            os.write(self._main, key.encode())
            await self.wait(pause)

    async def wait(self, seconds: float) -> None:
        """Let it paint for some seconds."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.read()
            await asyncio.sleep(0.05)

    async def shows(self, text: bytes, seconds: float) -> None:
        """Wait until it has painted a text.

        Raises:
            TimeoutError: it has not.
        """

        def seen() -> bool:
            self.read()
            return text in self.painted

        await until(seen, seconds, f"the screen does not show {text!r}")


def _usual_umask() -> None:
    os.umask(0o022)


async def _written(target: Target, folder: Path) -> dict[str, Path]:
    """Make the screen export, record and photograph hostile records; return the files by kind."""
    target.engine.end()
    product = await target.make_product(5, f"{_HOSTILE}{time.time():.0f}"[:200])
    movement = b'{"id":%d,"amount":1,"type":"IN","note":"%b"}' % (
        product["id"],
        _HOSTILE.translate({27: None, 7: None, 9: " "}).encode(),
    )
    with Terminal(target.stack.settings_file, folder) as terminal:
        await terminal.wait(6)
        await terminal.press("\x1b[20~")
        async with Client(target.tcp, "hostile", target.owner) as client:
            for payload in (movement, _HOSTILE.encode(), b"\xff" + _HOSTILE.encode()):
                await client.publish("topic", payload)
        await target.shows(product["id"], 6)
        await terminal.wait(3)
        await terminal.press("1", "G", "E", "e", "2", "E", "3", "E", "e", "\x13", pause=1.0)
        await terminal.press("\x1b[20~", pause=2)
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        found[file.name] = file
    assert any(name.endswith(".jsonl") for name in found), f"the screen exported nothing: {sorted(found)}"
    return found


async def _files(target: Target) -> dict[str, tuple[bytes, int]]:
    """Return the screen's files with their modes; created once and shared by the attacks."""
    kept: dict[str, tuple[bytes, int]] | None = _made.get(target.profile)
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="opsci-exports-") as folder:
            written = await _written(target, Path(folder))
            kept = {name: (file.read_bytes(), file.stat().st_mode & 0o777) for name, file in written.items()}
        _made[target.profile] = kept
    return kept


_made: dict[str, Any] = {}


def _kinds(files: dict[str, Any]) -> str:
    ends = sorted(name.rpartition(".")[2] for name in files)
    return ", ".join(f"{ends.count(end)} x .{end}" for end in dict.fromkeys(ends))


@attack(
    "export-controls",
    "5",
    "Name a product with C1 controls, U+202E, U+2028 and ESC, and have the screen export, record and photograph it",
    "no raw control, bidirectional or line-separating character stands in a file",
    seconds=180,
)
async def export_controls(target: Target) -> Outcome:
    files = await _files(target)
    breaches = []
    for name, (data, _) in files.items():
        text = data.decode("utf-8", "replace")
        if raw := sorted({f"U+{ord(found):04X}" for found in _UNSAFE.findall(text)}):
            breaches.append(f"{name.rpartition('.')[2]}: {', '.join(raw)}")
    return judged(breaches, f"{_kinds(files)}, {sum(len(data) for data, _ in files.values()):,} bytes, none raw")


@attack(
    "export-mode",
    "5",
    "Read exports, recordings and pictures as another user of the machine (umask 022)",
    "each has mode 0600",
    seconds=180,
)
async def export_mode(target: Target) -> Outcome:
    files = await _files(target)
    modes = {name: mode for name, (_, mode) in files.items()}
    breaches = [f"{name} has {mode:04o}" for name, mode in modes.items() if mode & 0o077]
    return judged(breaches, f"{_kinds(files)}: {', '.join(sorted({f'{mode:04o}' for mode in modes.values()}))}")


@attack(
    "export-formulas",
    "7",
    "Name a product `=cmd|...`, with separators before a second formula, and open the export as a spreadsheet would: "
    "cut at commas, semicolons and tabs",
    "no cell begins with `=`, `+`, `@`, or `-` before something that is no number",
    seconds=180,
)
async def export_formulas(target: Target) -> Outcome:
    files = await _files(target)
    breaches, cells = [], 0
    for name, (data, _) in files.items():
        if name.rpartition(".")[2] not in {"jsonl", "csv", "tsv", "txt"}:
            continue
        lines = data.decode("utf-8", "replace").splitlines()
        for separator in ",;\t":
            for row in csv.reader(lines, delimiter=separator):
                cells += len(row)
                breaches += [f"{cell[:30]!r} cut at {separator!r} in {name}" for cell in row if _FORMULA.match(cell)]
    if len(breaches) > 3:
        breaches = [f"{len(breaches)} cells, as {breaches[0]}"]
    return judged(breaches, f"{cells} cells, none a formula")


@attack(
    "export-planted-links",
    "7",
    "Plant links in the folder in which the screen exports, under the names of the next seconds, to a file of the "
    "user's",
    "that file stays as it was",
    seconds=120,
)
async def export_planted_links(target: Target) -> Outcome:
    target.engine.end()
    with tempfile.TemporaryDirectory(prefix="opsci-planted-") as place:
        folder = Path(place)
        treasure = folder / "treasure"
        treasure.write_text("untouched")
        dangling = folder / "made-by-attack"
        with Terminal(target.stack.settings_file, folder) as terminal:
            await terminal.wait(5)
            for second in range(int(time.time()), int(time.time()) + 25):
                stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(second))
                for number, pane in enumerate(("mqtt", "kafka", "strapi", "stock")):
                    (folder / f"opsci-{pane}-{stamp}.jsonl").symlink_to(dangling if number % 2 else treasure)
                (folder / f"opsci-{stamp}.cast").symlink_to(treasure)
                (folder / f"opsci-{stamp}.svg").symlink_to(dangling)
            await target.move((await target.make_product(0))["id"], 3)
            await terminal.wait(2)
            await terminal.press("1", "G", "E", "3", "E", "\x1b[20~", "\x13", "\x1b[20~", pause=0.8)
        planted = [file for file in folder.iterdir() if file.is_symlink()]
        written = [file for file in folder.iterdir() if file.is_file() and not file.is_symlink() and file != treasure]
        breaches = [] if treasure.read_text() == "untouched" else ["a file behind a link was written"]
        breaches += ["a link that led nowhere was followed"] if dangling.exists() else []
        return judged(breaches, f"{len(planted)} links planted, {len(written)} files written beside them")
