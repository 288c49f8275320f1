"""A state folder that can't be written: reported in one sentence, with nothing left running."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from stack.paths import ROOT, Paths


def _up(state: Path, *flags: str, full: bool = False) -> subprocess.CompletedProcess[str]:
    def fill_the_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))

    return subprocess.run(
        [sys.executable, "-m", "stack", "up", *flags, "--state", str(state)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        preexec_fn=fill_the_disk if full else None,
    )


@pytest.mark.parametrize("flags", [(), ("--secure",)])
@pytest.mark.parametrize("claimed", [False, True])
def test_a_disk_that_is_full(tmp_path: Path, flags: tuple[str, ...], claimed: bool) -> None:
    state = tmp_path / "state"
    if claimed:
        Paths.of(state).claim(secure=bool(flags))
    done = _up(state, *flags, full=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("opsci: ")
    assert "too large" in done.stderr
    assert not Paths.of(state).record.exists()


def test_a_folder_where_nothing_can_be_made() -> None:
    done = _up(Path("/proc/opsci"))
    assert done.returncode == 1
    assert done.stderr.startswith("opsci: the state folder /proc/opsci cannot be used")
    assert "Traceback" not in done.stderr
