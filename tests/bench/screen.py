"""The screen: its start-up time, its cost while idle, and its response time to keys in a flood."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.paths import ROOT, Paths
from stack.report import Report
from stack.seed import seed
from tests.bench.flood import open_screen, run_flood
from tests.bench.outcome import OWN, Outcome
from tests.bench.terminal import Terminal

if TYPE_CHECKING:
    from tests.bench.bench import Bench
    from tests.bench.work import Contender

__all__ = ["KEY_FIGURES", "run_first_frame", "run_idle", "run_keys"]

KEY_FIGURES: Final = ("p50 ms", "memory MB", "growth % once the rings are full")
"""What is measured beside the p99 of the keys."""

_SIZE: Final = (120, 40)
_RATE: Final = 5_000
_FLOOD: Final = 144.0
"""Seconds in which that rate gives 720,000 messages, an hour's worth at 200 a second."""

_IDLE: Final = 30.0

_PYTHON: Final = "python3"
"""As a person starts it: the system's, from which the runner goes on to that of its environment."""

_PATIENCE: Final = 120.0
"""Seconds within which another start lets this one choose its ports, and the servers are stopped again."""


def run_first_frame(bench: Bench, contender: Contender) -> Outcome:
    """Measure the seconds from the start of `opsci-tui`, without servers, or of the runner to the first frame."""
    with tempfile.TemporaryDirectory() as home:
        environ = {**os.environ, "OPSCI_SCREEN_LANGUAGE": "en", "XDG_STATE_HOME": home}
        if contender.name == "tui":
            command = [str(Path(sys.prefix) / "bin" / "opsci-tui")]
            with Terminal(command, *_SIZE, {**environ, "HOME": home}) as terminal:
                return Outcome(value=terminal.wait_for("Move stock") - terminal.started)
        state = str(bench.folder / "first-frame")
        with Terminal([_PYTHON, "-m", "stack", "run", "--state", state], *_SIZE, environ, ROOT) as terminal:
            took = terminal.wait_for("Move stock", seconds=_PATIENCE) - terminal.started
            terminal.wait_for("Quitting stops", terminal.type("q"))
            terminal.type("q")
            terminal.process.wait(_PATIENCE)
            return Outcome(value=took)


def run_idle(bench: Bench, contender: Contender) -> Outcome:
    """Measure the share of a core, in per cent, that screen and engine use while the chain is up and idle."""
    seed(Paths.of(bench.stack.paths.state), Report(quiet=True))
    with tempfile.TemporaryDirectory() as home, open_screen(bench.stack, Path(home), _SIZE) as terminal:
        began, before = time.monotonic(), terminal.cpu()
        time.sleep(_IDLE)
        took, cpu = time.monotonic() - began, terminal.cpu() - before
        memory = {OWN: terminal.memory()}
        return Outcome(value=100 * cpu / took, seconds=took, cpu={OWN: cpu}, memory=memory)


def run_keys(bench: Bench, contender: Contender) -> Outcome:
    """Measure the 99th percentile of key response times, in ms, while an hour's messages come at 5,000 a second."""
    seed(Paths.of(bench.stack.paths.state), Report(quiet=True))
    with tempfile.TemporaryDirectory() as home:
        flood = run_flood(bench.stack, Path(home), rate=_RATE, seconds=_FLOOD, size=_SIZE)
    return Outcome(
        value=flood.p99 * 1_000,
        seconds=flood.publishing,
        messages=flood.published,
        cpu={OWN: flood.cpu},
        memory={OWN: max(flood.memory)},
        parts=dict(
            zip(KEY_FIGURES, (flood.p50 * 1_000, max(flood.memory) / 1_000_000, flood.growth * 100), strict=True)
        ),
        missing=flood.published - max(0, flood.shown),
        notes=(f"{flood.published:,} messages, {len(flood.keys)} keys",),
    )
