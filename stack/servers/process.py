"""Processes started here, distinguished from others that later get the same pid or the same port.

A pid alone may refer to a foreign process after ours ended. The kernel's start time of the process (proc(5), field 22
of /proc/PID/stat) and the boot id make it unique; nothing is ever signalled without that check.

Linux's tables show which process listens on a port: each TCP socket is in /proc/net/tcp with its address, state and
inode (proc(5)), and each process's open files are under /proc/PID/fd, where a socket is a link to `socket:[INODE]`.
Standard library only.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bridge.phrase import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["AnotherAnswersError", "Identity", "prove_listener", "spawn", "stop_group", "wait_gone", "wait_paused"]


_BY_PRECEDENCE: Final = (
    (
        # Addresses are in the machine's byte order, which is little-endian on all machines supported here.
        (Path("/proc/net/tcp"), "0100007F"),
        # A server that listens on both families has 127.0.0.1 as ::ffff:127.0.0.1.
        (Path("/proc/net/tcp6"), "0000000000000000FFFF00000100007F"),
    ),
    ((Path("/proc/net/tcp"), "00000000"),),
    ((Path("/proc/net/tcp6"), "0" * 32),),
)
"""The addresses by which a connection to 127.0.0.1 is answered: itself, then all of IPv4, then all of both families."""

_LISTEN: Final = "0A"

_POLL: Final = 0.05


class AnotherAnswersError(ConnectionError):
    """Another process answers than the one that was started.

    Args:
        why: for the user, who may read it in another language.
    """

    def __init__(self, why: Phrase) -> None:
        super().__init__(why)
        self.why = why


def prove_listener(port: int, server: Identity | None) -> None:
    """Check that a server, or a process of its group, listens on a port of 127.0.0.1; call this after an answer.

    Args:
        port: the port.
        server: the process that was started; None accepts any process.

    Raises:
        AnotherAnswersError: another process listens there.
    """
    if server is None:
        return
    # Who listens on the address itself answers, else who listens on all addresses.
    listening = next(filter(None, (_listening(port, addresses) for addresses in _BY_PRECEDENCE)), None)
    if not listening:
        raise AnotherAnswersError(Phrase("port {port} is taken: another program answers there", port=port))
    ours = set[str]().union(*map(_sockets, _group(server.pid)))
    if others := listening - ours:
        pid = next((pid for pid in _processes() if others & _sockets(pid)), None)
        who = Phrase("another user's program") if pid is None else f"{_name(pid)} (pid {pid})"
        raise AnotherAnswersError(Phrase("port {port} is taken: {who} answers there", port=port, who=who))


def _listening(port: int, addresses: Sequence[tuple[Path, str]]) -> set[str]:
    """The inodes of the sockets that listen on a port of some addresses, each with its table."""
    found = set()
    for table, address in addresses:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[1] == f"{address}:{port:04X}" and fields[3] == _LISTEN:
                found.add(fields[9])
    return found


def _processes() -> Iterator[int]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            yield int(folder.name)


def _group(leader: int) -> Iterator[int]:
    """The processes of a group, its leader first."""
    yield leader
    for pid in _processes():
        try:
            if pid != leader and os.getpgid(pid) == leader:
                yield pid
        except ProcessLookupError:
            continue


def _sockets(pid: int) -> set[str]:
    """The inodes of a process's open sockets; empty if it belongs to another user or has ended."""
    found = set()
    try:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                link = str(descriptor.readlink())
                if link.startswith("socket:["):
                    found.add(link[8:-1])
    except OSError:
        return found
    return found


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "a program that has ended"


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> tuple[str, int] | None:
    """The state letter and the start time in clock ticks since boot; None if there is no such process."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The second field is the program's name in brackets, which may itself contain spaces and brackets.
    rest = text[text.rindex(")") + 2 :].split()
    return rest[0], int(rest[19])


@dataclass(frozen=True)
class Identity:
    """The unique identity of a process.

    Attributes:
        pid: its pid, which is also its process group's.
        start_ticks: when it started, in clock ticks since boot.
        boot: the kernel's id of that boot.
    """

    pid: int
    start_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Read the identity of a running process.

        Raises:
            ProcessLookupError: there is none with that pid.
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
        """Whether that process still runs."""
        return bool(self.state_letter)

    @property
    def is_paused(self) -> bool:
        """Whether it was stopped by SIGSTOP."""
        return self.state_letter == "T"

    def signal_group(self, number: signal.Signals) -> bool:
        """Send a signal to its process group, unless it has ended.

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
    """Start a program in a new session, so that a Ctrl-C in this terminal does not reach it.

    Only its owner can read the files that it creates.

    Args:
        argv: the program and its arguments.
        log: the file to which its output is appended.
        cwd: its working folder.
        environment: its whole environment.

    Returns:
        Its identity, and the handle that its parent needs to reap it.
    """
    with open(log, "ab", opener=partial(os.open, mode=0o600)) as output:
        child = subprocess.Popen(
            [str(part) for part in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            umask=0o077,
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
    """Wait until a process that got SIGSTOP has stopped, which takes a moment on a busy machine.

    Returns:
        Whether it stopped in time.
    """
    deadline = time.monotonic() + seconds
    while identity.is_alive and not identity.is_paused:
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return identity.is_paused


def stop_group(identity: Identity, *, timeout: float) -> bool:
    """End a process and its group: SIGTERM, then SIGKILL after a deadline.

    Args:
        identity: the process.
        timeout: how many seconds it gets to end by itself.

    Returns:
        Whether it had to be killed.
    """
    if not identity.signal_group(signal.SIGTERM):
        return False
    # A paused process handles SIGTERM only once it continues.
    identity.signal_group(signal.SIGCONT)
    if wait_gone(identity, timeout):
        _kill_orphans(identity.pid)
        return False
    identity.signal_group(signal.SIGKILL)
    wait_gone(identity, 10)
    return True


def _kill_orphans(group: int) -> None:
    """Kill what a process that just ended left in its group; the pid can't be reused while the group has members."""
    try:
        os.killpg(group, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
