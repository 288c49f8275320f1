"""`test`, `bench` and `faults`: what stands in tests/, which is part of a clone and of no wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.errors import StateError
from stack.install import BROWSER, DATABASE, FONTS, install
from stack.paths import ROOT, Paths
from stack.servers.server import SERVERS
from stack.system_packages import SystemPackages
from stack.tool import leashed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stack.report import Report

__all__ = ["run_bench", "run_containers", "run_everything", "run_fast", "run_faults"]


_CHECKS: Final = {
    "layout": ("ruff", "format", "--check", "--quiet", "."),
    "lint": ("ruff", "check", "--quiet", "."),
    "types": ("mypy",),
    "import contracts": ("lint-imports",),
}


_SIDE_BY_SIDE: Final = ("-n", "auto")
"""As many workers as `tests/side_by_side.py` says; `-n 0` among the arguments wins over it."""

_REPEATED: Final = ("--reruns", "1", "--max-suite-reruns", "5", "--rerun-show-tracebacks")
"""A test that fails is repeated once, for at most five tests; its first failure is shown whatever comes of it.

An hour with real servers is not thrown away for one of three thousand tests. What was repeated stands in the closing
line as "rerun": it is a fault of the program or of the test, and has to be found.
"""


def run_everything(paths: Paths, report: Report, arguments: Sequence[str]) -> int:
    """Install what the tests need, run the checks and then pytest, whose closing line is the last.

    Args:
        paths: whose cache.
        report: what tells the progress.
        arguments: handed on to pytest.

    Returns:
        pytest's exit code, or 1 where only a check failed.
    """
    install(paths, report, SERVERS)
    SystemPackages(paths.cache, report).programs(BROWSER | DATABASE | FONTS)
    failed = [name for name, argv in _CHECKS.items() if not _passes(name, argv)]
    if failed:
        print(f"FAILED before the tests: {', '.join(failed)}", flush=True)
    # Through the interpreter, so that the clone is importable whatever folder this was called from.
    # A debugger wants the one process that has the terminal, and the failure as it happened.
    ways = () if "--pdb" in arguments else (*_SIDE_BY_SIDE, *_REPEATED)
    argv = [sys.executable, "-m", "pytest", *ways, *arguments]
    code = subprocess.run(leashed(argv), cwd=ROOT, check=False).returncode
    return code or (1 if failed else 0)


def run_fast(arguments: Sequence[str]) -> int:
    """Run the checks and, beside them, the tests that need no server, whose closing line is the last.

    Args:
        arguments: handed on to pytest.

    Returns:
        pytest's exit code, or 1 where only a check failed.
    """
    with ThreadPoolExecutor(1) as aside:
        # One after the other: beside the tests, one more keeps two cores busy.
        checks = aside.submit(lambda: [name for name, argv in _CHECKS.items() if not _passes(name, argv)])
        argv = [sys.executable, "-m", "pytest", "-n", "logical", "tests/unit", "--quiet", *arguments]
        tests = subprocess.run(leashed(argv), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        failed = checks.result()
    if failed:
        print(f"FAILED beside the tests: {', '.join(failed)}", flush=True)
    print(tests.stdout, end="", flush=True)
    return tests.returncode or (1 if failed else 0)


def _passes(name: str, argv: Sequence[str]) -> bool:
    started = time.monotonic()
    program = Path(sys.executable).with_name(argv[0])
    done = subprocess.run([program, *argv[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    verdict = "passed" if done.returncode == 0 else "FAILED"
    print(f"{verdict} {name} ({' '.join(argv)}) in {time.monotonic() - started:.1f} s", flush=True)
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)
    return done.returncode == 0


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


def run_containers(arguments: Sequence[str]) -> int:
    """Verify the compose file in a real engine.

    Args:
        arguments: what stands after `containers` on the command line.

    Returns:
        Its exit code: 0 where all holds, 3 where it was not run.

    Raises:
        StateError: this is no clone.
    """
    if not (ROOT / "tests" / "containers").is_dir():
        raise StateError("containers are tested from a clone: there is no tests/containers here")
    return _run_to_its_end("tests.containers", arguments)


def run_faults(arguments: Sequence[str]) -> int:
    """Run the faults.

    Args:
        arguments: what stands after `faults` on the command line.

    Returns:
        Its exit code: 0 where every promise held.
    """
    return _run_to_its_end("tests.faults", arguments)


def _run_to_its_end(module: str, arguments: Sequence[str]) -> int:
    """Run a package of tests/, which removes what it made also where this is broken off."""
    argv = leashed([sys.executable, "-m", module, *arguments])
    # The caller's folder stays, as paths on the command line are meant from there.
    with subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
