"""`run`: the servers, the catalogue and the screen in one command; without a terminal, a trial of every hop."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.command_line import LEAVE_SERVERS
from stack.errors import StateError
from stack.run_state import RunState
from stack.seed import seed_catalogue
from stack.status import log_in, pages_that_may, warnings
from stack.tool import leashed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.local import LocalStack
    from stack.paths import Paths
    from stack.report import Report

__all__ = ["run"]


def run(paths: Paths, report: Report, servers: LocalStack, *, config: Path | None) -> int:
    """Start the servers and open the screen; at its end, stop the servers that were started.

    Args:
        paths: with the state.
        report: shows the progress.
        servers: the servers, not started yet.
        config: a settings file for existing servers: none is started or seeded.

    Returns:
        The exit code of the screen, or of the trial.
    """
    if config:
        if not config.is_file():
            raise StateError(f"there is no settings file {config}")
        return _open(config)
    try:
        started = servers.start()
        if not started:
            report.note("these servers run already: they are used as they are, and stay when this ends")
        record = RunState.read(paths.record)
        report.note(f"MQTT over websockets on {servers.addresses.mqtt_ws} {pages_that_may(record)}")
        if record.admin:
            report.note(f"Strapi's panel: {log_in(paths, servers.addresses.strapi)}")
        with report.step("seed the catalogue") as step:
            trust = servers.credentials.trust() if paths.is_secure else None
            made, there = seed_catalogue(servers.addresses.strapi, servers.bridge_token, trust)
            step.outcome = f"{made} products made, {there} there already"
        code = _open(servers.settings_file, asks=started)
        if code == LEAVE_SERVERS:
            code = 0
            servers.leave()
            report.note(
                "the servers run on: `python3 -m stack down` stops them, `python3 -m stack run` opens them again"
            )
        # Now, because the screen covered earlier messages.
        for warning in warnings(paths):
            report.note(f"warning: {warning}")
        return code
    finally:
        with _undisturbed():
            servers.stop()


def _open(config: Path, *, asks: bool = False) -> int:
    """Run the screen if there is a terminal, else the trial.

    Args:
        config: the settings file.
        asks: whether the screen asks before it ends whether to stop the servers.

    Returns:
        The exit code; LEAVE_SERVERS where the servers are to keep running.
    """
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    program = Path(sys.executable).with_name("opsci-tui")
    screen, trial = (
        [str(program), *(["--ask-about-servers"] if asks else [])],
        [sys.executable, "-P", "-m", "bridge", "trial"],
    )
    argv = [*(screen if has_terminal else trial), "--config", str(config)]
    with subprocess.Popen(leashed(argv)) as child:
        try:
            return child.wait()
        except BaseException:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
            raise


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Ignore further Ctrl-C while stopping, which takes seconds and has its own deadline."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
