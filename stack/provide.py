"""Everything that the servers are started from: found on the machine, or installed, downloaded and kept."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stack.downloads import fetch_once
from stack.machine import Machine
from stack.needs import APPLICATION, PAGE, POM, kafka_libs, needed_programs, strapi_modules, web_modules
from stack.programs import Programs
from stack.tool import end_tools, run_tool

if TYPE_CHECKING:
    from collections.abc import Collection

    from stack.places import Places
    from stack.report import Report, Step

__all__ = ["provide"]

_NOWHERE: Final = Path("/nonexistent")


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
    needs = needed_programs(places, servers)
    libs = kafka_libs(places) if "kafka" in servers else _NOWHERE
    modules = strapi_modules(places) if "strapi" in servers else _NOWHERE
    page_modules = web_modules(places) if "web" in servers else _NOWHERE
    machine = Machine(places.cache, report)
    found = machine.programs(needs)
    with ThreadPoolExecutor(2, "install") as pool:
        tasks = []
        if "strapi" in servers and not modules.is_dir():
            tasks.append(pool.submit(_strapi_modules, modules.parent, places, found["node"], found["npm"], report))
        if "web" in servers and not page_modules.is_dir():
            tasks.append(pool.submit(_web_modules, page_modules.parent, places, found["node"], found["npm"], report))
        if "mvn" in needs:
            tasks.append(pool.submit(_kafka_jars, libs.parent, places, found["mvn"], found["java"], report))
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


def _kafka_jars(target: Path, places: Places, maven: Path, java: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        shutil.copy(POM, folder)
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


def _lay_lock(source: Path, folder: Path) -> None:
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(source / name, folder)


def _npm_environment(places: Places, node: Path) -> dict[str, str]:
    return {
        "npm_config_cache": str(places.cache / "npm"),
        "npm_config_update_notifier": "false",
        "PATH": f"{node.parent}:{os.environ.get('PATH', '')}",
    }


def _web_modules(target: Path, places: Places, node: Path, npm: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        _lay_lock(PAGE, folder)
        run_tool(
            [npm, "ci", "--omit=dev", "--no-audit", "--no-fund", "--ignore-scripts"],
            step,
            cwd=folder,
            environment=_npm_environment(places, node),
        )

    fetch_once(target, "install MQTT.js for the web client (npm, about 15 MB)", report, make)


def _strapi_modules(target: Path, places: Places, node: Path, npm: Path, report: Report) -> None:
    def make(folder: Path, step: Step) -> None:
        _lay_lock(APPLICATION, folder)
        environment = _npm_environment(places, node)
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
