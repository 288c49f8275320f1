"""`faults`: hands the command line on to tests/faults, which knows the engine as this package must not."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from stack.places import ROOT
from stack.tool import leashed

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run_faults"]


def run_faults(arguments: Sequence[str]) -> int:
    """Run the faults.

    Args:
        arguments: what stands after `faults` on the command line.

    Returns:
        Its exit code: 0 where every promise held.
    """
    argv = leashed([sys.executable, "-m", "tests.faults", *arguments])
    # The caller's folder stays, as paths on the command line are meant from there.
    with subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
