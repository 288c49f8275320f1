"""The compose file in a real engine, where one is available: `containers test`, as users run it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from stack.paths import ROOT
from stack.tool import end_with_runner
from tests.containers.__main__ import NOT_RUN

_MINUTES = 35
"""From when on it begins no further check."""

_LONGEST = 2170

_IN_THE_IMAGES = ("bridge", "stack/docker", "stack/strapi", "stack/compose.yaml")


@pytest.mark.timeout(_LONGEST + 45)
def test_the_containers_keep_what_the_compose_file_promises() -> None:
    argv = [sys.executable, "-m", "tests.containers", "test", "--quick", "--both", "--minutes", str(_MINUTES)]
    if older := _older_commit():
        argv += ["--upgrade-from", older]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        end_with_runner(argv), cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        try:
            said, _ = run.communicate(timeout=_LONGEST)
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                said, _ = run.communicate(timeout=40)
            pytest.skip(f"not run: not done after {_LONGEST} s on this machine")
        finally:
            run.kill()
    sys.stdout.write(said)
    if run.returncode == NOT_RUN:
        pytest.skip("not run, or not all of it: " + "; ".join(line for line in said.splitlines() if "not run" in line))
    assert run.returncode == 0, said
    assert "FAILED" not in said


def _older_commit() -> str:
    """The commit whose images differ from today's by the last change to them; empty where there is no history."""
    if not shutil.which("git"):
        return ""
    words = ["git", "log", "--format=%h", "--max-count=1", "--skip=1", "--", *_IN_THE_IMAGES]
    return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
