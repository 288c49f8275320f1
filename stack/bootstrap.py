"""The virtual environment: created and filled from the committed lock, then entered. Standard library only."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from stack.downloads import digest
from stack.install import BROWSER, DATABASE, FONTS, needed_programs
from stack.paths import ROOT, Paths
from stack.run_state import hold
from stack.system_packages import SystemPackages
from stack.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from stack.report import Report

__all__ = ["VENV", "Lock", "enter"]

VENV: Final = ROOT / ".venv"
"""The project's virtual environment, in the clone."""

_PYTHON: Final = VENV / "bin" / "python"
_PYPROJECT: Final = ROOT / "pyproject.toml"

Lock = Literal["run", "record", "dev"]


def enter(paths: Paths, report: Report, arguments: Sequence[str], *, lock: Lock, servers: Collection[str]) -> None:
    """Continue inside the virtual environment, after creating, filling or updating it if necessary.

    Programs that the machine lacks for the environment and for the servers are found first, and reported in one
    message. Returns if this process is inside already; else replaces it by the environment's Python with the same
    command.

    Args:
        paths: with the cache.
        report: shows the progress.
        arguments: of this command, for the new process.
        lock: which lock: `run`, `record`, which includes all of `run`, or `dev`, which includes all of `record`.
        servers: the servers that the command will start.

    Raises:
        MissingProgramsError: the machine lacks something that can't be installed.
        InstallError: pip failed.
    """
    if not _PYPROJECT.exists():
        # Installed from a wheel: its dependencies are installed with it.
        return
    inside = Path(sys.prefix).resolve() == VENV.resolve()
    ready = _is_filled(lock)
    if inside and ready:
        return
    if not ready:
        needs = needed_programs(paths, servers) | (set() if _works() else {"ensurepip"})
        needs |= {"run": frozenset(), "record": FONTS, "dev": BROWSER | DATABASE | FONTS}[lock]
        SystemPackages(paths.cache, report).programs(needs)
        name = hashlib.sha256(str(ROOT).encode()).hexdigest()[:16]
        with hold(
            paths.cache / "environments" / f"{name}.lock",
            partial(report.note, "another opsci is making the virtual environment: waiting for it"),
        ):
            if not _is_filled(lock):
                _fill(paths, report, lock)
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(_PYTHON, [str(_PYTHON), "-P", "-m", "stack", *arguments])  # noqa: S606


def _lock_file(lock: Lock) -> Path:
    return ROOT / "stack" / "locks" / f"{lock}.txt"


def _stamp(lock: Lock) -> str:
    """The identification of a filled environment: its lock, the project's scripts, and its location."""
    return f"{digest(_lock_file(lock), _PYPROJECT)} {ROOT}\n"


def _is_filled(lock: Lock) -> bool:
    locks: tuple[Lock, ...] = ("dev", "record", "run")
    for candidate in locks[: locks.index(lock) + 1]:
        stamp = VENV / f".opsci-{candidate}"
        if stamp.exists() and stamp.read_text() == _stamp(candidate):
            return _PYTHON.exists()
    return False


def _works() -> bool:
    """Whether there is a working environment with pip, created at its current location."""
    if not _PYTHON.exists() or not (VENV / "bin" / "pip").exists():
        return False
    if str(VENV) not in (VENV / "bin" / "pip").read_text(errors="replace"):
        return False
    return subprocess.run([_PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def _fill(paths: Paths, report: Report, lock: Lock) -> None:
    for stale in VENV.glob(".opsci-*"):
        stale.unlink()
    if not _works():
        with report.step(f"make the virtual environment {VENV.name}") as step:
            run_tool([sys.executable, "-m", "venv", "--clear", VENV], step, cwd=ROOT)
    pip: list[str | Path] = [
        _PYTHON,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar=off",
    ]
    cache = paths.cache / "pip" / digest(_lock_file(lock))
    with report.step(f"install Python packages (pip, {lock} lock)") as step:
        run_tool(
            [*pip, "--cache-dir", cache, "--require-hashes", "-r", _lock_file(lock)],
            step,
            cwd=ROOT,
            counting="^(Collecting|Requirement already)",
            counted="packages found",
        )
        # The build backend is in the lock, so nothing else is downloaded for this.
        run_tool([*pip, "--no-index", "--no-deps", "--no-build-isolation", "-e", ROOT], step, cwd=ROOT)
    # Last, so that an environment whose filling was interrupted has no stamp, and is filled again.
    (VENV / f".opsci-{lock}").write_text(_stamp(lock))
