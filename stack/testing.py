"""`test`, `bench`, `faults` and `containers`, which run packages of tests/ and so exist only in a clone."""

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
from stack.tool import end_with_runner

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
"""As many workers as `tests/side_by_side.py` says; `-n 0` among the arguments overrides it."""

_REPEATED: Final = ("--reruns", "1", "--max-suite-reruns", "10", "--rerun-show-tracebacks")
"""A failed test is repeated once, for at most ten tests; its first failure is shown in any case.

An hour with real servers is not wasted for one of three thousand tests. Repeated tests are counted in the closing line
as "rerun": each is a fault of the program or of the test, and must be found.
"""


def run_everything(paths: Paths, report: Report, arguments: Sequence[str]) -> int:
    """Install what the tests need, run the checks and then pytest, whose closing line is the last.

    Args:
        paths: with the cache.
        report: shows the progress.
        arguments: for pytest.

    Returns:
        pytest's exit code, or 1 where only a check failed.
    """
    install(paths, report, SERVERS)
    SystemPackages(paths.cache, report).programs(BROWSER | DATABASE | FONTS)
    failed = [name for name, argv in _CHECKS.items() if not _passes(name, argv)]
    if failed:
        print(f"FAILED before the tests: {', '.join(failed)}", flush=True)
    # Run by the interpreter, so that the clone is importable from any folder. A debugger needs a single process with
    # the terminal, and the first failure.
    ways = () if "--pdb" in arguments else (*_SIDE_BY_SIDE, *_REPEATED)
    argv = [sys.executable, "-m", "pytest", *ways, *arguments]
    code = subprocess.run(end_with_runner(argv), cwd=ROOT, check=False).returncode
    return code or (1 if failed else 0)


def run_fast(arguments: Sequence[str]) -> int:
    """Run the checks and, in parallel, the tests that need no server, whose closing line is the last.

    Args:
        arguments: for pytest.

    Returns:
        pytest's exit code, or 1 where only a check failed.
    """
    with ThreadPoolExecutor(1) as aside:
        # One after the other: besides the tests, one more keeps two cores busy.
        checks = aside.submit(lambda: [name for name, argv in _CHECKS.items() if not _passes(name, argv)])
        argv = [sys.executable, "-m", "pytest", "-n", "logical", "tests/unit", "--quiet", *arguments]
        tests = subprocess.run(end_with_runner(argv), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
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
    """Run the benchmarks.

    Args:
        arguments: the benchmarks and flags, see its `--help`.

    Returns:
        Its exit code.

    Raises:
        StateError: this is not a clone.
    """
    if not (ROOT / "tests" / "bench").is_dir():
        raise StateError("bench measures from a clone: there is no tests/bench here")
    return subprocess.run(
        end_with_runner([sys.executable, "-m", "tests.bench", *arguments]), cwd=ROOT, check=False
    ).returncode


def run_containers(arguments: Sequence[str]) -> int:
    """Verify the compose file in a real engine.

    Args:
        arguments: those after `containers` on the command line.

    Returns:
        Its exit code: 0 where all tests passed, 3 where it was not run.

    Raises:
        StateError: this is not a clone.
    """
    if not (ROOT / "tests" / "containers").is_dir():
        raise StateError("containers are tested from a clone: there is no tests/containers here")
    return _run_to_its_end("tests.containers", arguments)


def run_faults(arguments: Sequence[str]) -> int:
    """Run the fault tests.

    Args:
        arguments: those after `faults` on the command line.

    Returns:
        Its exit code: 0 where every promise was kept.
    """
    return _run_to_its_end("tests.faults", arguments)


def _run_to_its_end(module: str, arguments: Sequence[str]) -> int:
    """Run a package of tests/, which cleans up even if this is interrupted."""
    argv = end_with_runner([sys.executable, "-m", module, *arguments])
    # In the caller's folder, as paths on the command line are relative to it.
    with subprocess.Popen(argv, env={**os.environ, "PYTHONPATH": str(ROOT)}) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            child.wait()
            raise
