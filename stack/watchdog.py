"""The process that stops a runner's servers if the runner ends without doing so, even by SIGKILL.

    python -m stack.watchdog STATE OWNER_PID OWNER_START_TICKS

It waits on the kernel's handle of the runner (pidfd_open(2)), which refers to that process only, and runs in its own
session, out of reach of the terminal's Ctrl-C and hang-up.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.child_environment import server_environment
from stack.lifecycle import stop_servers
from stack.paths import ROOT, Paths
from stack.report import Report
from stack.run_state import hold
from stack.servers.process import Identity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "start_watchdog"]


def start_watchdog(paths: Paths, owner: Identity) -> subprocess.Popen[bytes]:
    """Start the watchdog of a runner; end it by SIGTERM once the servers are stopped."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "stack.watchdog", str(paths.state), str(owner.pid), str(owner.start_ticks)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**server_environment(os.environ), "PYTHONPATH": str(ROOT)},
        cwd="/",
        start_new_session=True,
    )


def main(arguments: Sequence[str]) -> int:
    """Wait for the owner's end, then stop what it started."""
    state, pid, ticks = arguments
    paths = Paths.of(Path(state))
    try:
        handle = os.pidfd_open(int(pid))
        owner = Identity.of(int(pid))
    except ProcessLookupError:
        handle = None
        owner = Identity.of(os.getpid())
    owner = Identity(int(pid), int(ticks), owner.boot)
    if handle is not None and owner.is_alive:
        waiter = select.poll()
        waiter.register(handle, select.POLLIN)
        waiter.poll()
    if paths.is_ours:
        with hold(paths.lock, lambda: None):
            stop_servers(paths, Report(quiet=True), owner=owner)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
