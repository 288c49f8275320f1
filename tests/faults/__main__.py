"""`python3 -m stack faults`: the command line of the fault runs."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from stack.install import install
from stack.local import LocalStack
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from tests.chain.drafts import DraftStack
from tests.faults.attacks.attack import PROFILES
from tests.faults.backlog import measure
from tests.faults.plan import draw, draw_cluster, draw_take_overs
from tests.faults.results import show, write_results
from tests.faults.run import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.database import Database
    from tests.faults.fault import Fault

__all__ = ["SERVERS", "main"]

SERVERS: Final = ("mosquitto", "kafka", "strapi")
_LONG: Final = 10.0
"""Minutes from which on a run is worth a page of results."""


def main(arguments: Sequence[str]) -> int:
    """Make one run, or measure Mosquitto's backlog.

    Returns:
        0, or 1 if a movement was lost or counted twice, the chain did not recover or an engine ended by itself.
    """
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, _leave)
    # It tells of each try to connect, and connections break here on purpose.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    if options.attacks is not None:
        from tests.faults.attacks.run import attack_all

        return attack_all(options.attacks, options.profile or PROFILES, _say, write=options.results)
    with tempfile.TemporaryDirectory(prefix="opsci-faults-") as folder:
        if options.backlog:
            return _backlog(Path(folder))
        return _faults(options, options.state or Path(folder))


def _faults(options: argparse.Namespace, state: Path) -> int:
    _say(f"the servers start; then {options.minutes:g} minutes of faults by seed {options.seed}")
    with _servers(options, state) as (stack, database):
        made = run(
            stack,
            _plan(options),
            _say,
            seed=options.seed,
            minutes=options.minutes,
            mode=options.mode,
            rate=options.rate,
            transport=options.transport,
            named=options.mode == "ledger" or options.ids,
            database=database,
            engines=options.engines,
            take_overs=options.take_overs,
        )
        outcome = asyncio.run(made)
    document = outcome.as_json()
    _say(show(document))
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.results or options.minutes >= _LONG:
        _say(f"written: {write_results(run=document)}")
    return 0 if outcome.holds else 1


def _plan(options: argparse.Namespace) -> Iterator[Fault]:
    if options.cluster:
        return draw_cluster(options.seed)
    if options.take_overs:
        return draw_take_overs(options.seed)
    return draw(options.seed, alone=options.mode != "ledger", file=not options.postgres, drafts=options.drafts)


@contextmanager
def _servers(options: argparse.Namespace, state: Path) -> Iterator[tuple[LocalStack, Database | None]]:
    """Start the servers of a run, with its database if that isn't Strapi's SQLite file."""
    if options.drafts:
        with DraftStack(state, SERVERS, ledger=options.mode == "ledger") as stack:
            yield stack, None
        return
    if not (options.postgres or options.cluster):
        with LocalStack(state, ports=random_ports(), servers=SERVERS, secure=options.secure) as stack:
            yield stack, None
        return
    # It stands on pytest, as it serves the tests of the ledger as well.
    from tests.chain.postgres import PostgresStack, psql, running
    from tests.faults.twins import TwinStack

    with running() as server, psql(server) as client:
        several = TwinStack(state, server, SERVERS, options.brokers)
        with several if options.cluster else PostgresStack(state, server, SERVERS) as stack:
            yield stack, client


def _backlog(folder: Path) -> int:
    program = install(Paths.of(), Report(), ("mosquitto",)).mosquitto
    _say(f"written: {write_results(backlog=asyncio.run(measure(program, folder, _say)))}")
    return 0


def _leave(number: int, _frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python3 -m stack faults",
        description="Break what can break while numbered movements flow, and account for every one of them. "
        "Servers of its own are started and stopped; nothing that runs here is touched.",
    )
    parser.add_argument("--minutes", type=float, default=3.0, help="for how long faults are begun (default: 3)")
    parser.add_argument("--seed", type=int, default=1, help="what the faults and their order are drawn from")
    parser.add_argument("--rate", type=float, default=200.0, help="messages per second (default: 200)")
    parser.add_argument(
        "--mode", choices=("ledger", "rest5"), default="ledger", help="how Strapi is written to (default: ledger)"
    )
    parser.add_argument(
        "--ids", action="store_true", help="with --mode rest5: publishers with movement-ids too, which it does not know"
    )
    profile = parser.add_mutually_exclusive_group()
    profile.add_argument("--secure", action="store_true", help="on the secured servers: TLS, users and rights")
    profile.add_argument("--postgres", action="store_true", help="with Strapi on a PostgreSQL of its own")
    profile.add_argument(
        "--drafts",
        action="store_true",
        help="with Draft & Publish on for products, which are edited and published in Strapi's panel meanwhile",
    )
    profile.add_argument(
        "--take-overs",
        action="store_true",
        help="with a screen that takes over, or watchers, as every third fault (otherwise they come now and then)",
    )
    cluster = {"brokers": (3, "Kafka brokers"), "engines": (2, "engines"), "strapi": (2, "Strapis on one PostgreSQL")}
    for name, (count, what) in cluster.items():
        parser.add_argument(
            f"--{name}",
            type=int,
            choices=(1, count),
            default=1,
            metavar=str(count),
            help=f"with {count} {what}; --brokers 3, --engines 2 and --strapi 2 go together",
        )
    parser.add_argument(
        "--transport",
        choices=("tcp", "websockets"),
        default="tcp",
        help="how the engine reaches the broker (default: tcp); objects use both",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the account goes as JSON")
    parser.add_argument(
        "--results", action="store_true", help="write tests/faults/RESULTS.md; runs of ten minutes do so by themselves"
    )
    parser.add_argument("--state", type=Path, metavar="DIR", help="keep the servers' data and the engines' logs there")
    parser.add_argument(
        "--backlog", action="store_true", help="instead: measure what Mosquitto keeps through its own kill"
    )
    parser.add_argument(
        "--attacks",
        nargs="*",
        metavar="ID",
        help="instead: attack a plain chain, a secured one and one with --lan, and write tests/faults/SECURITY.md; "
        "with names, those attacks only (an id, its beginning, or a target such as mqtt); the page only with --results",
    )
    parser.add_argument(
        "--profile", action="append", choices=PROFILES, help="with --attacks: this one only (default: all)"
    )
    options = parser.parse_args(arguments)
    several = [getattr(options, name) > 1 for name in cluster]
    options.cluster = any(several)
    if options.cluster and not all(several):
        parser.error("--brokers 3, --engines 2 and --strapi 2 go together")
    if options.take_overs and options.mode != "ledger":
        parser.error("--take-overs has second engines, which plain REST does not stand")
    if options.cluster and (options.take_overs or options.secure or options.drafts or options.mode != "ledger"):
        parser.error("with several brokers, engines and Strapis there is the ledger of a plain chain, without drafts")
    return options


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
