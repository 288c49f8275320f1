"""The progress of a command on standard error: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Progress"]

_EVERY: Final = 3.0


class Progress:
    """Shows progress towards a known number of steps.

    Args:
        steps: how many there are.
        title: what they are for.
    """

    def __init__(self, steps: int, title: str) -> None:
        self._steps = steps
        self._title = title
        self._done = 0
        self._told_at = time.monotonic()
        self._bar: Bar | None = None
        if sys.stderr.isatty():
            columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
            console = Console(stderr=True, markup=False)
            self._bar = Bar(*columns, TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), console=console)
            self._task = self._bar.add_task(title, total=steps, rate="")
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def step(self, count: int = 1) -> None:
        self._done += count
        if self._bar is not None:
            rate = self._done / max(time.monotonic() - self._began, 0.001)
            self._bar.update(self._task, completed=self._done, rate=f"{rate:,.0f}/s")
        elif time.monotonic() - self._told_at >= _EVERY:
            self._told_at = time.monotonic()
            print(f"{self._title}: {self._done:,} of {self._steps:,}", file=sys.stderr)

    def say(self, text: str) -> None:
        """Print a line without disturbing the bar."""
        if self._bar is not None:
            self._bar.console.print(text)
        else:
            print(text, file=sys.stderr)
