"""Programs and packages for the servers, found on this machine or downloaded and cached.

Standard library only.
"""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.downloads import digest, fetch_once
from stack.errors import MissingProgramsError
from stack.paths import ROOT, Paths
from stack.system_packages import SystemPackages
from stack.tool import end_tools, run_tool

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from stack.report import Report, Step

__all__ = [
    "APPLICATION",
    "BROWSER",
    "DATABASE",
    "FONTS",
    "PAGE",
    "POM",
    "Programs",
    "install",
    "kafka_libs",
    "needed_programs",
    "strapi_modules",
    "web_modules",
]

POM: Final = ROOT / "stack" / "kafka" / "pom.xml"
"""Pins Kafka's jars."""

APPLICATION: Final = ROOT / "stack" / "strapi"
"""The committed Strapi application, whose package-lock.json pins its packages."""

PAGE: Final = ROOT / "stack" / "web"
"""The committed web client, whose package-lock.json pins MQTT.js."""

BROWSER: Final = frozenset({"chromium", "chromedriver"})
"""For the tests of the web client: keys of `stack.system_packages.NEEDS`."""

DATABASE: Final = frozenset({"postgres"})
"""For the tests of the ledger, besides SQLite: keys of `stack.system_packages.NEEDS`."""

FONTS: Final = frozenset({"DejaVuSansMono.ttf"})
"""For films: keys of `stack.system_packages.NEEDS`."""

_NOWHERE: Final = Path("/nonexistent")


@dataclass(frozen=True)
class Programs:
    """What the servers need on disk.

    Attributes:
        mosquitto: the broker's program.
        java: Java 17 or newer.
        kafka_libs: the folder of Kafka's jars.
        node: Node.js 20 or newer.
        strapi_modules: the `node_modules` folder of the Strapi application.
        web_modules: the `node_modules` folder of the web client.
        library_path: LD_LIBRARY_PATH where programs were unpacked without being installed, else empty.
    """

    mosquitto: Path
    java: Path
    kafka_libs: Path
    node: Path
    strapi_modules: Path
    web_modules: Path
    library_path: Mapping[str, str] = field(default_factory=dict)


def kafka_libs(paths: Paths) -> Path:
    """The folder of Kafka's jars: from KAFKA_HOME, or in the cache, where it may not exist yet.

    Raises:
        MissingProgramsError: KAFKA_HOME is a folder without a Kafka 4.
    """
    home = os.environ.get("KAFKA_HOME", "")
    if not home:
        return paths.cache / "kafka" / digest(POM) / "libs"
    libs = Path(home).expanduser().absolute() / "libs"
    if not any(libs.glob("kafka_2.13-4.*.jar")):
        raise MissingProgramsError(
            f"KAFKA_HOME is {home}, and there is no {libs}/kafka_2.13-4.*.jar: name the folder of an Apache Kafka 4, "
            "or unset KAFKA_HOME to have it downloaded"
        )
    return libs


def strapi_modules(paths: Paths) -> Path:
    """The `node_modules` folder of the Strapi application in the cache, which may not exist yet."""
    return paths.cache / "strapi" / digest(APPLICATION / "package-lock.json") / "node_modules"


def web_modules(paths: Paths) -> Path:
    """The `node_modules` folder of the web client in the cache, which may not exist yet."""
    return paths.cache / "web" / digest(PAGE / "package-lock.json") / "node_modules"


def needed_programs(paths: Paths, servers: Collection[str]) -> set[str]:
    """The programs for installing and starting servers.

    Args:
        paths: with the cache: what is downloaded already needs no downloader.
        servers: the servers' names.

    Returns:
        Keys of `stack.system_packages.NEEDS`.

    Raises:
        MissingProgramsError: KAFKA_HOME is a folder without a Kafka 4.
    """
    needs: set[str] = set()
    if "mosquitto" in servers:
        needs |= {"mosquitto"}
    if "kafka" in servers:
        needs |= {"java"} if kafka_libs(paths).is_dir() else {"java", "mvn"}
    if "strapi" in servers:
        needs |= {"node"} if strapi_modules(paths).is_dir() else {"node", "npm"}
    if servers and paths.is_secure:
        needs |= {"openssl"}
    if "web" in servers and not web_modules(paths).is_dir():
        needs |= {"node", "npm"}
    return needs


def install(paths: Paths, report: Report, servers: Collection[str]) -> Programs:
    """Find or install what servers need.

    Args:
        paths: with the cache.
        report: shows the progress.
        servers: the servers' names.

    Raises:
        MissingProgramsError: the machine lacks programs that can't be installed; the text lists all.
        InstallError: a download failed.
    """
    needs = needed_programs(paths, servers)
    libs = kafka_libs(paths) if "kafka" in servers else _NOWHERE
    modules = strapi_modules(paths) if "strapi" in servers else _NOWHERE
    page_modules = web_modules(paths) if "web" in servers else _NOWHERE
    machine = SystemPackages(paths.cache, report)
    found = machine.programs(needs)
    with ThreadPoolExecutor(2, "install") as pool:
        tasks = []
        if "strapi" in servers and not modules.is_dir():
            tasks.append(pool.submit(_strapi_modules, modules.parent, paths, found["node"], found["npm"], report))
        if "web" in servers and not page_modules.is_dir():
            tasks.append(pool.submit(_web_modules, page_modules.parent, paths, found["node"], found["npm"], report))
        if "mvn" in needs:
            tasks.append(pool.submit(_kafka_jars, libs.parent, paths, found["mvn"], found["java"], report))
        try:
            for task in tasks:
                task.result()
        except BaseException:
            end_tools()
            raise
    return Programs(
        mosquitto=found.get("mosquitto", _NOWHERE),
        java=found.get("java", _NOWHERE),
        kafka_libs=libs,
        node=found.get("node", _NOWHERE),
        strapi_modules=modules,
        web_modules=page_modules,
        library_path=machine.library_path,
    )


def _kafka_jars(target: Path, paths: Paths, maven: Path, java: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        shutil.copy(POM, folder)
        run_tool(
            [
                maven,
                "--batch-mode",
                f"-Dmaven.repo.local={paths.cache / 'maven'}",
                "-Dmdep.prependGroupId=false",
                f"-DoutputDirectory={folder / 'libs'}",
                "dependency:copy-dependencies",
            ],
            step,
            cwd=folder,
            environment={"JAVA_HOME": str(java.resolve().parent.parent)},
            counting="^Download(ing|ed) from",
            counted="messages of Maven Central",
        )

    fetch_once(target, "download Kafka (Maven Central, about 60 MB)", report, make)


def _lay_lock(source: Path, folder: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(source / name, folder)


def _npm_environment(paths: Paths, node: Path) -> dict[str, str]:
    return {
        "npm_config_cache": str(paths.cache / "npm"),
        "npm_config_update_notifier": "false",
        "PATH": f"{node.parent}:{os.environ.get('PATH', '')}",
    }


def _web_modules(target: Path, paths: Paths, node: Path, npm: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        _lay_lock(PAGE, folder)
        run_tool(
            [npm, "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"],
            step,
            cwd=folder,
            environment=_npm_environment(paths, node),
        )

    fetch_once(target, "install MQTT.js for the web client (npm, about 15 MB)", report, make)


def _strapi_modules(target: Path, paths: Paths, node: Path, npm: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        _lay_lock(APPLICATION, folder)
        environment = _npm_environment(paths, node)
        headers = node.resolve().parent.parent
        if (headers / "include" / "node" / "node.h").exists():
            # Otherwise node-gyp downloads from nodejs.org what this Node.js includes.
            environment["npm_config_nodedir"] = str(headers)
        run_tool(
            [npm, "ci", "--omit=dev", "--no-audit", "--no-fund", "--foreground-scripts", "--loglevel=http"],
            step,
            cwd=folder,
            environment=environment,
            counting="^npm http (fetch|cache)",
            counted="packages fetched",
        )

    fetch_once(target, "install Strapi (npm, about 700 MB, some 3 minutes)", report, make)
