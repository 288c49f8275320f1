"""The results of the checks: passed, failed, and not run."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Verdicts", "say"]


def say(text: str) -> None:
    """Print a line for the user."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


class Verdicts:
    """Prints each result at once.

    Args:
        deadline: by `time.monotonic`, after which no check is run; None runs all.
    """

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._passed = 0
        self._failed = 0
        self._not_run = 0

    @property
    def failed(self) -> bool:
        """Whether a check failed."""
        return self._failed > 0

    def hold(self, promise: str, check: Callable[[], str]) -> bool:
        """Run a check.

        Args:
            promise: what it checks, as a sentence.
            check: returns what was seen, or raises where it fails.

        Returns:
            Whether it passed. False where it was not run, as time is up or an earlier one failed.
        """
        if self._failed or (self._deadline is not None and time.monotonic() > self._deadline):
            self._not_run += 1
            say(f"not run: {promise} ({'after a failure' if self._failed else 'time is up'})")
            return False
        started = time.monotonic()
        try:
            seen = check()
        except (AssertionError, OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
            self._failed += 1
            said = str(getattr(error, "stderr", "") or "").strip()[-1500:]
            say(f"FAILED: {promise}: {type(error).__name__} {error} {said}")
            return False
        self._passed += 1
        say(f"passed: {promise} ({seen}) in {time.monotonic() - started:.0f} s")
        return True

    def close(self) -> int:
        """Print the counts, and return the exit code."""
        say(f"{self._passed} passed, {self._failed} failed, {self._not_run} not run")
        return 1 if self._failed else 3 if self._not_run or not self._passed else 0
