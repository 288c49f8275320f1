"""`stack run` in a real terminal: the screen is there while the servers start, and nothing stays that should not."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from stack.lifecycle import take_down
from stack.paths import ROOT, Paths
from stack.report import Report
from stack.run_state import RunState
from stack.seed import read_catalogue
from stack.servers.server import SERVERS
from tests.bench.terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack.run_state import Running

PATIENCE = 240.0


class Opened:
    """`stack run` in a terminal, on a state folder of its own."""

    def __init__(self, terminal: Terminal, paths: Paths) -> None:
        self.terminal = terminal
        self.paths = paths

    def shows(self, text: str) -> None:
        self.terminal.wait_for(text, seconds=PATIENCE)

    def servers(self) -> dict[str, Running]:
        return RunState.read(self.paths.record).servers

    def is_left(self) -> int:
        """Wait for its end; the exit code."""
        return self.terminal.process.wait(PATIENCE)

    def said(self) -> str:
        return bytes(self.terminal._painted).decode(errors="replace").rpartition("\x1b[?1049l")[2]


@pytest.fixture
def paths(tmp_path: Path) -> Iterator[Paths]:
    found = Paths.of(tmp_path / "state")
    yield found
    take_down(found, Report(quiet=True))


@contextmanager
def opened(paths: Paths, **environment: str) -> Iterator[Opened]:
    home = {"XDG_STATE_HOME": str(paths.state.parent / "home"), "OPSCI_SCREEN_LANGUAGE": "en"}
    command = [sys.executable, "-m", "stack", "run", "--state", str(paths.state)]
    with Terminal(command, 120, 40, {**os.environ, **home, **environment}, ROOT) as terminal:
        yield Opened(terminal, paths)


def test_the_screen_shows_the_servers_starting_and_then_the_chain(paths: Paths) -> None:
    with opened(paths) as run:
        run.shows("Move stock")
        assert not any(running.log_start for running in run.servers().values())
        run.shows("no answer yet on")
        run.shows("listening")
        run.shows("nothing waits")
        run.shows(f"{len(read_catalogue())} products")
        before = run.servers()
        assert set(before) == set(SERVERS)
        run.terminal.type("q")
        run.shows("Quitting stops the servers")
        run.terminal.type("q")
        assert run.is_left() == 0
        assert not any(running.identity.is_alive for running in before.values())
        assert not run.servers()


def test_quitting_while_they_start_breaks_the_start_off(paths: Paths) -> None:
    with opened(paths) as run:
        run.shows("no answer yet on")
        before = run.servers()
        run.terminal.type("q")
        run.shows("Quitting stops the servers")
        run.terminal.type("q")
        assert run.is_left() == 0
        assert before
        assert not any(running.identity.is_alive for running in before.values())
        assert not run.servers()


def test_servers_that_are_to_run_on_are_waited_for(paths: Paths) -> None:
    with opened(paths) as run:
        run.shows("no answer yet on")
        run.terminal.type("q")
        run.shows("Quitting stops the servers")
        run.terminal.type("b")
        assert run.is_left() == 0
        assert "the servers run on" in run.said()
        assert RunState.read(paths.record).alive() == set(SERVERS)
        assert all(running.owner is None for running in run.servers().values())


def test_a_server_that_does_not_start_is_said_on_the_screen_and_after_it(paths: Paths) -> None:
    with opened(paths, DATABASE_CLIENT="none-such") as run:
        run.shows("strapi did not start: ")
        run.shows("logs/strapi.log")
        deadline = time.monotonic() + PATIENCE
        while run.servers():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        run.terminal.type("q")
        assert run.is_left() == 1
        assert "strapi did not start: " in run.said()
        assert "the end of" in run.said()
