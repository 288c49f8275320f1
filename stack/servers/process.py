"""Processes that were started here, told apart from any other that got the same number later.

A pid alone may name a stranger after ours ended. The kernel's start time of the process (proc(5), field 22 of
/proc/PID/stat) and the boot it belongs to make it certain; nothing is ever signalled without that check.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Identity", "spawn", "stop_group", "wait_gone", "wait_paused"]

_POLL: Final = 0.05


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> tuple[str, int] | None:
    """The state letter and the start time in clock ticks since boot, or nothing where no such process is."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets, and may itself hold spaces and brackets.
    rest = text[text.rindex(")") + 2 :].split()
    return rest[0], int(rest[19])


@dataclass(frozen=True)
class Identity:
    """One process, for certain.

    Attributes:
        pid: its number, which is its process group's as well.
        start_ticks: when it started, in clock ticks since boot.
        boot: the kernel's id of that boot.
    """

    pid: int
    start_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Read the identity of a process that runs.

        Raises:
            ProcessLookupError: no such process.
        """
        stat = _stat(pid)
        if stat is None:
            raise ProcessLookupError(pid)
        return cls(pid, stat[1], _boot())

    @property
    def state_letter(self) -> str:
        """`R`, `S`, `D`, `T` as in proc(5), or an empty text where that process has ended."""
        stat = _stat(self.pid)
        if stat is None or stat[1] != self.start_ticks or stat[0] in "ZX" or _boot() != self.boot:
            return ""
        return stat[0]

    @property
    def is_alive(self) -> bool:
        """Whether that very process still runs."""
        return bool(self.state_letter)

    @property
    def is_paused(self) -> bool:
        """Whether it was stopped by SIGSTOP."""
        return self.state_letter == "T"

    def signal_group(self, number: signal.Signals) -> bool:
        """Send a signal to its whole process group; nothing is sent where it has ended.

        Returns:
            Whether it was sent.
        """
        if not self.is_alive:
            return False
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return False
        return True

    def as_dict(self) -> dict[str, int | str]:
        """The three fields, for the record."""
        return asdict(self)


def spawn(
    argv: Sequence[str | Path], *, log: Path, cwd: Path, environment: Mapping[str, str]
) -> tuple[Identity, subprocess.Popen[bytes]]:
    """Start a program in a session of its own, so that a Ctrl-C in this terminal does not reach it.

    Args:
        argv: the program and its arguments.
        log: the file that its output is appended to.
        cwd: its working folder.
        environment: its whole environment.

    Returns:
        Its identity, and the handle that its parent needs for reaping it.
    """
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
        )
    return Identity.of(child.pid), child


def wait_gone(identity: Identity, seconds: float) -> bool:
    """Wait until a process has ended.

    Returns:
        Whether it ended in time.
    """
    deadline = time.monotonic() + seconds
    while identity.is_alive:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def wait_paused(identity: Identity, seconds: float) -> bool:
    """Wait until a process that was sent SIGSTOP stands still, which a busy machine takes a moment for.

    Returns:
        Whether it stands still in time.
    """
    deadline = time.monotonic() + seconds
    while identity.is_alive and not identity.is_paused:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return identity.is_paused


def stop_group(identity: Identity, *, patience: float) -> bool:
    """End a process and its group: SIGTERM, and SIGKILL after a deadline.

    Args:
        identity: the process.
        patience: how many seconds it gets to end by itself.

    Returns:
        Whether it had to be killed.
    """
    if not identity.signal_group(signal.SIGTERM):
        return False
    # A paused process takes SIGTERM only once it runs again.
    identity.signal_group(signal.SIGCONT)
    if wait_gone(identity, patience):
        _kill_orphans(identity.pid)
        return False
    identity.signal_group(signal.SIGKILL)
    wait_gone(identity, 10)
    return True


def _kill_orphans(group: int) -> None:
    """Kill what a process that just ended left in its group; the number cannot be a stranger's while members live."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
