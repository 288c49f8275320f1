"""One run: the traffic, the faults one after the other, the time of each recovery, and the account at the end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from aiokafka.errors import KafkaError

from stack.errors import StackError
from tests.faults.account import Account
from tests.faults.collect import draw_up, unread
from tests.faults.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from stack.local import LocalStack
    from tests.faults.database import Database
    from tests.faults.fault import Fault

__all__ = ["Outcome", "Struck", "machine", "run"]

_RECOVERY: Final = 300.0
"""Seconds after which a chain counts as not recovered: several runs may share a machine of two cores."""

_TOLD: Final = (
    *("seed", "minutes", "mode", "rate", "transport", "profile", "database", "named", "drafts", "edits", "take_overs"),
    *("brokers", "engines", "strapis"),
    *("crashes", "settled", "holds"),
)
_BETWEEN: Final = 1.0
_QUIET: Final = 3


@dataclass(frozen=True)
class Struck:
    """A fault that was applied.

    Attributes:
        at: when it began, in seconds since the run's start.
        text: its description.
        lasted: its duration in seconds.
        recovery: seconds from its end until a movement published after it was applied, -1 if that took too long.
    """

    at: float
    text: str
    lasted: float
    recovery: float


@dataclass
class Outcome:
    """The outcome of a run.

    Attributes:
        seed: of the plan.
        minutes: how long faults were applied.
        mode: the engine's `strapi.mode`.
        rate: messages per second.
        account: the account.
        faults: the faults applied.
        crashes: exit codes of engines that ended by themselves.
        settled: whether all was quiet in the end.
        transport: how the engine reached the broker.
        profile: `plain` or `secured`.
        database: Strapi's database, `sqlite` or `postgres`.
        named: whether some publishers sent movement-ids.
        drafts: whether products had drafts, which were edited in the panel.
        edits: number of edits.
        brokers: number of Kafka brokers.
        engines: number of engines that shared the work.
        strapis: number of Strapis behind one address.
        take_overs: whether every third fault was a take-over, or watchers.
    """

    seed: int
    minutes: float
    mode: str
    rate: float
    account: Account = field(default_factory=Account)
    faults: list[Struck] = field(default_factory=list)
    crashes: list[int] = field(default_factory=list)
    settled: bool = False
    transport: str = "tcp"
    profile: str = "plain"
    database: str = "sqlite"
    named: bool = True
    drafts: bool = False
    edits: int = 0
    take_overs: bool = False
    brokers: int = 1
    engines: int = 1
    strapis: int = 1

    @property
    def holds(self) -> bool:
        """Whether everything that is promised was observed."""
        recovered = all(struck.recovery >= 0 for struck in self.faults)
        return self.account.holds and self.settled and recovered and not self.crashes

    def as_json(self) -> dict[str, Any]:
        """Return everything as one JSON object."""
        document = self.account.as_json()
        document["faults"] = [vars(struck) for struck in self.faults]
        document |= {name: getattr(self, name) for name in _TOLD}
        return {**document, "machine": machine()}


async def run(
    stack: LocalStack,
    faults: Iterable[Fault],
    say: Callable[[str], None],
    *,
    seed: int,
    minutes: float,
    mode: str = "ledger",
    rate: float = 200.0,
    transport: str = "tcp",
    named: bool | None = None,
    database: Database | None = None,
    engines: int = 1,
    take_overs: bool = False,
) -> Outcome:
    """Apply faults until they or the minutes are over, then wait for quiet and compute the account.

    Args:
        stack: the servers, running, with their own state.
        faults: the faults, in order.
        say: called with each line of progress.
        seed: of the plan, for the account.
        minutes: when no further fault is begun.
        mode: the engine's `strapi.mode`.
        rate: messages per second.
        transport: how the engine reaches the broker, `tcp` or `websockets`.
        named: whether some publishers send movement-ids; by default if Strapi has the ledger, which knows them.
        database: Strapi's database; its SQLite file by default.
        engines: number of engines that share the work.
        take_overs: whether the plan is that of take-overs, for the account.
    """
    asyncio.get_running_loop().set_exception_handler(_but_for_closed_sockets)
    named = mode == "ledger" if named is None else named
    world = World(stack, mode, transport, named=named, database=database, engines=engines)
    outcome = Outcome(seed, minutes, mode, rate, transport=transport, named=named)
    outcome.profile = "secured" if world.is_secure else "plain"
    outcome.database = "postgres" if database else "sqlite"
    outcome.drafts = world.panel is not None
    outcome.take_overs = take_overs
    outcome.brokers, outcome.engines = len(world.brokers), engines
    outcome.strapis = len(world.strapis)
    try:
        await world.start(rate)
        begun, world.begun = time.monotonic(), time.time()
        for fault in faults:
            if time.monotonic() - begun > minutes * 60:
                break
            struck = await _strike(world, fault, begun)
            outcome.faults.append(struck)
            took = f"back after {struck.recovery:.1f} s" if struck.recovery >= 0 else "NOT BACK"
            say(f"{struck.at:7.1f} s  {struck.text}: {took}")
            await asyncio.sleep(_BETWEEN)
        say("the faults are over; waiting until all is quiet")
        await world.traffic.stop()
        outcome.settled = await _settled(world)
        outcome.crashes = [
            code for engine in (*world.engines, world.second, world.rival, *world.beside) for code in engine.unasked
        ]
        outcome.edits = world.edits
        outcome.account = await draw_up(world)
    finally:
        await world.stop()
        if world.is_secure:
            # aiokafka closes its connections and does not wait until TLS has said goodbye.
            await asyncio.sleep(1)
    return outcome


async def _strike(world: World, fault: Fault, begun: float) -> Struck:
    started, text = time.monotonic(), fault.text
    try:
        await fault.strike(world)
    except (TimeoutError, StackError) as error:
        # A deadline of the fault's own, or of a server's start, that a busy machine missed: the run goes on from a
        # whole chain, and whatever was lost by it is in the account like everything else.
        text += f" [broke off: {type(error).__name__} {str(error).splitlines()[0] if str(error) else ''}]"
        await world.make_whole()
    ended = time.monotonic()
    recovery = -1.0
    with contextlib.suppress(TimeoutError):
        recovery = await world.probe(_RECOVERY)
    return Struck(round(started - begun, 1), text, round(ended - started, 1), round(recovery, 2))


async def _settled(world: World) -> bool:
    """Wait until the last published movement is applied and Kafka has nothing more for the group."""
    try:
        # The broker hands its queue out in order, so what was published before this has passed as well.
        await world.probe(_RECOVERY * 2)
    except TimeoutError:
        return False
    quiet = 0
    deadline = time.monotonic() + _RECOVERY
    while quiet < _QUIET and time.monotonic() < deadline:
        try:
            quiet = quiet + 1 if await unread(world) == 0 else 0
        except KafkaError:
            # A broker that came back a moment ago leads the group, and reads first what it knew of it.
            quiet = 0
        await asyncio.sleep(0.5)
    return quiet >= _QUIET


def _but_for_closed_sockets(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    # A publisher's library asks to watch a socket that it closed a moment ago.
    error = context.get("exception")
    if not (isinstance(error, OSError) and error.errno == errno.EBADF):
        loop.default_exception_handler(context)


def machine() -> dict[str, str | int]:
    """Describe the machine of the run."""
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=Path(__file__).parent
    )
    return {
        "cores": os.cpu_count() or 0,
        "memory_mb": int(memory.split()[1]) // 1024,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": sys.version.split()[0],
        "commit": commit.stdout.strip(),
        "date": time.strftime("%Y-%m-%d"),
    }
