"""Strapi's admin panel: a build of its own, made once for a lock and a configuration, and kept in the cache."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from stack.downloads import digest, fetch_once
from stack.needs import APPLICATION
from stack.tool import run_tool

if TYPE_CHECKING:
    from pathlib import Path

    from stack.places import Places
    from stack.programs import Programs
    from stack.report import Report, Step

__all__ = ["admin_panel", "tie_admin_panel"]

_FOLDER = "build"


def admin_panel(places: Places, programs: Programs, report: Report) -> Path:
    """Build the admin panel, unless the cache has it.

    Returns:
        The folder of the built panel.

    Raises:
        InstallError: Strapi's build failed.
    """

    def make(folder: Path, step: Step) -> None:
        work = folder / "work"
        shutil.copytree(APPLICATION, work, ignore=shutil.ignore_patterns("node_modules", _FOLDER, ".tmp", ".cache"))
        (work / "node_modules").symlink_to(programs.strapi_modules)
        run_tool(
            [programs.node, programs.strapi_modules / "@strapi" / "strapi" / "bin" / "strapi.js", "build"],
            step,
            cwd=work,
            environment={"NODE_ENV": "production", "STRAPI_TELEMETRY_DISABLED": "true"},
        )
        (work / _FOLDER).rename(folder / _FOLDER)
        shutil.rmtree(work)

    pinned = [APPLICATION / "package-lock.json", *sorted((APPLICATION / "config").glob("*.js"))]
    target = places.cache / "strapi-admin" / digest(*pinned)
    return fetch_once(target, "build Strapi's admin panel (about a minute)", report, make) / _FOLDER


def tie_admin_panel(application: Path, panel: Path) -> None:
    """Put the built panel where the application serves it from."""
    link = application / _FOLDER
    link.unlink(missing_ok=True)
    link.symlink_to(panel)
