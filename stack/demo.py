"""`demo`: films of the whole chain on temporary servers, unattended: a cast, an MP4 and a GIF."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import StackError
from stack.install import FONTS
from stack.local import LocalStack
from stack.paths import ROOT
from stack.seed import seed_catalogue
from stack.system_packages import SystemPackages
from stack.tool import end_with_runner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stack.paths import Paths
    from stack.report import Report

__all__ = ["DemoError", "fonts_beside", "make_demo"]

_TOURS = ROOT / "configs" / "tours"


class DemoError(StackError):
    """A film could not be made; the text includes the output of the program that failed."""


def make_demo(paths: Paths, report: Report, out: Path, *, language: str, tour: Path | None = None) -> int:
    """Film the full tour and the short one, check both casts, and print where they are.

    Args:
        paths: with the cache; the servers' state is in a temporary folder.
        report: shows the progress.
        out: the folder for the films; files of the same names are replaced.
        language: `en` or `fr`, of the captions and the screen.
        tour: film this one instead, as cast and MP4.

    Returns:
        0.

    Raises:
        DemoError: a step of a tour can't be done, an expectation of it is not met, or something is missing.
        StackError: the servers did not start.
    """
    began = time.monotonic()
    font = SystemPackages(paths.cache, report).programs(FONTS)["DejaVuSansMono.ttf"]
    out = out.absolute()
    tours = {tour.stem: ("cast", "mp4")} if tour else {"demo": ("cast", "mp4"), "short": ("cast", "mp4", "gif")}
    with tempfile.TemporaryDirectory(prefix="opsci-demo-") as folder:
        state = Path(folder)
        maker = _Maker(report, {**os.environ, **fonts_beside(font), "XDG_STATE_HOME": str(state / "home")})
        films = {name: {kind: out / f"{name}.{kind}" for kind in kinds} for name, kinds in tours.items()}
        # The full tour first, as it expects the stock of the catalogue.
        with LocalStack(state / "state", cache=paths.cache, report=report) as servers:
            seed_catalogue(servers.addresses.strapi, servers.bridge_token)
            for name, targets in films.items():
                file = tour.absolute() if tour else _TOURS / f"{name}.py"
                maker.film(file, targets["cast"], language, servers.settings_file)
        for targets in films.values():
            maker.finish(targets)
    made = [path for targets in films.values() for path in targets.values()]
    for path in made:
        print(f"{path}  {path.stat().st_size / 1e6:.1f} MB")
    print(f"made in {(time.monotonic() - began) / 60:.1f} minutes; `asciinema play` plays the casts")
    return 0


class _Maker:
    """Runs `opsci-tui record`."""

    def __init__(self, report: Report, environment: Mapping[str, str]) -> None:
        self._report = report
        self._environment = environment

    def film(self, tour: Path, cast: Path, language: str, settings: Path) -> None:
        """Film a tour on the servers of a settings file."""
        chosen: list[str | Path] = ["--lang", language, "--config", settings]
        self._record(f"film {tour.name}", ["--tour", tour, "--out", cast, *chosen])

    def finish(self, targets: Mapping[str, Path]) -> None:
        """Check a cast and make its films."""
        cast = targets["cast"]
        self._record(f"check {cast.name}", ["--check", cast])
        films: list[str | Path] = []
        for kind in ("mp4", "gif"):
            films += [f"--{kind}", targets[kind]] if kind in targets else []
        self._record(f"make films of {cast.name}", ["--from", cast, *films])

    def _record(self, label: str, arguments: Sequence[str | Path]) -> None:
        program = Path(sys.executable).with_name("opsci-tui")
        argv = end_with_runner([program, "record", *arguments])
        pipe = subprocess.PIPE
        with (
            self._report.step(label) as step,
            subprocess.Popen(argv, env=self._environment, stdout=pipe, stderr=subprocess.STDOUT, text=True) as child,
        ):
            try:
                said, _ = child.communicate()
            except BaseException:
                child.terminate()
                child.wait()
                raise
            if child.returncode:
                raise DemoError(f"{label}: {said.strip()}")
            step.outcome = (said.strip().splitlines() or [""])[-1]


def fonts_beside(font: Path) -> dict[str, str]:
    """The environment for a font that was unpacked but not installed: XDG's data folders, including its package's."""
    share = next((folder for folder in font.parents if folder.name == "share"), None)
    if share is None or share == Path("/usr/share"):
        return {}
    return {"XDG_DATA_DIRS": f"{share}:{os.environ.get('XDG_DATA_DIRS') or '/usr/local/share:/usr/share'}"}
