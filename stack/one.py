"""`stop SERVER` and `start SERVER`: one server away, and back again on the same ports and data."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from stack.errors import NotRunningError
from stack.record import Record, hold
from stack.stopping import stop_servers

if TYPE_CHECKING:
    from stack.places import Places
    from stack.report import Report

__all__ = ["start_one", "stop_one"]

_WAITING = "another opsci starts or stops these servers: waiting for it"


def stop_one(places: Places, report: Report, name: str) -> int:
    """Stop one server; the others run on."""
    if not places.is_ours:
        print(f"{name} does not run")
        return 0
    with hold(places.lock, partial(report.note, _WAITING)):
        stopped = stop_servers(places, report, names=[name])
    print(f"stopped {name}" if stopped else f"{name} does not run")
    return 0


def start_one(places: Places, report: Report, name: str) -> int:
    """Start one server again, beside those that run; it ends with them.

    Raises:
        NotRunningError: none of them runs, so that there is nothing to start it beside.
    """
    from stack.local import LocalStack  # noqa: PLC0415 -- what it imports exists only after `enter`

    record = Record.read(places.record)
    alive = record.alive()
    if not alive:
        raise NotRunningError(f"none of the servers runs in {places.state}: start all of them with `up`")
    if name in alive:
        print(f"{name} runs already")
        return 0
    owners = {record.servers[other].owner for other in alive}
    stack = LocalStack(
        places.state, cache=places.cache, stay=True, admin=record.admin, report=report, secure=places.is_secure
    )
    stack.start_server(name)
    if len(owners) == 1:
        with hold(places.lock, partial(report.note, _WAITING)):
            record = Record.read(places.record)
            if name in record.servers:
                record.servers[name] = replace(record.servers[name], owner=owners.pop())
                record.write(places.record)
    print(f"started {name}")
    return 0
