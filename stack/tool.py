"""Running installers (pip, npm, Maven, apt-get) with their progress shown."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.child_environment import without_secrets
from stack.errors import InstallError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stack.report import Step

__all__ = ["end_tools", "end_with_runner", "run_tool"]

_HEAD: Final = 8
_TAIL: Final = 12
_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_running: Final[set[subprocess.Popen[str]]] = set()


def run_tool(
    argv: Sequence[str | Path],
    step: Step,
    *,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    counting: str = "",
    counted: str = "",
) -> None:
    """Run a tool, showing its latest line; it ends with this process, even if that is killed.

    Args:
        argv: the program and its arguments.
        step: where its progress is shown.
        cwd: the working folder.
        environment: added to this process's environment, without secrets that are not the installer's own.
        counting: a pattern; matching lines are counted and not shown.
        counted: what such a line represents, in the plural.

    Raises:
        InstallError: it failed; the text ends with its first lines about errors, and its last lines.
    """
    tool = subprocess.Popen(
        end_with_runner(argv),
        cwd=cwd,
        env={**without_secrets(os.environ), **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # Its children (compilers, post-install scripts) are killed with it, as one group.
        start_new_session=True,
    )
    _running.add(tool)
    try:
        said = _watch(tool, step, counting, counted)
        code = tool.wait()
    except BaseException:
        _kill(tool)
        raise
    finally:
        _running.discard(tool)
        if tool.stdout:
            tool.stdout.close()
    if code:
        lines = "\n".join(f"    {line}" for line in said)
        raise InstallError(f"{Path(argv[0]).name} failed with exit code {code} ({step.label}):\n{lines}")


def end_with_runner(argv: Sequence[str | Path]) -> list[str]:
    """Make the kernel send SIGTERM to a program when the thread that starts it ends (prctl(2), PR_SET_PDEATHSIG).

    Args:
        argv: the program and its arguments.

    Returns:
        The same, run by setpriv of util-linux, which every Debian has; unchanged where it is missing.
    """
    leash = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
    return [*leash, *map(str, argv)]


def end_tools() -> None:
    """Kill every tool that runs in any thread, after an interruption."""
    for tool in list(_running):
        _kill(tool)


def _kill(tool: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(tool.pid, signal.SIGKILL)
    tool.wait()


def _watch(tool: subprocess.Popen[str], step: Step, counting: str, counted: str) -> list[str]:
    first: list[str] = []
    last: list[str] = []
    count = 0
    for raw in tool.stdout or ():
        line = _COLOURS.sub("", raw).strip()
        if counting and re.search(counting, line):
            count += 1
            step.waits_for = f"{count} {counted}"
        elif line:
            step.waits_for = line
            last.append(line)
            if len(last) > _TAIL:
                earlier = last.pop(0)
                # The cause is often at the top of a long usage text or stack trace.
                if len(first) < _HEAD and re.search(r"\berr(or)?\b|fatal", earlier, re.IGNORECASE):
                    first.append(earlier)
    return [*first, *last]
