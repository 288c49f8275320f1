"""The commands that need the virtual environment; what this imports exists only inside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stack.addresses import Addresses
from stack.bench import run_bench
from stack.demo import make_demo
from stack.faults import run_faults
from stack.local import LocalStack
from stack.one import start_one
from stack.quality import run_everything
from stack.record import Record
from stack.seed import seed
from stack.session import run

if TYPE_CHECKING:
    import argparse

    from stack.places import Places
    from stack.report import Report

__all__ = ["dispatch"]


def dispatch(options: argparse.Namespace, places: Places, report: Report) -> int:
    """Run a command as the command line said, and return its exit code."""
    match options.command:
        case "up":
            return bring_up(places, report, admin=options.admin, secure=options.secure)
        case "bench":
            return run_bench(options.others)
        case "seed":
            return seed(places, report)
        case "faults":
            return run_faults(options.others)
        case "start":
            return start_one(places, report, options.server)
        case "demo":
            return make_demo(places, report, options.out, language=options.lang, tour=options.tour)
        case "test":
            return run_everything(places, report, options.others)
        case _:
            return run(places, report, config=options.config, admin=options.admin, secure=options.secure)


def bring_up(places: Places, report: Report, *, admin: bool, secure: bool = False) -> int:
    """Start the servers that do not run, and leave them running."""
    stack = LocalStack(places.state, cache=places.cache, stay=True, admin=admin, report=report, secure=secure)
    started = stack.start()
    record = Record.read(places.record)
    owners = sorted({running.owner.pid for running in record.servers.values() if running.owner})
    if not started:
        print("already running")
    if owners:
        print(f"they end with the run that started them (pid {', '.join(map(str, owners))})")
    addresses = Addresses.of(record.ports, secure=places.is_secure)
    print(f"MQTT      {addresses.mqtt_ws}  {addresses.mqtt_tcp}")
    print(f"Kafka     {addresses.kafka}")
    print(f"Strapi    {addresses.strapi}" + ("  (admin panel: /admin)" if record.admin else ""))
    print(f"web page  {addresses.web}")
    print(f"settings  {places.settings}")
    if places.is_secure:
        print(f"trust     {stack.door.authority}")
        print(
            f"log in    to the web page as publisher, with the password in {stack.door.password_file('mqtt-publisher')}"
        )
    return 0
