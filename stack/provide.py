"""Everything that the servers are started from: found on the machine, or installed, downloaded and kept."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from stack.downloads import digest, fetch_once, run_tool
from stack.errors import MissingProgramsError
from stack.machine import Machine
from stack.places import ROOT, Places
from stack.programs import Programs
from stack.servers.strapi import APPLICATION

if TYPE_CHECKING:
    from collections.abc import Collection

    from stack.report import Report, Step

__all__ = ["kafka_home_libs", "provide"]

_POM = ROOT / "stack" / "kafka" / "pom.xml"
_NOWHERE = Path("/nonexistent")


def kafka_home_libs() -> Path | None:
    """The jars of the Kafka that the environment's KAFKA_HOME names, if it names one.

    Raises:
        MissingProgramsError: it names a folder without a Kafka 4 in it.
    """
    home = os.environ.get("KAFKA_HOME", "")
    if not home:
        return None
    libs = Path(home).expanduser().absolute() / "libs"
    if not any(libs.glob("kafka_2.13-4.*.jar")):
        raise MissingProgramsError(
            f"KAFKA_HOME is {home}, and there is no {libs}/kafka_2.13-4.*.jar: name the folder of an Apache Kafka 4, "
            "or unset KAFKA_HOME to have it downloaded"
        )
    return libs


def provide(places: Places, report: Report, servers: Collection[str]) -> Programs:
    """Find or install what some servers need.

    Args:
        places: whose cache.
        report: what tells the progress.
        servers: the servers' names; what the others need is left out.

    Raises:
        MissingProgramsError: the machine lacks programs that cannot be had here, all named at once.
        InstallError: a download failed.
    """
    needs: set[str] = set()
    libs = modules = _NOWHERE
    if "mosquitto" in servers:
        needs |= {"mosquitto"}
    if "kafka" in servers:
        libs = kafka_home_libs() or places.cache / "kafka" / digest(_POM) / "libs"
        needs |= {"java"} if libs.is_dir() else {"java", "mvn"}
    if "strapi" in servers:
        modules = places.cache / "strapi" / digest(APPLICATION / "package-lock.json") / "node_modules"
        needs |= {"node"} if modules.is_dir() else {"node", "npm"}
    machine = Machine(places.cache, report)
    found = machine.programs(needs)
    with ThreadPoolExecutor(2, "install") as pool:
        tasks = []
        if "npm" in needs:
            tasks.append(pool.submit(_strapi_modules, modules.parent, places, found["node"], found["npm"], report))
        if "mvn" in needs:
            tasks.append(pool.submit(_kafka_jars, libs.parent, places, found["mvn"], found["java"], report))
        for task in tasks:
            task.result()
    return Programs(
        mosquitto=found.get("mosquitto", _NOWHERE),
        java=found.get("java", _NOWHERE),
        kafka_libs=libs,
        node=found.get("node", _NOWHERE),
        strapi_modules=modules,
        library_path=machine.library_path,
    )


def _kafka_jars(target: Path, places: Places, maven: Path, java: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        shutil.copy(_POM, folder)
        run_tool(
            [
                maven,
                "--batch-mode",
                f"-Dmaven.repo.local={places.cache / 'maven'}",
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


def _strapi_modules(target: Path, places: Places, node: Path, npm: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        for name in ("package.json", "package-lock.json", ".npmrc"):
            if (APPLICATION / name).exists():
                shutil.copy(APPLICATION / name, folder)
        environment = {
            "npm_config_cache": str(places.cache / "npm"),
            "npm_config_update_notifier": "false",
            "PATH": f"{node.parent}:{os.environ.get('PATH', '')}",
        }
        headers = node.resolve().parent.parent
        if (headers / "include" / "node" / "node.h").exists():
            # Else node-gyp downloads from nodejs.org what this Node.js brought along.
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
