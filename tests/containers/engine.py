"""A container engine: the user's, or Debian's, installed and started while it is needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.downloads import fetch_once
from stack.errors import StackError
from stack.system_packages import Debian
from stack.tool import end_with_runner, run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stack.report import Report, Step

__all__ = ["Engine", "NoEngineError", "engine"]

_OLDEST_COMPOSE: Final = (2, 24)
"""The first that knows `!override` in a file that is laid over another."""

_SUITE: Final = "trixie"
"""The first Debian whose docker-compose is new enough."""

_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_START: Final = 40.0


class NoEngineError(StackError):
    """There is no engine here; the text says why."""


@dataclass(frozen=True)
class Engine:
    """A running engine.

    Attributes:
        docker: its client, with the arguments that select it.
        compose: Docker Compose, version 2.
        environment: for both.
        ours: whether it was started here.
    """

    docker: tuple[str, ...]
    compose: tuple[str, ...]
    environment: dict[str, str]
    ours: bool

    def run(self, *arguments: str | Path, limit: float = 120, given: str | None = None) -> str:
        """Run the client, and return its output.

        Args:
            arguments: the command.
            limit: seconds.
            given: its standard input.

        Raises:
            subprocess.CalledProcessError: it failed; `stderr` says how.
        """
        return _run([*self.docker, *map(str, arguments)], self.environment, limit, given)

    def has(self, image: str) -> bool:
        """Whether an image exists locally."""
        try:
            self.run("image", "inspect", image)
        except subprocess.CalledProcessError:
            return False
        return True


def _run(argv: Sequence[str], environment: dict[str, str], limit: float, given: str | None = None) -> str:
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, check=True, timeout=limit, input=given
    ).stdout


@contextmanager
def engine(cache: Path, report: Report) -> Iterator[Engine]:
    """Find an engine, or start Debian's, which is stopped at the end.

    Args:
        cache: where a started engine keeps its images between runs.
        report: shows the progress.

    Raises:
        NoEngineError: neither is possible here.
    """
    docker = _docker_that_answers()
    if docker:
        yield Engine((docker,), _compose(docker, cache, report), _environment(docker), ours=False)
        return
    if os.geteuid() != 0:
        raise NoEngineError("no Docker engine answers, and only root can start one: start yours")
    dockerd, docker = _installed(cache, report)
    compose = _compose(docker, cache, report)
    folder = cache / "containers" / "engine"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix="opsci-engine-") as run, _firewall(), _started(dockerd, folder, Path(run)):
        host = f"unix://{run}/docker.sock"
        environment = {**_environment(docker), "DOCKER_HOST": host}
        environment.pop("DOCKER_CONTEXT", None)
        with report.step("start Debian's Docker engine"):
            _wait(docker, environment, Path(run))
        yield Engine((docker,), compose, environment, ours=True)


def _environment(docker: str) -> dict[str, str]:
    """This process's environment, with BuildKit for a client that includes it but does not use it by default."""
    said = _run([docker, "--version"], dict(os.environ), 20)
    found = re.search(r"version (\d+)", said)
    return {**os.environ, **({"DOCKER_BUILDKIT": "1"} if found and int(found[1]) < 23 else {})}


def _docker_that_answers() -> str:
    docker = shutil.which("docker")
    if not docker:
        return ""
    try:
        _run([docker, "version", "--format", "{{.Server.Version}}"], dict(os.environ), 20)
    except (OSError, subprocess.SubprocessError):
        return ""
    return docker


def _installed(cache: Path, report: Report) -> tuple[str, str]:
    """Debian's engine and its client, which may not be the first `docker` in the path."""
    debian = Debian(cache, report)
    names = ("docker.io", "iptables")
    if not (shutil.which("dockerd") and shutil.which("iptables-save")):
        if not debian.is_here or not all(debian.package((name,), 0) for name in names):
            raise NoEngineError("no Docker engine answers, and this machine's packages have none: install Docker")
        try:
            debian.install(names)
        except StackError as error:
            raise NoEngineError(f"no Docker engine answers, and Debian's can't be installed: {error}") from error
    dockerd, docker = shutil.which("dockerd"), shutil.which("docker")
    if not dockerd or not docker:
        raise NoEngineError("docker.io is installed and there is no dockerd on the path")
    return dockerd, "/usr/bin/docker" if Path("/usr/bin/docker").exists() else docker


def _compose(docker: str, cache: Path, report: Report) -> tuple[str, ...]:
    """Docker Compose 2: the user's plugin or program, else that of a newer Debian, unpacked into the cache."""
    programs: list[tuple[str, ...]] = [(docker, "compose"), (shutil.which("docker-compose") or "docker-compose",)]
    for argv in programs:
        with suppress(OSError, subprocess.SubprocessError, ValueError):
            said = _run([*argv, "version", "--short"], dict(os.environ), 20).strip().removeprefix("v")
            major, minor = (int(part) for part in said.split(".")[:2])
            if (major, minor) >= _OLDEST_COMPOSE:
                return argv
    folder = cache / "containers" / f"compose-{_SUITE}"
    program = folder / "usr" / "libexec" / "docker" / "cli-plugins" / "docker-compose"
    if not shutil.which("apt-get") or not _KEYRING.exists():
        raise NoEngineError(f"Docker Compose {'.'.join(map(str, _OLDEST_COMPOSE))} or newer is missing: install it")

    def make(target: Path, step: Step) -> None:
        lists = target / "apt"
        (lists / "lists" / "partial").mkdir(parents=True)
        source = lists / "sources.list"
        source.write_text(f"deb [signed-by={_KEYRING}] http://deb.debian.org/debian {_SUITE} main\n")
        options = [
            *("-o", f"Dir::Etc::SourceList={source}", "-o", "Dir::Etc::SourceParts=/dev/null"),
            *("-o", f"Dir::State::Lists={lists / 'lists'}", "-o", f"Dir::Cache={lists}", "-o", "Debug::NoLocking=1"),
            *("-o", "APT::Sandbox::User=root", "-o", "Acquire::Languages=none"),
        ]
        run_tool(["apt-get", *options, "update"], step, cwd=target)
        run_tool(["apt-get", *options, "download", "docker-compose"], step, cwd=target)
        for archive in target.glob("*.deb"):
            run_tool(["dpkg", "-x", archive, target], step, cwd=target)
            archive.unlink()
        shutil.rmtree(lists)

    try:
        fetch_once(folder, f"unpack Docker Compose 2 (Debian {_SUITE})", report, make)
        _run([str(program), "version"], dict(os.environ), 20)
    except (StackError, OSError, subprocess.SubprocessError) as error:
        raise NoEngineError(f"Docker Compose 2 is missing and can't be had: {error}") from error
    return (str(program),)


@contextmanager
def _firewall() -> Iterator[None]:
    """Restore the machine's packet filter and its links: an engine adds to both and removes nothing."""
    saved = subprocess.run(["iptables-save"], capture_output=True, check=False)
    bridge = Path("/sys/class/net/docker0").exists()
    try:
        yield
    finally:
        if saved.returncode == 0:
            subprocess.run(["iptables-restore"], input=saved.stdout, capture_output=True, check=False)
        if not bridge:
            subprocess.run(["ip", "link", "delete", "docker0"], capture_output=True, check=False)


@contextmanager
def _started(dockerd: str, folder: Path, run: Path) -> Iterator[None]:
    argv = [
        *(dockerd, "--data-root", str(folder), "--exec-root", f"{run}/exec", "--pidfile", f"{run}/pid"),
        *("--host", f"unix://{run}/docker.sock", "--group", "root"),
    ]
    with (run / "log").open("wb") as log:
        try:
            process = subprocess.Popen(end_with_runner(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        except OSError as error:
            raise NoEngineError(f"{dockerd} can't be started: {error}") from error
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with suppress(OSError):
            subprocess.run(["umount", "-l", *map(str, run.glob("exec/netns/*"))], capture_output=True, check=False)


def _wait(docker: str, environment: dict[str, str], run: Path) -> None:
    deadline = time.monotonic() + _START
    while True:
        try:
            _run([docker, "version", "--format", "{{.Server.Version}}"], environment, 20)
        except (OSError, subprocess.SubprocessError):
            if time.monotonic() > deadline:
                said = "\n".join((run / "log").read_text(errors="replace").splitlines()[-5:])
                raise NoEngineError(f"Debian's Docker engine does not start here:\n{said}") from None
            time.sleep(0.3)
        else:
            return
