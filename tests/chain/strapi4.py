"""A real Strapi 4, installed once into the cache and started for the tests that need it."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import httpx
import pytest

from stack.downloads import digest, fetch_once
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from stack.servers.process import spawn, stop_group
from stack.system_packages import SystemPackages
from stack.tool import run_tool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stack.report import Step

APPLICATION: Final = Path(__file__).resolve().parent.parent / "strapi4"


class Strapi4(NamedTuple):
    """Its address and login."""

    url: str
    token: str


def install(paths: Paths, node: Path, npm: Path, report: Report) -> Path:
    """The `node_modules` folder, installed from the committed lock if it is not in the cache."""

    def make(folder: Path, step: Step) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(APPLICATION / name, folder)
        environment = {
            "npm_config_cache": str(paths.cache / "npm"),
            "PATH": f"{node.parent}:{os.environ.get('PATH', '')}",
        }
        headers = node.resolve().parent.parent
        if (headers / "include" / "node" / "node.h").exists():
            environment["npm_config_nodedir"] = str(headers)
        run_tool([npm, "ci", "--omit=dev", "--no-audit", "--no-fund"], step, cwd=folder, environment=environment)

    target = paths.cache / "strapi4" / digest(APPLICATION / "package-lock.json")
    return fetch_once(target, "install Strapi 4 for the tests (npm, some minutes)", report, make) / "node_modules"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Strapi4]:
    """Run one in its own folder."""
    paths, report = Paths.of(), Report(quiet=True)
    programs = SystemPackages(paths.cache, report).programs({"node", "npm"})
    modules = install(paths, programs["node"], programs["npm"], report)
    application = folder / "app"
    shutil.copytree(APPLICATION, application)
    (application / "node_modules").symlink_to(modules)
    port, token_file, log = random_ports().strapi, folder / "token", folder / "strapi.log"
    identity, child = spawn(
        [programs["node"], application / "node_modules" / "@strapi" / "strapi" / "bin" / "strapi.js", "start"],
        cwd=application,
        environment={
            **os.environ,
            "NODE_ENV": "production",
            "PORT": str(port),
            "DATABASE_FILENAME": str(folder / "data.db"),
            "TOKEN_FILE": str(token_file),
            "STRAPI_TELEMETRY_DISABLED": "true",
            "STRAPI_DISABLE_UPDATE_NOTIFICATION": "true",
        },
        log=log,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 120
        while not _answers(url):
            if child.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"Strapi 4 did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        yield Strapi4(url, token_file.read_text().strip())
    finally:
        stop_group(identity, timeout=10)
        child.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/_health", timeout=2, trust_env=False).status_code == httpx.codes.NO_CONTENT
    except httpx.TransportError:
        return False
