"""Progress shown to the user: what is being done, for how long, and what it waits for.

On a terminal each step is one line that is redrawn; elsewhere it is one line at the start, one every ten seconds, and
one at the end. It is written to standard error: standard output is for the commands' results.
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Report", "Step"]

_FRAMES: Final = "|/-\\"
_REDRAW: Final = 0.2
_REMIND: Final = 10.0


class Step:
    """One lengthy operation.

    Attributes:
        label: what is being done.
        waits_for: what it currently waits for; set it as that changes.
        outcome: the result, shown at the end.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self.waits_for = ""
        self.outcome = ""
        self.started = time.monotonic()
        self.reminded = self.started

    def line(self, mark: str) -> str:
        """The step on one line."""
        waiting = f": {self.waits_for}" if self.waits_for else ""
        return f"{mark} {self.label} {time.monotonic() - self.started:.1f} s{waiting}"


class Report:
    """Shows the progress of steps that may run in parallel, from any thread.

    Args:
        stream: where to write; standard error by default.
        quiet: write nothing at all.
    """

    def __init__(self, stream: TextIO | None = None, *, quiet: bool = False) -> None:
        self._stream = stream or sys.stderr
        self._quiet = quiet
        self._live = not quiet and self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        self._steps: list[Step] = []
        self._drawn = 0
        self._covered: list[str] | None = None
        self._mutex = threading.Lock()
        self._ticker: threading.Thread | None = None

    def note(self, text: str) -> None:
        """Print a text on lines of its own."""
        with self._mutex:
            if self._covered is not None:
                self._covered.append(text)
            self._say(text)

    def cover(self) -> None:
        """Write nothing more, as a screen has the terminal; notes are kept until `uncover`."""
        with self._mutex:
            self._erase()
            self._stream.flush()
            self._covered = []

    def uncover(self) -> None:
        """Say the notes that came meanwhile, and go on telling; nothing where it was not covered."""
        with self._mutex:
            kept, self._covered = self._covered or (), None
            for text in kept:
                self._say(text)

    @contextmanager
    def step(self, label: str) -> Iterator[Step]:
        """Show a step from its start to its end; an exception marks it as failed, CancelledError removes it."""
        step = Step(label)
        with self._mutex:
            self._steps.append(step)
            if not self._live:
                self._say(f"  {label} ...")
            if self._ticker is None and not self._quiet:
                self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
                self._ticker.start()
        mark = "x"
        try:
            yield step
            mark = "+"
            step.waits_for = step.outcome
        except CancelledError:
            mark = ""
            raise
        finally:
            with self._mutex:
                self._steps.remove(step)
                if mark:
                    self._say(step.line(mark))

    def _say(self, text: str) -> None:
        if self._quiet or self._covered is not None:
            return
        self._erase()
        self._stream.write(text + "\n")
        self._draw()
        self._stream.flush()

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}A\r\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        if not self._live:
            return
        width = shutil.get_terminal_size().columns - 1
        frame = _FRAMES[int(time.monotonic() / _REDRAW) % len(_FRAMES)]
        for step in self._steps:
            self._stream.write(step.line(frame)[:width] + "\n")
        self._drawn = len(self._steps)

    def _tick(self) -> None:
        while True:
            time.sleep(_REDRAW)
            with self._mutex:
                if not self._steps:
                    self._ticker = None
                    return
                if self._covered is not None:
                    continue
                if self._live:
                    self._erase()
                    self._draw()
                    self._stream.flush()
                    continue
                for step in self._steps:
                    if time.monotonic() - step.reminded > _REMIND:
                        step.reminded = time.monotonic()
                        self._say(step.line(" "))
