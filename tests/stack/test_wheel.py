"""The wheel, installed into an empty environment as by pipx, has everything that its three programs need."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from stack.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from stack.local import LocalStack


def run(argv: Sequence[str | Path], home: Path, *, code: int = 0) -> str:
    """Run a program with an empty home and outside of the clone; return its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "OPSCI"))}
    environment |= {"HOME": str(home), "LC_ALL": "C.UTF-8", "PIP_CACHE_DIR": _pip_cache()}
    done = subprocess.run(
        [str(part) for part in argv],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=400,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def _pip_cache() -> str:
    asked = subprocess.run([sys.executable, "-m", "pip", "cache", "dir"], capture_output=True, text=True, check=True)
    return asked.stdout.strip()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the wheel's programs, in an environment with the locked packages and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir")
    run((*build, folder, ROOT), folder)
    (wheel,) = folder.glob("opsci-*.whl")
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
    assert {"bridge/py.typed", "tui/py.typed", "stack/py.typed", "tui/opsci.tcss"} <= names
    assert not any(name.startswith("tests/") or "/node_modules/" in name for name in names)
    run([sys.executable, "-m", "venv", folder / "environment"], folder)
    programs = folder / "environment" / "bin"
    install = (programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run((*install, "--requirement", ROOT / "stack" / "locks" / "run.txt"), folder)
    run((*install, "--no-deps", wheel), folder)
    return programs


@pytest.mark.timeout(900)
def test_the_programs_of_the_wheel_say_what_they_are_for(installed: Path, tmp_path: Path) -> None:
    for program in ("opsci-tui", "opsci-bridge", "opsci-stack"):
        assert f"usage: {program}" in run([installed / program, "--help"], tmp_path)
    assert "(none yet)" in run([installed / "opsci-stack", "status", "--state", tmp_path / "state"], tmp_path)


@pytest.mark.timeout(900)
def test_check_from_the_wheel_finds_the_servers_well(installed: Path, tmp_path: Path, stack: LocalStack) -> None:
    told = run([installed / "opsci-bridge", "check", "--config", stack.settings_file], tmp_path)
    assert "Strapi" in told or "strapi" in told
    assert "Traceback" not in told
