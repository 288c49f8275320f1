"""Ctrl-Z and `fg` in a real terminal: the shell's output disappears, and the whole screen comes back."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")

_ROWS = 40


class Tmux:
    """A shell in a terminal of tmux."""

    def __init__(self, home: Path) -> None:
        self._tmux = ["tmux", "-L", f"opsci-{uuid.uuid4().hex[:8]}", "-f", os.devnull]
        shell = f"env HOME={home} OPSCI_STATE={home}/none LC_ALL=C.UTF-8 PS1='shell$ ' bash --norc"
        self._do("new-session", "-d", "-x", "120", "-y", str(_ROWS), shell)
        self.wait(lambda: "shell$" in self.text())

    def _do(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True).stdout

    def type(self, *keys: str) -> None:
        """Press keys by tmux's names, or type texts."""
        self._do("send-keys", *keys)

    def text(self) -> str:
        """The text on the screen."""
        return self._do("capture-pane", "-p")

    def wait(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)

    def end(self) -> None:
        """End the shell and its programs."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Tmux]:
    """A shell without the user's configuration."""
    tmux = Tmux(tmp_path)
    yield tmux
    tmux.end()


def _frame(text: str) -> list[str]:
    """The constant parts of the screen while its servers are down: the panes' frames, and the footer."""
    lines = text.splitlines()
    framed = [line for line in lines if line[:1] in "┏┗┃╭╰"] + lines[-1:]
    # For how long each is away goes on by itself.
    return [re.sub(r"DOWN .*?[━─]+", "DOWN", line) for line in framed]


def _begin(shell: Tmux, tmp_path: Path) -> list[str]:
    away = "--set mqtt.url=mqtt://127.0.0.1:9 --set kafka.brokers=127.0.0.1:9 --set strapi.url=http://127.0.0.1:9"
    command = f"echo $BASHPID > {tmp_path}/pid; exec {sys.executable} -m tui {away}"
    shell.type(f"({command})", "Enter")
    # Until the servers are known to be away, more comes above the panes.
    shell.wait(lambda: shell.text().count("does not answer since") == 3)
    shell.wait(lambda: "✗ MQTT: " in shell.text() and "q quit" in shell.text())
    return _frame(shell.text())


def test_the_whole_screen_comes_back_after_ctrl_z(shell: Tmux, tmp_path: Path) -> None:
    frame = _begin(shell, tmp_path)
    shell.type("C-z")
    shell.wait(lambda: "Stopped" in shell.text())
    shell.type("clear; fg", "Enter")
    shell.wait(lambda: _frame(shell.text()) == frame)
    shell.type("q")
    shell.wait(lambda: "shell$" in shell.text())


@pytest.mark.parametrize("number", [signal.SIGTSTP, signal.SIGSTOP])
def test_the_whole_screen_comes_back_after_a_signal(shell: Tmux, tmp_path: Path, number: signal.Signals) -> None:
    """SIGSTOP can't be noticed by who gets it: the shell writes into what was painted."""
    frame = _begin(shell, tmp_path)
    os.kill(int((tmp_path / "pid").read_text()), number)
    shell.wait(lambda: "Stopped" in shell.text())
    shell.type("clear", "Enter")
    shell.wait(lambda: shell.text().count("\n") >= 1 and "┏" not in shell.text())
    shell.type("fg", "Enter")
    shell.wait(lambda: _frame(shell.text()) == frame)
    shell.type("q")
    shell.wait(lambda: "shell$" in shell.text())
