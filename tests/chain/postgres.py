"""A real PostgreSQL with a real Strapi on it, as the ledger must work on both databases."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest

from stack.install import DATABASE
from stack.local import LocalStack
from stack.paths import Paths
from stack.ports import LOOPBACK, random_ports
from stack.report import Report
from stack.servers.process import spawn, stop_group
from stack.system_packages import SystemPackages
from tests.faults.database import Postgres

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from stack.install import Programs
    from stack.run_state import RunState
    from stack.servers.server import Launch

# PostgreSQL refuses to be run by root; this user is there on every Debian and owns nothing.
NOBODY: Final = pwd.getpwnam("nobody")


class Server(NamedTuple):
    """Its address and login."""

    port: int
    password: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment that makes Strapi use it."""
        return {
            "DATABASE_CLIENT": "postgres",
            "DATABASE_PORT": str(self.port),
            "DATABASE_NAME": "postgres",
            "DATABASE_USERNAME": "strapi",
            "DATABASE_PASSWORD": self.password,
        }


class PostgresStack(LocalStack):
    """A separate Strapi with its data in PostgreSQL, and other servers if named."""

    def __init__(self, state: Path, server: Server, servers: Collection[str] = ("strapi",), brokers: int = 1) -> None:
        super().__init__(state, ports=random_ports(), servers=servers, brokers=brokers)
        self._server = server

    def _launch(self, name: str, record: RunState, programs: Programs) -> Launch:
        launch = super()._launch(name, record, programs)
        return replace(launch, environment={**launch.environment, **self._server.environment})


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Run one with an empty database, in a temporary folder."""
    machine = SystemPackages(Paths.of().cache, Report(quiet=True))
    programs = machine.programs(DATABASE)["postgres"].resolve().parent
    folder = Path(tempfile.mkdtemp(prefix="opsci-postgres-"))
    password, port = secrets.token_urlsafe(12), random_ports().strapi
    (folder / "password").write_text(password)
    as_root = os.geteuid() == 0
    if as_root:
        for path in (folder, folder / "password"):
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
    # It ends with this process, however that ends: SIGINT is its fast shutdown.
    user = [f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups"] if as_root else []
    within = _Within(["setpriv", *user, "--pdeathsig=INT"], {**os.environ, **machine.library_path}, folder)
    try:
        within.run(
            [programs / "initdb", "-D", "data", "-U", "strapi", "--pwfile=password", "--auth=scram-sha-256", "-N"]
        )
        ready: list[str | Path] = [programs / "pg_isready", "-q", "-h", LOOPBACK, "-p", str(port), "-U", "strapi"]
        with within.serving(
            [programs / "postgres", "-D", "data", "-h", LOOPBACK, "-p", str(port), "-k", ""], ready=ready
        ):
            yield Server(port, password)
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def psql(server: Server) -> Iterator[Postgres]:
    """A connection by PostgreSQL's own client, for queries past Strapi."""
    machine = SystemPackages(Paths.of().cache, Report(quiet=True))
    programs = machine.programs(DATABASE)["postgres"].resolve().parent
    client = Postgres(programs / "psql", server, machine.library_path)
    try:
        yield client
    finally:
        client.close()


@dataclass(frozen=True)
class _Within:
    """A user, an environment and a folder in which programs are run."""

    prefix: list[str]
    environment: Mapping[str, str]
    folder: Path

    def run(self, argv: list[str | Path]) -> None:
        done = subprocess.run(
            [*self.prefix, *argv], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.fail(f"{argv[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")

    @contextlib.contextmanager
    def serving(self, argv: list[str | Path], *, ready: list[str | Path]) -> Iterator[None]:
        """Run a program during the block, which begins once `ready` succeeds."""
        log = self.folder / "log"
        identity, child = spawn([*self.prefix, *argv], cwd=self.folder, environment=self.environment, log=log)
        try:
            deadline = time.monotonic() + 60
            # That it listens is not enough: for a moment it says that it is starting up.
            while subprocess.run(ready, cwd=self.folder, env=self.environment, check=False).returncode:
                if child.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"PostgreSQL did not start:\n{log.read_text()[-3000:]}")
                time.sleep(0.1)
            yield
        finally:
            stop_group(identity, timeout=10)
            child.wait()
