"""The commands that need the virtual environment; this module's imports exist only inside it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from stack.demo import make_demo
from stack.errors import NotRunningError
from stack.lifecycle import WAITING
from stack.local import LocalStack
from stack.ports import Addresses
from stack.run import run
from stack.run_state import RunState, hold
from stack.seed import seed
from stack.status import log_in, open_to, pages_that_may, warnings
from stack.testing import run_bench, run_containers, run_everything, run_fast, run_faults

if TYPE_CHECKING:
    import argparse

    from stack.paths import Paths
    from stack.report import Report

__all__ = ["dispatch"]

_OF_THE_TESTS: Final = {"bench": run_bench, "containers": run_containers, "faults": run_faults}
"""The commands that pass their arguments to a package of tests/."""


def dispatch(options: argparse.Namespace, paths: Paths, report: Report) -> int:
    """Run a command, and return its exit code."""
    match options.command:
        case "up":
            return bring_up(paths, _servers(options, paths, report, stay=True))
        case "bench" | "containers" | "faults":
            return _OF_THE_TESTS[options.command](options.others)
        case "seed":
            return seed(paths, report)
        case "start":
            return start_one(paths, report, options.server)
        case "demo":
            return make_demo(paths, report, options.out, language=options.lang, tour=options.tour)
        case "test":
            return run_fast(options.others) if options.fast else run_everything(paths, report, options.others)
        case _:
            return run(paths, report, _servers(options, paths, report), config=options.config)


def _servers(options: argparse.Namespace, paths: Paths, report: Report, *, stay: bool = False) -> LocalStack:
    return LocalStack(
        paths.state,
        cache=paths.cache,
        stay=stay,
        admin=options.admin,
        report=report,
        secure=options.secure,
        any_origin=options.any_origin,
        origins=options.origin,
        brokers=options.brokers,
        lan=options.lan,
    )


def bring_up(paths: Paths, stack: LocalStack) -> int:
    """Start the servers that do not run, and leave them running."""
    started = stack.start()
    record = RunState.read(paths.record)
    owners = sorted({running.owner.pid for running in record.servers.values() if running.owner})
    if not started:
        print("already running")
    if owners:
        print(f"they end with the run that started them (pid {', '.join(map(str, owners))})")
    addresses = Addresses.of(record.ports, secure=paths.is_secure, brokers=paths.brokers)
    print(f"MQTT      {addresses.mqtt_tcp}  {addresses.mqtt_ws} {pages_that_may(record)}")
    print(f"Kafka     {addresses.kafka}")
    print(f"Strapi    {addresses.strapi}")
    if record.admin:
        print(f"panel     {log_in(paths, addresses.strapi)}")
    print(f"web page  {addresses.web} {open_to(record)}".rstrip())
    print(f"settings  {paths.settings}")
    for warning in warnings(paths):
        print(f"warning   {warning}")
    if paths.is_secure:
        print(f"trust     {stack.credentials.authority}")
        password = stack.credentials.password_file("mqtt-publisher")
        print(f"log in    to the web page as publisher, with the password in {password}")
    return 0


def start_one(paths: Paths, report: Report, name: str) -> int:
    """Start one server again, beside those that run; it ends with them.

    Raises:
        NotRunningError: none of them runs.
    """
    record = RunState.read(paths.record)
    alive = record.alive()
    if not alive:
        raise NotRunningError(f"none of the servers runs in {paths.state}: start all of them with `up`")
    if name in alive:
        print(f"{name} runs already")
        return 0
    owners = {record.servers[other].owner for other in alive}
    stack = LocalStack(
        paths.state, cache=paths.cache, stay=True, admin=record.admin, report=report, secure=paths.is_secure
    )
    stack.start_server(name)
    if len(owners) == 1:
        with hold(paths.lock, partial(report.note, WAITING)):
            record = RunState.read(paths.record)
            if name in record.servers:
                record.servers[name] = replace(record.servers[name], owner=owners.pop())
                record.write(paths.record)
    print(f"started {name}")
    return 0
