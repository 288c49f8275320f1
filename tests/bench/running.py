"""A contender's process: started with its output in a log, checked for being alive, and ended."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Self

from stack.tool import end_with_runner
from tests.bench.bench import FailedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["Running"]

_PATIENCE = 10.0


class Running:
    """A process; use it as a context manager.

    Args:
        argv: the program and its arguments.
        log: the file for its output.
        cwd: where to start it.
    """

    def __init__(self, argv: Sequence[str], log: Path, cwd: Path) -> None:
        self._argv = argv
        self._log = log
        self._cwd = cwd

    def __enter__(self) -> Self:
        with self._log.open("ab") as output:
            self.process = subprocess.Popen(
                end_with_runner(self._argv),
                cwd=self._cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    def must_live(self) -> None:
        """Check that it runs.

        Raises:
            FailedError: it has ended.
        """
        if (code := self.process.poll()) is not None:
            raise FailedError(f"it ended with exit code {code}; {self.last_words()}")

    def last_words(self) -> str:
        """Return the end of its log."""
        lines = self._log.read_text(errors="replace").strip().splitlines()[-6:]
        return "its log ends with:\n" + "\n".join(f"    {line[:300]}" for line in lines or ["(nothing)"])
