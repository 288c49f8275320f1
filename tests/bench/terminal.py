"""A program in a pseudo terminal, observed from outside: when it painted a text, and its resource use."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["Painted", "Terminal"]

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_KEPT: Final = 1 << 20
"""How many bytes of what was painted are kept to look for a text in."""


class Painted(NamedTuple):
    """One read of the terminal.

    Attributes:
        at: seconds since the epoch.
        data: the bytes.
    """

    at: float
    data: bytes


class Terminal:
    """Runs a program in a pseudo terminal and reads its output at once.

    Args:
        command: the program and its arguments.
        columns: the width in cells.
        rows: the height in cells.
        environ: its environment.
        folder: its working directory; the current one by default.
    """

    def __init__(
        self, command: Sequence[str], columns: int, rows: int, environ: Mapping[str, str], folder: Path | None = None
    ) -> None:
        self._command = command
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        # Its size is the terminal's, whatever a test runner says of its own.
        size = {"COLUMNS": str(columns), "LINES": str(rows)}
        self._environ = {**environ, **size, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        self._folder = folder
        self._painted = bytearray()
        self._recorded: list[Painted] | None = None
        self._cut = 0
        self._more = threading.Condition()
        self.started = 0.0
        """The monotonic clock in seconds when the program was started."""

    def __enter__(self) -> Self:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, self._size)
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=self._environ,
            cwd=self._folder,
            start_new_session=True,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ask it to end, and kill it after ten seconds."""
        with contextlib.suppress(OSError):
            self.type("\x11")
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self._reader.join(1)
        os.close(self._master)

    @property
    def painted(self) -> int:
        """Number of bytes painted so far: an offset from which to look for a text."""
        with self._more:
            return self._cut + len(self._painted)

    def record(self) -> None:
        """Record every read from now on."""
        with self._more:
            self._recorded = []

    @property
    def recorded(self) -> list[Painted]:
        """Return the reads since `record`."""
        with self._more:
            return list(self._recorded or ())

    def type(self, keys: str) -> int:
        """Press keys.

        Returns:
            The offset from which their response can be painted.
        """
        place = self.painted
        os.write(self._master, keys.encode())
        return place

    def wait_for(self, text: str, since: int = 0, seconds: float = 30) -> float:
        """Wait until a text is painted.

        Args:
            text: as it appears in the output: on one row and in one style.
            since: the offset from which to look.
            seconds: how long to wait at most.

        Returns:
            The monotonic clock in seconds when it was there.

        Raises:
            TimeoutError: it was not painted in time.
        """
        wanted, until = text.encode(), time.monotonic() + seconds
        with self._more:
            while self._painted.find(wanted, max(0, since - self._cut)) < 0:
                left = until - time.monotonic()
                if left <= 0 or self.process.poll() is not None:
                    msg = f"{text!r} was not painted in {seconds} s: {bytes(self._painted[-400:])!r}"
                    raise TimeoutError(msg)
                self._more.wait(min(left, 1))
            return time.monotonic()

    def cpu(self) -> float:
        """Return the CPU seconds used so far, including all threads."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:  # noqa: PTH123 - no file of a disk
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self) -> int:
        """Return the resident memory in bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - no file of a disk
            return int(file.read().split()[1]) * _PAGE

    def _read(self) -> None:
        while True:
            try:
                select.select([self._master], [], [])
                data = os.read(self._master, 1 << 16)
            except OSError:
                return
            if not data:
                return
            with self._more:
                if self._recorded is not None:
                    self._recorded.append(Painted(time.time(), data))
                self._painted += data
                if len(self._painted) > 2 * _KEPT:
                    self._cut += len(self._painted) - _KEPT
                    del self._painted[:-_KEPT]
                self._more.notify_all()
