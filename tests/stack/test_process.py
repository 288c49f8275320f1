"""The identity of processes, and their end."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from stack.servers.process import Identity, spawn, stop_group

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

_SLEEP = "import time; time.sleep(600)"
_STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
)


def _start(folder: Path, code: str) -> tuple[Identity, subprocess.Popen[bytes]]:
    return spawn([sys.executable, "-c", code], log=folder / "log", cwd=folder, environment=os.environ)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Identity]:
    identity, child = _start(tmp_path, _SLEEP)
    yield identity
    child.kill()
    child.wait()


def test_a_process_that_runs_is_alive(sleeper: Identity) -> None:
    assert sleeper.is_alive
    assert Identity.of(sleeper.pid) == sleeper


def test_another_process_with_the_same_number_is_never_signalled(sleeper: Identity) -> None:
    for stranger in (replace(sleeper, start_ticks=sleeper.start_ticks + 1), replace(sleeper, boot="another")):
        assert not stranger.is_alive
        assert not stranger.signal_group(signal.SIGKILL)
        assert not stop_group(stranger, timeout=0)
    assert sleeper.is_alive


def test_a_program_whose_name_holds_brackets_and_spaces_is_told_apart(tmp_path: Path) -> None:
    odd = tmp_path / "a) R 1 (b"
    odd.symlink_to("/bin/sleep")
    identity, child = spawn([odd, "600"], log=tmp_path / "log", cwd=tmp_path, environment=os.environ)
    assert identity.is_alive
    assert not stop_group(identity, timeout=10)
    child.wait()


def test_a_process_that_has_ended_is_not_alive_before_it_is_reaped(tmp_path: Path) -> None:
    identity, child = _start(tmp_path, _SLEEP)
    assert not stop_group(identity, timeout=10)
    assert not identity.is_alive
    assert child.wait() == -signal.SIGTERM


def test_a_paused_process_is_seen_and_can_be_stopped(tmp_path: Path) -> None:
    identity, child = _start(tmp_path, _SLEEP)
    identity.signal_group(signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while not identity.is_paused:
        assert time.monotonic() < deadline
    assert identity.is_alive
    assert not stop_group(identity, timeout=10)
    child.wait()


def test_a_process_that_ignores_sigterm_is_killed_at_the_deadline(tmp_path: Path) -> None:
    identity, child = _start(tmp_path, _STUBBORN)
    deadline = time.monotonic() + 10
    while b"deaf" not in (tmp_path / "log").read_bytes():
        assert time.monotonic() < deadline
    assert stop_group(identity, timeout=0.2)
    assert child.wait() == -signal.SIGKILL
