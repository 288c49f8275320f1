"""The command line of the runner.

Standard library only, and so is everything that `status`, `down`, `logs`, `reset` and `--help` import: they work where
nothing is installed, and install nothing. Other commands first go through the bootstrap.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from bridge.command_line import utf8_text
from bridge.streams import fit_streams
from stack.audit import DAYS, audit, refresh, write_bill_of_materials
from stack.bootstrap import Lock, enter
from stack.dependencies import RESOLVED, resolve
from stack.errors import StackError
from stack.lifecycle import reset, stop_one, take_down
from stack.paths import Paths, keep_writers_out
from stack.report import Report
from stack.secure.credentials import show_certificates
from stack.servers.server import BROKERS, SERVERS, servers_of
from stack.status import show_logs, show_status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType

__all__ = ["main", "parse"]

_LOCKS: Final[dict[str, Lock]] = {"test": "dev", "containers": "dev", "faults": "dev", "demo": "record"}
"""The lock that a command needs, where it is not `run`."""

_STANDARD_OUTPUT: Final = Path("-")

_CANT_WRITE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
"""The disk is full, the user's quota is used up, a file is too large, or the file system is read-only."""

_DESCRIPTION: Final = """\
The servers of the chain on this machine: Mosquitto, Kafka, Strapi and the web client's.

  run              start them, seed the catalogue, open the screen; stop them when it ends
  test [ARG ...]   every check and test of the project; arguments go to pytest; --fast: what needs no server
  faults           break what can break under load and account for every movement; faults --help
  containers test  build the images and verify the compose file in a real engine; containers test --help
  bench [WORK ...] measure the chain against others; bench --help names the works and flags
  demo             film the whole chain: a cast, an MP4 and a GIF, on servers of its own
  up, down         start them in the background; stop what was started
  stop, start      one SERVER away, and back; what was under way waits for it
  audit            what is known against the locked dependencies; --sbom names them all
  certs            make the certificates of the secured servers, and say where they are
  status [--json]  what runs, and where
  logs [SERVER]    the end of their logs; -f goes on
  seed             put the catalogue into Strapi; what is there stays as it is
  reset            stop them and remove all their data
"""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; on an error, exit with code 2 and print what is allowed."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--state", type=Path, metavar="DIR", help="where the servers keep their data (default: the user's data folder)"
    )
    common.add_argument(
        "--secure", action="store_true", help="the servers with TLS, users and rights, which keep their data apart"
    )
    common.add_argument(
        "--brokers",
        type=int,
        choices=(1, len(BROKERS)),
        default=1,
        help="how many Kafka brokers; the servers with three keep their data apart, and any one of the three may fail",
    )
    parser = argparse.ArgumentParser(
        # A wheel installs a program; a clone has a module of the system's Python.
        "opsci-stack" if Path(sys.argv[0]).name == "opsci-stack" else "python3 -m stack",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", parents=[common], help="start the servers and open the screen")
    run.add_argument(
        "--config", type=Path, metavar="FILE", help="settings that name servers which exist: none is started"
    )
    up = commands.add_parser("up", parents=[common], help="start the servers in the background")
    for command in (run, up):
        command.add_argument("--admin", action="store_true", help="build and serve Strapi's admin panel as well")
        command.add_argument(
            "--origin",
            action="append",
            type=utf8_text,
            default=[],
            metavar="ORIGIN",
            help="web pages that may use the broker beside those of this machine, as https://shop.example.org",
        )
        command.add_argument(
            "--any-origin",
            action="store_true",
            help="let Mosquitto itself speak MQTT over websockets, to every web page that a browser here opens",
        )
        command.add_argument(
            "--lan",
            action="store_true",
            help="open the web page to phones in the network, with MQTT over websockets for it: whoever is in the "
            "network may then move stock, and nothing else; not with --secure or --any-origin",
        )
    test = commands.add_parser("test", add_help=False, help="every check and test of the project")
    test.add_argument("--fast", action="store_true", help="only what needs no server")
    commands.add_parser("faults", add_help=False, help="break what can break, and account for every movement")
    commands.add_parser("bench", add_help=False, help="measure the chain against others")
    commands.add_parser("containers", add_help=False, help="verify the compose file in a real engine")
    status = commands.add_parser("status", parents=[common], help="what runs, and where")
    status.add_argument("--json", action="store_true", help="one JSON object")
    logs = commands.add_parser("logs", parents=[common], help="the end of the servers' logs")
    logs.add_argument("server", nargs="?", choices=servers_of(len(BROKERS)))
    logs.add_argument("-f", "--follow", action="store_true", help="go on as they grow, until Ctrl-C")
    logs.add_argument("-n", "--lines", type=int, default=40, help="how many lines of each (default: 40)")
    _add_audit(commands)
    certs = commands.add_parser("certs", parents=[common], help="make the certificates of the secured servers")
    certs.add_argument("--dir", type=Path, metavar="DIR", help="where (default: where those servers look for them)")
    certs.add_argument(
        "--host", action="append", default=[], metavar="NAME", help="a name or address of theirs beside localhost"
    )
    for name, does in (("stop", "stop one server"), ("start", "start one server again")):
        one = commands.add_parser(name, parents=[common], help=does)
        one.add_argument("server", choices=servers_of(len(BROKERS)))
    demo = commands.add_parser("demo", help="film the whole chain")
    demo.add_argument("--out", type=Path, default=Path("opsci-demo"), metavar="DIR", help="where (default: opsci-demo)")
    demo.add_argument("--lang", choices=("en", "fr"), default="en", help="of the captions and the screen")
    demo.add_argument("--tour", type=Path, metavar="FILE", help="another tour than the two of configs/tours")
    commands.add_parser("down", parents=[common], help="stop the servers that were started here")
    commands.add_parser("seed", parents=[common], help="put the catalogue into Strapi")
    commands.add_parser("reset", parents=[common], help="stop the servers and remove all their data")
    options, others = parser.parse_known_args(arguments)
    if others and options.command not in {"bench", "containers", "faults", "test"}:
        parser.error(f"unrecognized arguments: {' '.join(others)}")
    options.others = others
    return options


def _add_audit(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    about = "what is known against the locked dependencies"
    parser = commands.add_parser(
        "audit",
        help=about,
        description=f"Says {about}: by OSV's public database or, where that can't be reached, by the committed "
        "snapshot, with its age. Exit code 0: nothing is known; 1: something is; 2: not all could be checked.",
    )
    parser.add_argument("--days", type=int, default=DAYS, metavar="N", help=f"how old a snapshot may be ({DAYS})")
    does = parser.add_mutually_exclusive_group()
    does.add_argument(
        "--sbom",
        type=Path,
        nargs="?",
        const=_STANDARD_OUTPUT,
        metavar="FILE",
        help="write a bill of materials (CycloneDX 1.6, JSON) into FILE, or onto standard output",
    )
    does.add_argument(
        "--refresh",
        type=Path,
        nargs="?",
        const=_STANDARD_OUTPUT,
        metavar="DIR",
        help="rewrite the snapshot: from the database, or from a folder of records in OSV's format",
    )
    does.add_argument(
        "--resolve", action="store_true", help="note anew what jars and licences the locks stand for, from the cache"
    )
    parser.add_argument("--source", default="", metavar="NAME", help="with --refresh DIR: what that folder holds")


def _audit(options: argparse.Namespace, paths: Paths) -> int:
    if options.sbom is not None:
        return write_bill_of_materials(None if options.sbom == _STANDARD_OUTPUT else options.sbom)
    if options.refresh is not None:
        return refresh(None if options.refresh == _STANDARD_OUTPUT else options.refresh, options.source)
    if options.resolve:
        print(f"{RESOLVED}: {resolve(paths)} jars and licences")
        return 0
    return audit(most_days=options.days)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the command line without the program's name; this process's by default.

    Returns:
        The exit code: 0 done, 1 something failed and was reported, 2 a wrong command line, 130 interrupted, 141 the
        reader of a pipe closed it.
    """
    fit_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)
    options = parse(given)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        return _dispatch(options, given)
    except StackError as error:
        print(f"opsci: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of a pipe (`| head`) has closed it: suppress all further output, even the interpreter's flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in _CANT_WRITE:
            raise
        where = f" {error.filename}" if error.filename else ""
        print(
            f"opsci: nothing can be written{where}: {error.strerror}. Make room, or name another folder with --state",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("opsci: interrupted", file=sys.stderr)
        return 130


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Exit as with Ctrl-C, so that what was started is stopped on the way out."""
    raise SystemExit(128 + number)


def _dispatch(options: argparse.Namespace, given: Sequence[str]) -> int:
    report = Report()
    secure = getattr(options, "secure", False) or options.command == "certs"
    paths = Paths.of(getattr(options, "state", None), secure=secure, brokers=getattr(options, "brokers", 1))
    match options.command:
        case "audit":
            return _audit(options, paths)
        case "certs":
            return show_certificates(paths, options.dir, options.host)
        case "status":
            return show_status(paths, as_json=options.json)
        case "logs":
            return show_logs(paths, options.server, lines=options.lines, follow=options.follow)
        case "down":
            return take_down(paths, report)
        case "stop":
            return stop_one(paths, report, options.server)
        case "reset":
            return reset(paths, report)
    keep_writers_out(paths.cache)
    starts_none = (
        options.command in {"seed", "bench", "containers"}
        or (options.command == "run" and options.config)
        or (options.command == "test" and options.fast)
    )
    enter(
        paths,
        report,
        given,
        lock=_LOCKS.get(options.command, "run"),
        servers=() if starts_none else SERVERS,
    )
    from stack.venv_commands import dispatch  # noqa: PLC0415 -- what it imports may not exist before `enter`

    return dispatch(options, paths, report)
