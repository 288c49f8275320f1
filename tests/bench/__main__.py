"""`python3 -m stack bench`: the command line, the servers, and the output of the results."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stack.errors import StackError
from stack.local import LocalStack
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from tests.bench.bench import MESSAGES, Bench
from tests.bench.catalogue import WORKS
from tests.bench.document import all_ratios, document_of
from tests.bench.machine import Machine
from tests.bench.picture import picture_of
from tests.bench.results import write_results
from tests.bench.rounds import measure
from tests.bench.table import table_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bench.rounds import Measured
    from tests.bench.work import Contender, Work

__all__ = ["chosen", "main", "parse"]

_TEXT = "Measures the chain against others on this machine. The works: "


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line; a wrong one ends the program with exit code 2 and the allowed values."""
    parser = argparse.ArgumentParser(
        "python3 -m stack bench",
        description=_TEXT + ", ".join(WORKS) + ".",
        epilog="Quiet the machine first: everything that runs beside it is measured too.",
    )
    parser.add_argument("works", nargs="*", metavar="WORK", help="which works (default: all)")
    parser.add_argument(
        "--against", action="append", metavar="PEER", help="only this peer beside ours; may be said again"
    )
    parser.add_argument("--rounds", type=_positive, default=5, metavar="N", help="runs of each contender (default: 5)")
    parser.add_argument(
        "--messages",
        type=_positive,
        default=MESSAGES,
        metavar="N",
        help=f"of an ingest work; the sizes of the others go with it (default: {MESSAGES})",
    )
    parser.add_argument(
        "--set",
        dest="settings",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting of our engine, to measure what it changes; may be said again",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write ratios, every run and the machine there")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="write the picture (SVG) there")
    parser.add_argument("--results", action="store_true", help="write tests/bench/RESULTS.md and its picture")
    options = parser.parse_args(arguments)
    for name in options.works:
        if name not in WORKS:
            parser.error(f"there is no work {name!r}: {', '.join(WORKS)}")
    peers = {contender.name for work in WORKS.values() for contender in work.contenders}
    for name in options.against or ():
        if name not in peers:
            parser.error(f"there is no peer {name!r}: {', '.join(sorted(peers))}")
    return options


def chosen(work: Work, against: Sequence[str] | None, settings: Sequence[str] = ()) -> Work:
    """Return the work with the contenders to run: all, or the reference and the named ones.

    Args:
        work: the work.
        against: the named contenders; None for all.
        settings: settings of our engine, each `KEY=VALUE`.
    """
    wanted = {work.against, *(against or ())}
    taking_part = [one for one in work.contenders if against is None or one.name in wanted]
    return replace(work, contenders=tuple(_set(one, settings) for one in taking_part))


def _set(contender: Contender, settings: Sequence[str]) -> Contender:
    if not settings or not contender.is_ours:
        return contender
    flags = [*contender.told.get("flags", []), *(part for setting in settings for part in ("--set", setting))]
    said = f"{contender.settings}, and {', '.join(settings)}"
    return replace(contender, settings=said, told={**contender.told, "flags": flags})


def main(arguments: Sequence[str]) -> int:
    """Measure, print the tables, and write the requested files.

    Returns:
        0, or 1 if a work failed.
    """
    options = parse(arguments)
    # Of topics that were made a moment ago it complains while it looks for them.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    works = [chosen(WORKS[name], options.against, options.settings) for name in options.works or WORKS]
    machine, report = Machine.here(), Report()
    measured: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="opsci-bench-") as folder:
        state = Path(folder) / "state"
        servers = frozenset().union(*(work.servers for work in works))
        with LocalStack(state, ports=random_ports(), servers=servers, report=report) as stack:
            bench = Bench(stack, Paths.of(state), report, options.messages, Path(folder), machine.cores)
            for work in works:
                measured.append(measure(bench, work, options.rounds))
                _say(f"\n{work.name}: {work.about}\n\n{table_of(measured[-1], all_ratios(measured))}\n")
    _say(machine.line())
    command = " ".join(["python3 -m stack bench", *arguments])
    if options.json:
        options.json.write_text(json.dumps(document_of(measured, machine, options.messages), indent=2) + "\n")
    if options.picture:
        options.picture.write_text(picture_of(measured, machine))
    if options.results:
        for path in write_results(measured, machine, command):
            _say(f"wrote {os.path.relpath(path)}")
    return 0 if all(one.outcomes for one in measured) else 1


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is a command


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        msg = f"{text} is not 1 or more"
        raise argparse.ArgumentTypeError(msg)
    return number


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except StackError as error:
        sys.exit(f"opsci: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
