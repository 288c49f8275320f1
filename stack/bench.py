"""`bench`: the measurements of tests/bench, which are part of a clone and of no wheel."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from stack.errors import StateError
from stack.places import ROOT
from stack.tool import leashed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_bench"]


def run_bench(arguments: Sequence[str]) -> int:
    """Measure.

    Args:
        arguments: the works and the flags, as `--help` of it says.

    Returns:
        Its exit code.

    Raises:
        StateError: this is no clone.
    """
    if not (ROOT / "tests" / "bench").is_dir():
        raise StateError("bench measures from a clone: there is no tests/bench here")
    return subprocess.run(leashed([sys.executable, "-m", "tests.bench", *arguments]), cwd=ROOT, check=False).returncode
