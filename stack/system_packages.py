"""System programs for the servers: found on the machine, else installed, else requested from the user all at once.

Debian packages are installed by root, or unpacked into the cache by other users. Standard library only.
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

# Debian installs PostgreSQL's server outside the PATH, in a folder for each major version.
_POSTGRES_FOLDERS: Final = Path("/usr/lib/postgresql")


class Debian:
    """The machine's apt, and the folder for unpacked packages.

    Args:
        cache: the cache folder.
        report: shows the progress.
    """

    def __init__(self, cache: Path, report: Report) -> None:
        self._folder = cache / "debian"
        self._report = report
        self._updated = False

    @property
    def is_here(self) -> bool:
        """Whether this is Debian or a derivative."""
        return bool(shutil.which("apt-get") and shutil.which("dpkg"))

    @property
    def library_path(self) -> Mapping[str, str]:
        """LD_LIBRARY_PATH with the libraries of the unpacked packages, or empty if there are none."""
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
        """Choose the first of these packages that is available in a suitable version.

        Args:
            names: package names; a number of two digits in a name is its major version.
            oldest: the oldest suitable major version, 0 for any.
        """
        self._update()
        return next((name for name in names if self._candidate(name) >= (oldest or 1)), None)

    def install(self, packages: Sequence[str]) -> None:
        """Install packages as root, without leaving their services running or enabled.

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
            # The package enables its own broker for the next boot; users who want that can install it themselves.
            subprocess.run(["update-rc.d", "mosquitto", "disable"], capture_output=True, check=False)

    def unpack(self, packages: Sequence[str]) -> None:
        """Unpack packages into the cache, with all libraries that they need and the machine lacks.

        Raises:
            InstallError: a package can't be downloaded or unpacked.
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
        """The major version that apt would install, 1 where it has none, 0 if the package is not available."""
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
        """For users other than root, separate package lists and archives, if the machine's are empty."""
        if os.geteuid() == 0 or any(Path("/var/lib/apt/lists").glob("*Packages*")):
            return []
        lists = self._folder / "lists"
        (lists / "partial").mkdir(parents=True, exist_ok=True)
        return ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={self._folder}", "-o", "Debug::NoLocking=1"]

    def _update(self) -> None:
        """Fetch the package lists once: as root always, else into the cache if the machine has none."""
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
    """Keep packages from starting services during their installation, by Debian's own means (invoke-rc.d(8))."""
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
    """Keep PostgreSQL's package from creating a database that would start at the next boot (pg_createcluster(1))."""
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
    """Redirect absolute links between the unpacked files to the folder that contains them."""
    for link in folder.rglob("*"):
        if link.is_symlink() and link.readlink().is_absolute():
            inside = folder / link.readlink().relative_to("/")
            if inside.exists() or inside.is_symlink():
                target = os.path.relpath(inside, link.parent)
                link.unlink()
                link.symlink_to(target)


@dataclass(frozen=True)
class Need:
    """A program, font or module that is needed.

    Attributes:
        title: its usual name.
        packages: Debian packages that contain it, the best first.
        oldest: the oldest suitable major version, 0 for any.
        movable: whether it works when unpacked to another folder.
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
"""The programs by file name, a font, and a Python module that Debian packages separately."""


def major_version(text: str) -> int:
    """Parse the major version in a program's version output (`openjdk version "17.0.15"`, `v20.20.2`, `"1.8.0"`)."""
    found = re.search(r'(?:version "|^v)(?:1\.)?(\d+)', text, re.M)
    return int(found[1]) if found else 0


class SystemPackages:
    """Finds and installs system programs.

    Args:
        cache: the cache folder.
        report: shows the progress.
    """

    def __init__(self, cache: Path, report: Report) -> None:
        self._debian = Debian(cache, report)
        self._report = report

    @property
    def library_path(self) -> Mapping[str, str]:
        """LD_LIBRARY_PATH for unpacked programs, or empty."""
        return self._debian.library_path

    def programs(self, names: Collection[str]) -> dict[str, Path]:
        """Find programs, and install missing ones if that needs no confirmation.

        Args:
            names: keys of NEEDS.

        Returns:
            Where each is.

        Raises:
            MissingProgramsError: some are missing and can't be installed; the text lists all, with the command to type.
        """
        found, missing = self._look(names)
        if missing and self._can_be_had(missing):
            # Node.js from sources other than Debian includes npm, and conflicts with Debian's.
            self._install([name for name in missing if name != "npm" or "node" not in missing])
            found, missing = self._look(names)
            if missing:
                self._install(list(missing))
                found, missing = self._look(names)
        if missing:
            raise MissingProgramsError(self._advice(missing))
        return found

    def _look(self, names: Collection[str]) -> tuple[dict[str, Path], dict[str, str]]:
        """The paths of the programs, and what is wrong with the others."""
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
        """The Debian package for each program, or None if none is suitable."""
        return {name: self._debian.package(NEEDS[name].packages, NEEDS[name].oldest) for name in sorted(missing)}

    def _can_be_had(self, missing: Collection[str]) -> bool:
        """Whether all can be installed: otherwise nothing is changed."""
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
