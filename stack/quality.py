"""`test`: the layout, the lint, the types, the import contracts and every test, in that order."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.machine import Machine
from stack.needs import BROWSER, DATABASE, FONTS
from stack.places import ROOT, Places
from stack.provide import provide
from stack.servers.server import SERVERS
from stack.tool import leashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stack.report import Report

__all__ = ["run_everything"]

_CHECKS: Final = {
    "layout": ("ruff", "format", "--check", "--quiet", "."),
    "lint": ("ruff", "check", "--quiet", "."),
    "types": ("mypy",),
    "import contracts": ("lint-imports",),
}


def run_everything(places: Places, report: Report, arguments: Sequence[str]) -> int:
    """Install what the tests need, run the checks and then pytest, whose closing line is the last.

    Args:
        places: whose cache.
        report: what tells the progress.
        arguments: handed on to pytest.

    Returns:
        pytest's exit code, or 1 where only a check failed.
    """
    provide(places, report, SERVERS)
    Machine(places.cache, report).programs(BROWSER | DATABASE | FONTS)
    failed = [name for name, argv in _CHECKS.items() if not _passes(name, argv)]
    if failed:
        print(f"FAILED before the tests: {', '.join(failed)}", flush=True)
    # Through the interpreter, so that the clone is importable whatever folder this was called from.
    code = subprocess.run(leashed([sys.executable, "-m", "pytest", *arguments]), cwd=ROOT, check=False).returncode
    return code or (1 if failed else 0)


def _passes(name: str, argv: Sequence[str]) -> bool:
    started = time.monotonic()
    program = Path(sys.executable).with_name(argv[0])
    done = subprocess.run([program, *argv[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    verdict = "passed" if done.returncode == 0 else "FAILED"
    print(f"{verdict} {name} ({' '.join(argv)}) in {time.monotonic() - started:.1f} s", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0
