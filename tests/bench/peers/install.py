"""The peers' environments: each in the cache, under the hash of its pinned versions, and created once."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from stack.downloads import digest, fetch_once
from stack.errors import InstallError
from stack.tool import run_tool

if TYPE_CHECKING:
    from stack.report import Step
    from tests.bench.bench import Bench

__all__ = ["Installed", "NotHereError", "install_node", "install_python"]

HERE: Final = Path(__file__).parent
_OLDEST: Final = (3, 12)


class NotHereError(Exception):
    """A peer can't be measured on this machine; the message says why."""


class Installed(NamedTuple):
    """An installed peer.

    Attributes:
        argv: the command; one argument of JSON is appended.
        cwd: where to start it.
    """

    argv: list[str]
    cwd: Path


def install_python(bench: Bench, name: str) -> Installed:
    """Create the environment of a peer from PyPI, from peers/NAME/requirements.txt.

    Raises:
        NotHereError: there is no recent enough Python, or pip failed.
    """
    source = HERE / name
    lock = source / "requirements.txt"
    python, version = _python()
    target = bench.paths.cache / "bench" / f"{name}-{version}-{digest(lock)}"

    def make(folder: Path, step: Step) -> None:
        # Made where it stays: an environment can't be moved.
        environment = target.with_name(f"{target.name}.venv")
        run_tool([python, "-m", "venv", "--clear", environment], step, cwd=folder)
        pip = [str(environment / "bin" / "pip"), "install", "--no-input", "--disable-pip-version-check"]
        run_tool([*pip, "--progress-bar=off", "--require-hashes", "-r", lock], step, cwd=folder)

    try:
        fetch_once(target, f"install {name} (PyPI)", bench.report, make)
    except InstallError as error:
        raise NotHereError(str(error).splitlines()[0]) from error
    python_of_peer = target.with_name(f"{target.name}.venv") / "bin" / "python"
    return Installed([str(python_of_peer), str(source / "bridge.py")], source)


def install_node(bench: Bench, name: str) -> Installed:
    """Create the environment of a peer from npm, from peers/NAME/package-lock.json.

    Raises:
        NotHereError: there is no Node.js, or npm failed.
    """
    source = HERE / name
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NotHereError("Node.js and npm are not on this machine")
    target = bench.paths.cache / "bench" / f"{name}-{digest(source / 'package-lock.json')}"

    def make(folder: Path, step: Step) -> None:
        for file in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(source / file, folder)
        run_tool([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], step, cwd=folder)

    try:
        fetch_once(target, f"install {name} (npm)", bench.report, make)
    except InstallError as error:
        raise NotHereError(str(error).splitlines()[0]) from error
    # Node.js looks for packages beside the program.
    shutil.copy(source / "bridge.mjs", target)
    return Installed([node, str(target / "bridge.mjs")], target)


@lru_cache(maxsize=1)
def _python() -> tuple[str, str]:
    """Return the newest Python of this machine and its version."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    named = [found for minor in range(_OLDEST[1], _OLDEST[1] + 8) if (found := shutil.which(f"python3.{minor}"))]
    versions: dict[tuple[int, ...], str] = {}
    for candidate in [sys.executable, *named, *map(str, pyenv.glob("3.*/bin/python"))]:
        said = subprocess.run(
            [candidate, "-c", "import sys; print(*sys.version_info[:3])"], capture_output=True, text=True, check=False
        )
        if said.returncode == 0:
            versions.setdefault(tuple(map(int, said.stdout.split())), candidate)
    newest = max(versions, default=(0,))
    if newest < _OLDEST:
        raise NotHereError("it wants Python 3.12 or newer, and this machine has none")
    return versions[newest], ".".join(map(str, newest))
