"""Stopping the servers that the record names, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from stack.record import Record
from stack.servers.process import Identity, stop_group

if TYPE_CHECKING:
    from collections.abc import Collection

    from stack.places import Places
    from stack.report import Report

__all__ = ["stop_servers"]


def stop_servers(
    places: Places, report: Report, *, names: Collection[str] | None = None, owner: Identity | None = None
) -> list[str]:
    """Stop servers side by side and take them off the record. The caller holds the state's lock.

    Args:
        places: whose state.
        report: what tells the progress.
        names: which servers; all of the record by default.
        owner: only those that this runner started; any by default.

    Returns:
        The names of those that ran and were stopped.
    """
    record = Record.read(places.record)
    chosen = [
        name
        for name, running in record.servers.items()
        if (names is None or name in names) and (owner is None or running.owner == owner)
    ]
    alive = [name for name in chosen if record.servers[name].identity.is_alive]

    def stop(name: str) -> None:
        running = record.servers[name]
        with report.step(f"stop {name}"):
            if stop_group(running.identity, patience=running.stop_patience):
                report.note(f"  {name} did not stop within {running.stop_patience:.0f} s and was killed")

    if alive:
        with ThreadPoolExecutor(len(alive), "stop") as pool:
            list(pool.map(stop, alive))
    for name in chosen:
        del record.servers[name]
    if chosen:
        record.write(places.record)
    return alive
