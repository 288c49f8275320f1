"""What is fetched once and kept in the cache under the hash of the file that pins it."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.errors import InstallError
from stack.record import hold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from stack.report import Report, Step

__all__ = ["digest", "fetch_once", "run_tool"]

_TAIL: Final = 20
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def digest(*files: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of some files, one after the other."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def fetch_once(target: Path, label: str, report: Report, make: Callable[[Path, Step], None]) -> Path:
    """Make a folder in the cache, unless it is there; an interrupted one is never taken for a whole one.

    Args:
        target: the folder, whose name holds the hash of what pins its content.
        label: what to call it while it is made.
        report: what tells the progress.
        make: fills a new folder beside the target, which becomes the target when that returns.

    Returns:
        The target.
    """
    if target.is_dir():
        return target
    lock = target.with_name(f"{target.name}.lock")
    with hold(lock, partial(report.note, f"another opsci is at it: {label}: waiting for it")):
        if target.is_dir():
            return target
        partial_folder = target.with_name(f"{target.name}.partial")
        shutil.rmtree(partial_folder, ignore_errors=True)
        partial_folder.mkdir(parents=True)
        with report.step(label) as step:
            make(partial_folder, step)
            partial_folder.rename(target)
    return target


def run_tool(
    argv: Sequence[str | Path],
    step: Step,
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    counting: str = "",
    counted: str = "",
) -> None:
    """Run an installer to its end, showing its latest line.

    Args:
        argv: the program and its arguments.
        step: where its progress shows.
        cwd: the working folder.
        environment: what to add to this process's environment.
        counting: a pattern; lines that match it are counted and not shown.
        counted: what such a line stands for, in the plural.

    Raises:
        InstallError: it failed; the text ends with its last lines.
    """
    last: list[str] = []
    count = 0
    tool = subprocess.Popen(
        [str(part) for part in argv],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        for raw in tool.stdout or ():
            line = _COLOURS.sub("", raw).strip()
            if counting and re.search(counting, line):
                count += 1
                step.waits_for = f"{count} {counted}"
            elif line:
                step.waits_for = line
                last = [*last[1 - _TAIL :], line]
        code = tool.wait()
    except BaseException:
        os.killpg(tool.pid, signal.SIGKILL)
        tool.wait()
        raise
    finally:
        if tool.stdout:
            tool.stdout.close()
    if code:
        said = "\n".join(f"    {line}" for line in last)
        raise InstallError(f"{Path(argv[0]).name} failed with exit code {code} ({step.label}):\n{said}")
