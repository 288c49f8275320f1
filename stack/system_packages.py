"""The programs that the machine must have: found where they are, else installed, else asked for, all at once.

Debian's packages are installed by root, or unpacked into the cache by anyone else. Standard library only.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.downloads import fetch_once
from stack.errors import MissingProgramsError
from stack.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from stack.report import Report, Step

__all__ = ["NEEDS", "Debian", "Need", "SystemPackages", "no_cluster"]


_QUIET: Final = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
_POLICY: Final = Path("/usr/sbin/policy-rc.d")
_NO_CLUSTER: Final = Path("/etc/postgresql-common/createcluster.d/opsci.conf")

_SYSTEM_FOLDERS: Final = ("/usr/sbin", "/usr/local/sbin", "/sbin")

# Debian keeps PostgreSQL's server off the PATH, a folder for each major version.
_POSTGRES_FOLDERS: Final = Path("/usr/lib/postgresql")


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
        paths = ("*/usr/sbin", "*/usr/bin", "*/usr/lib/jvm/*/bin", "*/usr/lib/postgresql/*/bin")
        return [found for place in paths for found in sorted(self._folder.glob(f"{place}/{program}"))]

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


@dataclass(frozen=True)
class Need:
    """A program that something is started from.

    Attributes:
        title: what people call it.
        packages: Debian packages that bring it, the best first.
        oldest: the oldest major version that will do, 0 for any.
        movable: whether it works when it is unpacked elsewhere than its package says.
    """

    title: str
    packages: tuple[str, ...]
    oldest: int = 0
    movable: bool = False


NEEDS: Final[Mapping[str, Need]] = {
    "mosquitto": Need("Mosquitto", ("mosquitto",), movable=True),
    "java": Need("Java 17 or newer", ("openjdk-17-jre-headless", "openjdk-21-jre-headless"), 17, movable=True),
    "mvn": Need("Maven", ("maven",)),
    "node": Need("Node.js 20 or newer", ("nodejs",), 20),
    "npm": Need("npm", ("npm",)),
    "openssl": Need("OpenSSL", ("openssl",)),
    "chromium": Need("Chromium", ("chromium",)),
    "chromedriver": Need("Chromium's driver", ("chromium-driver",)),
    "postgres": Need("PostgreSQL", ("postgresql",), movable=True),
    "DejaVuSansMono.ttf": Need("DejaVu Sans Mono", ("fonts-dejavu-core",), movable=True),
    "ensurepip": Need("Python's venv module", (f"python{sys.version_info[0]}.{sys.version_info[1]}-venv",)),
}
"""The programs by the name of their file, a font, and one module of Python that Debian packs apart."""


def major_version(text: str) -> int:
    """Read the major version in what a program says of itself (`openjdk version "17.0.15"`, `v20.20.2`, `"1.8.0"`)."""
    found = re.search(r'(?:version "|^v)(?:1\.)?(\d+)', text, re.M)
    return int(found[1]) if found else 0


class SystemPackages:
    """This machine, and the cache that unpacked packages go to.

    Args:
        cache: the cache folder.
        report: what tells the progress.
    """

    def __init__(self, cache: Path, report: Report) -> None:
        self._debian = Debian(cache, report)
        self._report = report

    @property
    def library_path(self) -> Mapping[str, str]:
        """LD_LIBRARY_PATH for programs that were unpacked, or nothing."""
        return self._debian.library_path

    def programs(self, names: Collection[str]) -> dict[str, Path]:
        """Find programs, and install those that are missing where that can be done without a question.

        Args:
            names: keys of NEEDS.

        Returns:
            Where each is.

        Raises:
            MissingProgramsError: what is missing and cannot be had, all of it, with the command to type.
        """
        found, missing = self._look(names)
        if missing and self._can_be_had(missing):
            # Node.js of other makers than Debian brings its npm along, and conflicts with Debian's.
            self._install([name for name in missing if name != "npm" or "node" not in missing])
            found, missing = self._look(names)
            if missing:
                self._install(list(missing))
                found, missing = self._look(names)
        if missing:
            raise MissingProgramsError(self._advice(missing))
        return found

    def _look(self, names: Collection[str]) -> tuple[dict[str, Path], dict[str, str]]:
        """Where the programs are, and what is wrong with the others."""
        found: dict[str, Path] = {}
        missing: dict[str, str] = {}
        for name in sorted(names):
            need = NEEDS[name]
            complaint = f"{need.title} is not installed"
            for path in self._candidates(name):
                version = self._version(name, path) if need.oldest else 0
                if version >= need.oldest:
                    found[name] = path
                    break
                complaint = f"{need.title} is needed; {path} is {version or 'of an unknown version'}"
            else:
                missing[name] = complaint
        return found, missing

    def _candidates(self, name: str) -> list[Path]:
        if name == "ensurepip":
            importlib.invalidate_caches()
            found = importlib.util.find_spec(name)
            return [Path(found.origin)] if found and found.origin else []
        if name.endswith(".ttf"):
            return self._debian.fonts(name)
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        if name == "java" and os.environ.get("JAVA_HOME"):
            folders.insert(0, os.path.join(os.environ["JAVA_HOME"], "bin"))  # noqa: PTH118
        folders += [*_SYSTEM_FOLDERS, *map(str, sorted(_POSTGRES_FOLDERS.glob("*/bin"), reverse=True))]
        on_path = shutil.which(name, path=os.pathsep.join(folders))
        return [*([Path(on_path)] if on_path else []), *self._debian.unpacked(name)]

    def _version(self, name: str, path: Path) -> int:
        try:
            said = subprocess.run(
                [path, "-version" if name == "java" else "--version"],
                capture_output=True,
                text=True,
                check=False,
                timeout=20,
                env={**os.environ, **self.library_path},
            )
        except (OSError, subprocess.TimeoutExpired):
            return 0
        return major_version(said.stdout + said.stderr)

    def _packages(self, missing: Collection[str]) -> dict[str, str | None]:
        """The Debian package for each program, or nothing where none will do."""
        return {name: self._debian.package(NEEDS[name].packages, NEEDS[name].oldest) for name in sorted(missing)}

    def _can_be_had(self, missing: Collection[str]) -> bool:
        """Whether all of it can be: nothing is changed on a machine that would still lack something afterwards."""
        if not self._debian.is_here or not all(self._packages(missing).values()):
            return False
        return os.geteuid() == 0 or all(NEEDS[name].movable for name in missing)

    def _install(self, missing: Collection[str]) -> None:
        packages = [package for package in self._packages(missing).values() if package]
        if os.geteuid() == 0:
            self._debian.install(packages)
        else:
            self._debian.unpack(packages)

    def _advice(self, missing: Mapping[str, str]) -> str:
        lines = ["this machine lacks what the servers need:", *(f"  - {complaint}" for complaint in missing.values())]
        if self._debian.is_here:
            packages = self._packages(missing)
            needs_other_node = "node" in packages and not packages["node"]
            if needs_other_node:
                packages.pop("npm", None)
            wanted = [package for package in packages.values() if package]
            if wanted:
                lines.append(f"install it with:  sudo apt-get install -y --no-install-recommends {' '.join(wanted)}")
            if needs_other_node:
                lines.append("Debian's Node.js is too old here: take 20 or newer, which brings npm, from")
                lines.append("  https://nodejs.org/en/download or https://github.com/nodesource/distributions")
        else:
            lines.append("install these with your system's package tool, then run this again")
        lines.append("Servers that run elsewhere will do as well: opsci-tui --config FILE names them.")
        return "\n".join(lines)
