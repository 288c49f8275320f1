"""The command `run`: servers, catalogue and screen together; without a terminal, a trial of every hop."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.command_line import LEAVE_SERVERS
from stack.background_start import BackgroundStart
from stack.errors import StateError
from stack.run_state import RunState
from stack.seed import seed_catalogue
from stack.status import log_in, pages_that_may, warnings
from stack.tool import end_with_runner

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from stack.local import LocalStack
    from stack.paths import Paths
    from stack.report import Report

__all__ = ["run"]


def run(paths: Paths, report: Report, servers: LocalStack, *, config: Path | None) -> int:
    """Install what is missing, open the screen while the servers start, and at its end stop those that this started.

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
    servers.provide()
    if not _has_terminal():
        return _run_trial(paths, report, servers)
    seed, introduce = partial(_seed, paths, servers), partial(_say_addresses, paths, report, servers)
    start = BackgroundStart(servers, seed, introduce, report)
    try:
        starting = start.begin()
        if not starting:
            report.note("these servers run already: they are used as they are, and stay when this ends")
            introduce()
            seed()
        code = _open_screen(servers.settings_file, start.screen_end if starting else None)
        report.uncover()
        if code == LEAVE_SERVERS:
            code = 0
            start.finish()
            servers.leave()
            report.note(
                "the servers run on: `python3 -m stack down` stops them, `python3 -m stack run` opens them again"
            )
        elif start.is_over and start.error is not None:
            raise start.error
        # Now, as the screen covered earlier messages.
        for warning in warnings(paths):
            report.note(f"warning: {warning}")
        return code
    finally:
        report.uncover()
        with _undisturbed():
            start.cancel()
            servers.stop()


def _run_trial(paths: Paths, report: Report, servers: LocalStack) -> int:
    """Try every hop instead of opening the screen, once the servers run."""
    try:
        if not servers.start():
            report.note("these servers run already: they are used as they are, and stay when this ends")
        _say_addresses(paths, report, servers)
        with report.step("seed the catalogue") as step:
            step.outcome = _seed(paths, servers)
        code = _open_trial(servers.settings_file)
        for warning in warnings(paths):
            report.note(f"warning: {warning}")
        return code
    finally:
        with _undisturbed():
            servers.stop()


def _seed(paths: Paths, servers: LocalStack) -> str:
    """Load the catalogue into Strapi and print the result."""
    trust = servers.credentials.trust() if paths.is_secure else None
    made, there = seed_catalogue(servers.addresses.strapi, servers.bridge_token, trust)
    return f"{made} products made, {there} there already"


def _say_addresses(paths: Paths, report: Report, servers: LocalStack) -> None:
    record = RunState.read(paths.record)
    report.note(f"MQTT over websockets on {servers.addresses.mqtt_ws} {pages_that_may(record)}")
    if record.admin:
        report.note(f"Strapi's panel: {log_in(paths, servers.addresses.strapi)}")


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _open(config: Path) -> int:
    """Open the screen if there is a terminal with a keyboard, else run the trial."""
    return _open_screen(config, None) if _has_terminal() else _open_trial(config)


def _open_screen(config: Path, starting: socket.socket | None) -> int:
    """Run the screen.

    Args:
        config: the settings file.
        starting: the socket from which the screen reads the progress of the servers' start; it is closed here. None if
            the servers run already.

    Returns:
        The exit code; LEAVE_SERVERS if the user lets the servers keep running.
    """
    program = Path(sys.executable).with_name("opsci-tui")
    flags = [] if starting is None else ["--ask-about-servers", "--starting", str(starting.fileno())]
    return _wait_for([str(program), *flags, "--config", str(config)], starting)


def _open_trial(config: Path) -> int:
    return _wait_for([sys.executable, "-P", "-m", "bridge", "trial", "--config", str(config)])


def _wait_for(argv: list[str], handed: socket.socket | None = None) -> int:
    """Run a program and return its exit code; it is ended if this program ends.

    Args:
        argv: the program and its arguments.
        handed: a socket that it inherits; it is closed here.
    """
    with subprocess.Popen(end_with_runner(argv), pass_fds=[] if handed is None else [handed.fileno()]) as child:
        if handed is not None:
            handed.close()
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
