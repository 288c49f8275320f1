"""The programs that the machine must have: found where they are, else installed, else asked for, all at once."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.debian import Debian
from stack.errors import MissingProgramsError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from stack.report import Report

__all__ = ["NEEDS", "Machine", "Need"]


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

_SYSTEM_FOLDERS: Final = ("/usr/sbin", "/usr/local/sbin", "/sbin")
# Debian keeps PostgreSQL's server off the PATH, a folder for each major version.
_POSTGRES_FOLDERS: Final = Path("/usr/lib/postgresql")


def major_version(text: str) -> int:
    """Read the major version in what a program says of itself (`openjdk version "17.0.15"`, `v20.20.2`, `"1.8.0"`)."""
    found = re.search(r'(?:version "|^v)(?:1\.)?(\d+)', text, re.M)
    return int(found[1]) if found else 0


class Machine:
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
