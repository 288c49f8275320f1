"""Strapi is restored from an older backup while movements arrive, and a replay restores what it lacks."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.faults.fault import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.world import World

__all__ = ["Restored", "backed_up", "put_back"]

_TOLD: Final = re.compile(rb"Strapi's ledger has not seen (\d+) records")
_TOLD_WITHIN: Final = 60.0
_REPLAYS: Final = 5
"""A replay ends where a server is away; another fault may have struck at the same time."""


@dataclass(frozen=True)
class Restored(Fault):
    """The database goes back by `seconds`, the engine reports it, and the user does what it says."""

    @property
    def text(self) -> str:
        return f"Strapi is restored from a backup of {self.seconds:.0f} s before, then opsci-bridge replay --missing"

    @property
    def touches(self) -> frozenset[str]:
        return frozenset({"strapi", "kafka", "engine"})

    async def strike(self, world: World) -> None:
        database = world.stack.paths.state / "strapi" / "data.db"
        backup = database.with_name("backup.db")
        await asyncio.to_thread(backed_up, database, backup)
        await world.probe(60)
        await asyncio.sleep(self.seconds)
        told = len(world.engine.log.read_bytes())
        await asyncio.to_thread(world.stack.stop_server, "strapi")
        put_back(backup, database)
        await asyncio.to_thread(world.stack.start_server, "strapi")
        async with asyncio.timeout(_TOLD_WITHIN):
            while not _TOLD.search(world.engine.log.read_bytes()[told:]):  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.2)
        for _ in range(_REPLAYS):
            if await world.engine.command("replay", "--missing") == 0:
                return
        msg = f"the replay did not end well, see {world.engine.log}"
        raise RuntimeError(msg)


def backed_up(database: Path, backup: Path) -> None:
    """Copy a SQLite database in use, with SQLite's backup API."""
    backup.unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(database, timeout=30)) as source,
        contextlib.closing(sqlite3.connect(backup)) as target,
    ):
        source.backup(target)


def put_back(backup: Path, database: Path) -> None:
    """Replace a database that is not in use by a backup."""
    for name in ("-wal", "-shm"):
        database.with_name(database.name + name).unlink(missing_ok=True)
    database.write_bytes(backup.read_bytes())
