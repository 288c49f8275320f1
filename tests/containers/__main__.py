"""`python3 -m stack containers test`: the compose file in a real engine, verified and removed again."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from stack.paths import ROOT, Paths
from stack.report import Report
from stack.seed import read_catalogue
from tests.containers.bases import bases
from tests.containers.checks import check_doors, check_isolation, check_memory, check_page, check_rights, check_secrets
from tests.containers.engine import NoEngineError, engine
from tests.containers.project import Project
from tests.containers.screen import check_screen
from tests.containers.traffic import Traffic
from tests.containers.verdicts import Verdicts, say

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["NOT_RUN", "main"]

NOT_RUN: Final = 3
"""The exit code where nothing was verified, or not all of it, and nothing failed."""

_KILLED: Final = ("bridge", "strapi", "kafka", "postgres", "websockets", "mosquitto", "web")
_KILLED_QUICKLY: Final = ("bridge", "strapi", "kafka", "mosquitto")
_BACK: Final = 150.0
_BETWEEN: Final = 5.0


def main(arguments: Sequence[str]) -> int:
    """Verify the containers.

    Returns:
        0 where every check passed, 1 where one failed, 3 where there is no engine or time ran out.
    """
    options = _parse(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    report = Report()
    paths = Paths.of()
    verdicts = Verdicts(time.monotonic() + options.minutes * 60 if options.minutes else None)
    try:
        with engine(paths.cache, report) as found, tempfile.TemporaryDirectory(prefix="opsci-containers-") as folder:
            made = bases(found, paths, report)
            if made.made:
                report.note("the base images are made of Debian's packages, as no image registry answers here")
            for secure in (False, True) if options.both else (options.secure,):
                if secure and options.both:
                    say("again, with compose.secure.yaml:")
                own = Path(folder) / ("secure" if secure else "plain")
                own.mkdir()
                name = f"opsci-test-{Path(folder).name[-8:].lower().strip('_')}{'-secure' * secure}"
                project = Project(found, made, own, name, panel=options.panel, secure=secure)
                _verify(project, verdicts, report, options, None if options.both and secure else options.upgrade_from)
            _sizes(project)
    except NoEngineError as error:
        say(f"not run: {error}")
        return NOT_RUN
    return verdicts.close()


def _verify(
    project: Project, verdicts: Verdicts, report: Report, options: argparse.Namespace, older_commit: str | None
) -> None:
    try:
        traffic = Traffic(project, project.folder)
        if older_commit:
            with report.step(f"build the images of {older_commit}"):
                older = _older(project, older_commit)
            verdicts.hold(f"the containers of {older_commit} carry", lambda: _carry_older(older, traffic))
        with report.step("build the images"):
            verdicts.hold("the images can be built", lambda: _build(project))
        verdicts.hold("every container is healthy", lambda: f"after {project.up():.0f} s")
        if older_commit:
            verdicts.hold("upgraded in place, all data are there", lambda: _hold_older(traffic))
        verdicts.hold("movements over websockets and TCP are in PostgreSQL", lambda: _carry(traffic))
        names = _KILLED_QUICKLY if options.quick else _KILLED
        verdicts.hold("killed under load, nothing is lost and nothing doubled", lambda: _kill(project, traffic, names))
        verdicts.hold("the page knows the broker's port and shows the catalogue", lambda: check_page(project))
        if project.secure:
            verdicts.hold("no one gets in without TLS and a name", lambda: check_doors(project))
        verdicts.hold("Kafka is reached on the inner network alone", lambda: check_isolation(project))
        verdicts.hold("no container is root or may become it", lambda: check_rights(project))
        verdicts.hold("secrets are seen by whom they are for", lambda: check_secrets(project))
        name = read_catalogue()[0]["name"]
        verdicts.hold("the screen opens", lambda: check_screen(project, str(name).split()[0], options.picture))
        verdicts.hold("memory stays within its limits", lambda: check_memory(project))
        verdicts.hold("data survive down and up", lambda: _down_and_up(project, traffic))
        if verdicts.failed:
            say(_logs(project))
    finally:
        if options.keep:
            say(f"kept: docker compose --project-name {project.name}")
        else:
            with suppress(subprocess.SubprocessError):
                project.down(volumes=True)


def _build(project: Project) -> str:
    project.build()
    return "the admin panel too" if project.panel else "without the admin panel"


def _carry(traffic: Traffic) -> str:
    traffic.start(rows=60, rate=60)
    traffic.finish(120)
    traffic.verify()
    return f"{traffic.count}, each once, and the stock is right"


def _older(project: Project, commit: str) -> Project:
    """The project of an earlier commit: its images, built here, on the same ports and volumes."""
    root = project.folder / "older"
    root.mkdir()
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True, timeout=60).stdout
    subprocess.run(["tar", "-x", "-C", root], input=archive, check=True, timeout=60)
    older = replace(project, root=root, tag="older")
    older.build()
    return older


def _carry_older(older: Project, traffic: Traffic) -> str:
    seconds = older.up()
    return f"{_carry(traffic)}; healthy after {seconds:.0f} s"


def _hold_older(traffic: Traffic) -> str:
    traffic.verify()
    return f"the {traffic.count} movements from before, and the stock is right"


def _kill(project: Project, traffic: Traffic, names: Sequence[str]) -> str:
    before = traffic.count
    # So many that all are killed while it lasts. The next one goes while the last one may still be starting.
    traffic.start(rows=80 * len(names), rate=8)
    for name in names:
        time.sleep(_BETWEEN)
        assert traffic.is_running, f"all was sent before {name} was killed"
        project.kill(name)
    project.wait_healthy(names, _BACK)
    traffic.finish(240)
    traffic.verify()
    return f"{', '.join(names)} killed during {traffic.count - before} movements"


def _down_and_up(project: Project, traffic: Traffic) -> str:
    project.down()
    seconds = project.up()
    traffic.verify()
    _carry(traffic)
    return f"{traffic.count} movements, and healthy again after {seconds:.0f} s"


def _sizes(project: Project) -> None:
    names = project.bases.names
    for image, base in ((project.bridge_image, names["python"]), (project.strapi_image, names["node"])):
        with suppress(subprocess.SubprocessError):
            whole, below = (
                int(project.engine.run("image", "inspect", "--format", "{{.Size}}", one)) for one in (image, base)
            )
            say(f"image {image}: {(whole - below) / 1e6:.0f} MB on the {below / 1e6:.0f} MB of {base}")


def _logs(project: Project) -> str:
    with suppress(subprocess.SubprocessError):
        return project.compose("ps", "--all") + project.compose("logs", "--no-color", "--tail", "15")
    return ""


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python3 -m stack containers",
        description="Builds the images, starts the compose file on free ports and verifies what it promises. Uses your "
        "engine, or as root on Debian installs, starts and stops one. Exit code 0: all holds; 1: something does not; "
        "3: not run, or not all of it.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    test = commands.add_parser("test", help="verify the containers")
    test.add_argument("--quick", action="store_true", help="kill four of the containers instead of all")
    profile = test.add_mutually_exclusive_group()
    profile.add_argument("--secure", action="store_true", help="with compose.secure.yaml: TLS, users and rights")
    profile.add_argument("--both", action="store_true", help="without it and with it, one after the other")
    test.add_argument("--panel", action="store_true", help="build Strapi's admin panel as well")
    test.add_argument(
        "--upgrade-from", metavar="COMMIT", help="build that commit's images first, and upgrade them in place"
    )
    test.add_argument("--picture", type=Path, metavar="FILE", help="write a picture of the screen there, as SVG")
    test.add_argument("--keep", action="store_true", help="leave the containers running in your engine")
    test.add_argument("--minutes", type=float, metavar="N", help="begin no check after so long")
    return parser.parse_args(arguments)


def _leave(number: int, _frame: object) -> NoReturn:
    """Exit as with Ctrl-C, so that what was started is removed on the way out."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
