"""Stopping what was started, and removing what it wrote: `down` and `reset`. Standard library only."""

from __future__ import annotations

import shutil
from functools import partial
from typing import TYPE_CHECKING

from stack.errors import StateError
from stack.record import hold
from stack.stopping import stop_servers

if TYPE_CHECKING:
    from stack.places import Places
    from stack.report import Report

__all__ = ["reset", "take_down"]

_WAITING = "another opsci starts or stops these servers: waiting for it"


def take_down(places: Places, report: Report) -> int:
    """Stop every server that was started in this state folder, and nothing else."""
    if not places.is_ours:
        print("nothing runs")
        return 0
    with hold(places.lock, partial(report.note, _WAITING)):
        stopped = stop_servers(places, report)
    print(f"stopped {', '.join(stopped)}" if stopped else "nothing runs")
    return 0


def reset(places: Places, report: Report) -> int:
    """Stop the servers and remove their state; the cache of downloads stays.

    Raises:
        StateError: the folder was not made by this program.
    """
    if not places.state.exists():
        print(f"nothing to remove: there is no {places.state}")
        return 0
    if not places.is_ours:
        raise StateError(f"{places.state} was not made by this program (it has no .opsci-state): it is left alone")
    with hold(places.lock, partial(report.note, _WAITING)):
        stopped = stop_servers(places, report)
        if stopped:
            print(f"stopped {', '.join(stopped)}")
        removed = sorted(entry.name for entry in places.state.iterdir() if not entry.name.startswith("."))
        shutil.rmtree(places.state)
    print(f"removed {places.state}: {', '.join(removed)}")
    return 0
