"""Debian's packages: installed by root, or unpacked into the cache by anyone else."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.downloads import fetch_once
from stack.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stack.report import Report, Step

__all__ = ["Debian", "no_cluster"]

_QUIET: Final = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_NO_CLUSTER: Final = Path("/etc/postgresql-common/createcluster.d/opsci.conf")


class Debian:
    """The machine's apt, and the folder that packages are unpacked into.

    Args:
        cache: the cache folder.
        report: what tells the progress.
    """

    def __init__(self, cache: Path, report: Report) -> None:
        self._folder = cache / "debian"
        self._report = report
        self._updated = False

    @property
    def is_here(self) -> bool:
        """Whether this is Debian or one of its children."""
        return bool(shutil.which("apt-get") and shutil.which("dpkg"))

    @property
    def library_path(self) -> Mapping[str, str]:
        """LD_LIBRARY_PATH with the libraries of the unpacked packages, or nothing where none was unpacked."""
        folders = sorted({str(library.parent) for library in self._folder.glob("*/usr/lib/*-linux-gnu/*.so*")})
        if not folders:
            return {}
        inherited = os.environ.get("LD_LIBRARY_PATH", "")
        return {"LD_LIBRARY_PATH": os.pathsep.join([*folders, *([inherited] if inherited else [])])}

    def unpacked(self, program: str) -> list[Path]:
        """The copies of a program in unpacked packages."""
        places = ("*/usr/sbin", "*/usr/bin", "*/usr/lib/jvm/*/bin", "*/usr/lib/postgresql/*/bin")
        return [found for place in places for found in sorted(self._folder.glob(f"{place}/{program}"))]

    def fonts(self, file: str) -> list[Path]:
        """The copies of a font, installed or unpacked."""
        return [
            *sorted(Path("/usr/share/fonts").rglob(file)),
            *sorted(self._folder.glob(f"*/usr/share/fonts/**/{file}")),
        ]

    def package(self, names: Sequence[str], oldest: int) -> str | None:
        """Choose the first of some packages that can be had in a version that will do.

        Args:
            names: package names; one with a number of two digits in it says its own major version.
            oldest: the oldest major version that will do, 0 for any.
        """
        self._update()
        return next((name for name in names if self._candidate(name) >= (oldest or 1)), None)

    def install(self, packages: Sequence[str]) -> None:
        """Install packages, as root, without leaving a service of theirs running or enabled.

        Raises:
            InstallError: apt-get failed.
        """
        with self._report.step(f"install {' '.join(packages)} (apt-get)") as step, _no_services(), no_cluster():
            run_tool(
                ["apt-get", "-o", "DPkg::Lock::Timeout=300", "install", "-y", "--no-install-recommends", *packages],
                step,
                cwd=Path("/"),
                environment=_QUIET,
            )
        if "mosquitto" in packages:
            # The package enables a broker of its own for the next boot; who wants that one installs it for itself.
            subprocess.run(["update-rc.d", "mosquitto", "disable"], capture_output=True, check=False)

    def unpack(self, packages: Sequence[str]) -> None:
        """Unpack packages into the cache, with every library they need that the machine lacks.

        Raises:
            InstallError: a package cannot be had or unpacked.
        """
        plan = self._apt("install", "--simulate", "-y", "--no-install-recommends", *packages)
        wanted = sorted(re.findall(r"^Inst (\S+) \S*\(?(\S+)", plan, re.M))
        name = hashlib.sha256(repr(wanted).encode()).hexdigest()[:16]

        def make(folder: Path, step: Step) -> None:
            run_tool(["apt-get", *self._options(), "download", *(package for package, _ in wanted)], step, cwd=folder)
            for archive in sorted(folder.glob("*.deb")):
                run_tool(["dpkg", "-x", archive, folder], step, cwd=folder)
                archive.unlink()
            _bend_links(folder)

        fetch_once(
            self._folder / name, f"unpack {' '.join(packages)} (not installed: this is not root)", self._report, make
        )

    def _candidate(self, package: str) -> int:
        """The major version of what apt would install, 1 where that says nothing, 0 where there is none."""
        found = re.search(r"Candidate: (?:\d+:)?(\d+)", self._apt("policy", package))
        if not found:
            return 0
        named = re.search(r"-(\d\d)-", package)
        return int(named[1]) if named else int(found[1])

    def _apt(self, verb: str, *arguments: str) -> str:
        tool = "apt-cache" if verb == "policy" else "apt-get"
        argv = [tool, *self._options(), verb, *arguments]
        return subprocess.run(
            argv, capture_output=True, text=True, check=False, env={**os.environ, **_QUIET}, timeout=120
        ).stdout

    def _options(self) -> list[str]:
        """For anyone but root, lists and archives of their own, where the machine's are empty."""
        if os.geteuid() == 0 or any(Path("/var/lib/apt/lists").glob("*Packages*")):
            return []
        lists = self._folder / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        return ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={self._folder}", "-o", "Debug::NoLocking=1"]

    def _update(self) -> None:
        """Fetch the package lists where there are none, or they are older than a week."""
        if self._updated:
            return
        self._updated = True
        options = self._options()
        if os.geteuid() != 0 and not options:
            return
        with self._report.step("fetch Debian's package lists (apt-get update)") as step:
            run_tool(["apt-get", *options, "update"], step, cwd=Path("/"), environment=_QUIET)


@contextmanager
def _no_services() -> Iterator[None]:
    """Keep packages from starting services while they are installed, by Debian's own means (invoke-rc.d(8))."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\n# Of python3 -m stack, while it installs: start no service.\nexit 101\n")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


@contextmanager
def no_cluster() -> Iterator[None]:
    """Keep PostgreSQL's package from making a database that would start at the next boot (pg_createcluster(1))."""
    above = [folder for folder in (_NO_CLUSTER.parent, _NO_CLUSTER.parent.parent) if not folder.exists()]
    _NO_CLUSTER.parent.mkdir(parents=True, exist_ok=True)
    _NO_CLUSTER.write_text("create_main_cluster = false\n")
    try:
        yield
    finally:
        _NO_CLUSTER.unlink(missing_ok=True)
        for folder in above:
            if not any(folder.iterdir()):
                folder.rmdir()


def _bend_links(folder: Path) -> None:
    """Make absolute links between the unpacked files point into the folder that they are in."""
    for link in folder.rglob("*"):
        if link.is_symlink() and link.readlink().is_absolute():
            inside = folder / link.readlink().relative_to("/")
            if inside.exists() or inside.is_symlink():
                target = os.path.relpath(inside, link.parent)
                link.unlink()
                link.symlink_to(target)
