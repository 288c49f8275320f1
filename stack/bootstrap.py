"""The virtual environment: made and filled from the committed lock, then entered. Standard library only."""

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
    """Go on inside the virtual environment, which is made, filled or renewed where it has to be.

    What the machine lacks for the environment and for the servers is looked for first, and so named in one message.
    Returns where this process is inside already; else it becomes the environment's Python with the same command.

    Args:
        paths: whose cache.
        report: what tells the progress.
        arguments: this command's, for the process that goes on.
        lock: which lock: `run`, `record`, which holds all of `run`, or `dev`, which holds all of `record`.
        servers: the servers that the command is going to start.

    Raises:
        MissingProgramsError: the machine lacks something that cannot be had.
        InstallError: pip failed.
    """
    if not _PYPROJECT.exists():
        # Installed from a wheel: whoever installed it has its packages beside it.
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
    """What a filled environment is known by: its lock, the project's scripts, and the place it was made in."""
    return f"{digest(_lock_file(lock), _PYPROJECT)} {ROOT}\n"


def _is_filled(lock: Lock) -> bool:
    locks: tuple[Lock, ...] = ("dev", "record", "run")
    for candidate in locks[: locks.index(lock) + 1]:
        stamp = VENV / f".opsci-{candidate}"
        if stamp.exists() and stamp.read_text() == _stamp(candidate):
            return _PYTHON.exists()
    return False


def _works() -> bool:
    """Whether there is an environment that packages can be put into, made where it stands."""
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
        # The build backend is in the lock, so nothing else is fetched for this.
        run_tool([*pip, "--no-index", "--no-deps", "--no-build-isolation", "-e", ROOT], step, cwd=ROOT)
    # Last: an environment whose filling was interrupted has no stamp, and is filled again.
    (VENV / f".opsci-{lock}").write_text(_stamp(lock))
