"""Start-up times of the programs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.paths import ROOT
from stack.ports import random_ports
from tests.bench.bench import FailedError
from tests.bench.outcome import Outcome
from tests.bench.running import Running

if TYPE_CHECKING:
    from tests.bench.bench import Bench
    from tests.bench.work import Contender

__all__ = ["run_start"]

_LOOK: Final = 0.01
_PATIENCE: Final = 60.0


def run_start(bench: Bench, contender: Contender) -> Outcome:
    """Time one start: of the servers by the runner, or of the engine."""
    seconds = _stack_up() if contender.name == "stack-up" else _bridge_ready(bench)
    return Outcome(value=seconds)


def _stack_up() -> float:
    """Time `python3 -m stack up` with existing data and stopped servers, the usual daily start."""
    with tempfile.TemporaryDirectory(prefix="opsci-bench-") as folder:
        state = str(Path(folder) / "state")
        try:
            _stack("up", state)
            _stack("down", state)
            began = time.monotonic()
            _stack("up", state)
            return time.monotonic() - began
        finally:
            _stack("down", state)


def _stack(command: str, state: str) -> None:
    argv = [sys.executable, "-m", "stack", command, "--state", state]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FailedError(f"stack {command} failed: {done.stderr[-500:]}")


def _bridge_ready(bench: Bench) -> float:
    port = random_ports().web
    argv = [sys.executable, "-m", "bridge", "--config", str(bench.stack.settings_file), "--set", f"watch.port={port}"]
    began = time.monotonic()
    with Running(argv, bench.folder / "start.log", ROOT) as running:
        while time.monotonic() - began < _PATIENCE:
            running.must_live()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
                    return time.monotonic() - began
            except (urllib.error.URLError, ConnectionError):
                time.sleep(_LOOK)
        raise FailedError(f"it is not ready after {_PATIENCE:.0f} s; {running.last_words()}")
