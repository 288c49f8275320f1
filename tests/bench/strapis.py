"""How fast movements are applied on SQLite and PostgreSQL, to many products and to one, by one Strapi and by two.

    python -m tests.bench.strapis [--messages 200000] [--rounds 3] [--json FILE]

For each run a backlog is written to a topic of its own while the engines, which have joined their group, are suspended;
they are then resumed, and timed until the last movement is committed. With two Strapis there are two engines in one
group, each with a Strapi of its own, and both Strapis are on one PostgreSQL. The setups take turns in each round. Every
run ends with an account: each movement recorded once, and the stock changed by their sum.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import statistics
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

import tomli_w
from aiokafka.admin import AIOKafkaAdminClient

from stack.local import LocalStack
from stack.paths import ROOT
from stack.ports import random_ports
from stack.run_state import RunState
from tests.bench.applying import deltas_of, movements_of
from tests.bench.bench import FailedError
from tests.bench.group import Group, produce
from tests.bench.kafka import Topic
from tests.bench.machine import Machine
from tests.bench.processes import look
from tests.bench.products import Product, make_products
from tests.bench.running import Running
from tests.chain.postgres import psql, running
from tests.faults.database import Sqlite
from tests.faults.twins import TwinStack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.faults.database import Database

__all__ = ["SETUPS", "Setup", "main"]

_SERVERS: Final = ("mosquitto", "kafka", "strapi")
_MANY: Final = 200
_STOCK: Final = 1_000_000
"""Of each product at first: what goes out may come before what comes in where a product has two names."""

_PARTITIONS: Final = 6
_JOINED: Final = 120.0
"""Seconds within which the engines must have divided the partitions, on a busy machine."""


class Setup(NamedTuple):
    """What is measured.

    Attributes:
        database: `sqlite` or `postgres`.
        strapis: how many Strapis, with an engine each.
        products: how many products the movements go to in turn.
        names: in how many ways a product is named: by its row id, and by its barcode as well.
    """

    database: str
    strapis: int
    products: int
    names: int = 1

    def __str__(self) -> str:
        many = f"{self.products} products" if self.products > 1 else f"one product by {self.names} name(s)"
        return f"{self.strapis} engine(s) and Strapi(s) on {self.database}, {many}"


SETUPS: Final = (
    Setup("sqlite", 1, _MANY),
    Setup("sqlite", 1, 1),
    Setup("postgres", 1, _MANY),
    Setup("postgres", 1, 1),
    Setup("postgres", 2, _MANY),
    Setup("postgres", 2, 1),
    Setup("postgres", 2, 1, names=2),
)


@dataclass(frozen=True)
class Applied:
    """One run.

    Attributes:
        setup: as a sentence.
        rate: movements a second from the first commit to the last.
        engines: microseconds of the engines' CPU a movement.
        strapis: the same of the Strapis.
        database: the same of PostgreSQL; SQLite is part of Strapi.
        wrong: movements not recorded exactly once, plus units by which the stock is wrong.
    """

    setup: str
    rate: float
    engines: float
    strapis: float
    database: float
    wrong: int


@dataclass(frozen=True)
class _Servers:
    """The running servers of one database."""

    stack: LocalStack
    database: Database
    folder: Path

    @property
    def strapis(self) -> list[tuple[str, int]]:
        """The address and process id of each Strapi."""
        ports = {"strapi": self.stack.ports.strapi}
        ports |= self.stack.twins if isinstance(self.stack, TwinStack) else {}
        pids = RunState.read(self.stack.paths.record).servers
        return [(f"http://127.0.0.1:{port}", pids[name].identity.pid) for name, port in ports.items()]

    def backends(self) -> list[int]:
        """The process ids of PostgreSQL; none for SQLite."""
        if isinstance(self.database, Sqlite):
            return []
        ((own,),) = self.database.rows("SELECT pg_backend_pid()")
        fields = Path(f"/proc/{own}/stat").read_text().rpartition(")")[2].split()
        parent = int(fields[1])
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return [parent, *map(int, children)]


def _run(servers: _Servers, setup: Setup, count: int) -> Applied:
    name = f"s{uuid4().hex[:8]}"
    products = make_products(servers.stack, setup.products, _STOCK)
    topic = Topic(servers.stack.addresses.kafka, f"bench.{name}", _PARTITIONS)
    topic.make()
    strapis = servers.strapis[: setup.strapis]
    with contextlib.ExitStack() as started:
        engines = [
            started.enter_context(Running(_argv(servers, topic, name, number, url), _log(servers, name, number), ROOT))
            for number, (url, _) in enumerate(strapis)
        ]
        asyncio.run(_joined(servers.stack.addresses.kafka, name, len(engines)))
        for engine in engines:
            engine.process.send_signal(signal.SIGSTOP)
        try:
            produce(topic, _movements(setup, products, count), name)
            pids = ([one.pid for one in engines], [pid for _, pid in strapis], servers.backends())
            before = [_cpu(one) for one in pids]
        finally:
            for engine in engines:
                engine.process.send_signal(signal.SIGCONT)
        first, last = Group(servers.stack.addresses.kafka, name, topic).follow(count, engines[0])
        # PostgreSQL starts further backends as Strapi connects.
        pids = (*pids[:2], [*{*pids[2], *servers.backends()}])
        engines_cpu, strapis_cpu, database_cpu = (
            (_cpu(one) - was) * 1e6 / count for one, was in zip(pids, before, strict=True)
        )
    topic.delete()
    rate = (last.total - first.total) / (last.at - first.at)
    wrong = _wrong(servers.database, name, products, count)
    return Applied(str(setup), rate, engines_cpu, strapis_cpu, database_cpu, wrong)


async def _joined(kafka: str, group: str, members: int) -> None:
    """Wait until the group has so many members, each with partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        async with asyncio.timeout(_JOINED):
            while True:
                with contextlib.suppress(Exception):
                    (answer,) = await admin.describe_consumer_groups([group])
                    ((_, _, state, _, _, found, *_),) = answer.groups
                    if state == "Stable" and len(found) == members and all(len(one[4]) > 20 for one in found):
                        return
                await asyncio.sleep(0.3)
    finally:
        await admin.close()


def _movements(setup: Setup, products: Sequence[Product], count: int) -> list[tuple[bytes, bytes]]:
    found = []
    for number, (_, value) in enumerate(movements_of(count, len(products))):
        product = products[number % len(products)]
        named = product.barcode if number % setup.names else str(product.row)
        movement = {**json.loads(value), "id": named}
        found.append((named.encode(), json.dumps(movement).encode()))
    return found


def _wrong(database: Database, name: str, products: Sequence[Product], count: int) -> int:
    query = f"SELECT count(*), count(DISTINCT movement_id) FROM stock_movements WHERE movement_id LIKE '{name}-%' AND verdict = 'applied'"  # noqa: S608, E501 - our own name
    ((recorded, distinct),) = database.rows(query)
    rows = ",".join(str(one.row) for one in products)
    ((stock,),) = database.rows(f"SELECT sum(stock_available) FROM products WHERE id IN ({rows})")  # noqa: S608
    wanted = _STOCK * len(products) + sum(deltas_of(count, len(products)).values())
    return abs(int(recorded) - count) + abs(int(distinct) - count) + abs(int(stock) - wanted)


def _argv(servers: _Servers, topic: Topic, name: str, number: int, strapi: str) -> list[str]:
    settings: dict[str, Any] = {
        "mqtt": {"url": servers.stack.addresses.mqtt_tcp, "client_id": f"{name}-{number}"},
        # Suspended engines stay members for as long as the backlog takes to write.
        "kafka": {"brokers": [topic.kafka], "group": name, "session_timeout": 120.0},
        "strapi": {"url": strapi, "token_file": str(servers.stack.paths.bridge_token)},
        "watch": {"enabled": False},
        "routes": [{"mqtt": "", "kafka": topic.name, "does": "movement"}],
    }
    file = servers.folder / f"{name}-{number}.toml"
    file.write_text(tomli_w.dumps(settings))
    return [sys.executable, "-m", "bridge", "--only", "apply", "--config", str(file)]


def _log(servers: _Servers, name: str, number: int) -> Path:
    return servers.folder / f"{name}-{number}.log"


def _cpu(pids: Sequence[int]) -> float:
    return sum(found.cpu for pid in pids if (found := look(pid)) is not None)


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[Mapping[str, _Servers]]:
    """Both databases with their servers, by name."""
    with running() as server, psql(server) as client:
        plain = LocalStack(folder / "sqlite", ports=random_ports(), servers=_SERVERS)
        with plain as first, TwinStack(folder / "postgres", server, _SERVERS) as second:
            file = Sqlite(first.paths.state / "strapi" / "data.db")
            yield {"sqlite": _Servers(first, file, folder), "postgres": _Servers(second, client, folder)}


def _lines(runs: Sequence[Applied]) -> Iterator[str]:
    for setup in dict.fromkeys(one.setup for one in runs):
        of = [one for one in runs if one.setup == setup]
        rates = [one.rate for one in of]
        engines, strapis, database = (
            statistics.median(getattr(one, part) for one in of) for part in ("engines", "strapis", "database")
        )
        yield (
            f"{setup}: {statistics.median(rates):,.0f} movements/s ({min(rates):,.0f} to {max(rates):,.0f}); CPU a "
            f"movement: engines {engines:.0f} us, Strapis {strapis:.0f} us, PostgreSQL {database:.0f} us; "
            f"{'every movement once' if not any(one.wrong for one in of) else 'WRONG'}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure by turns, and print what was found; 1 where an account is wrong or a run failed."""
    parser = argparse.ArgumentParser("python -m tests.bench.strapis", description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000, metavar="N", help="of a run (default: 200000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each setup (default: 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there")
    options = parser.parse_args(arguments)
    # Whatever was started is ended first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    here, runs = Machine.here(), list[Applied]()
    with tempfile.TemporaryDirectory(prefix="opsci-strapis-") as folder, _serving(Path(folder)) as servers:
        for _ in range(options.rounds):
            for setup in SETUPS:
                began = time.monotonic()
                try:
                    runs.append(_run(servers[setup.database], setup, options.messages))
                except FailedError as error:
                    sys.stderr.write(f"{setup}: {error}\n")
                    return 1
                sys.stderr.write(f"{runs[-1].rate:,.0f}/s  {setup} ({time.monotonic() - began:.0f} s)\n")
    sys.stdout.write("\n".join([*_lines(runs), here.line()]) + "\n")
    if options.json:
        document: dict[str, Any] = {"machine": here.line(), "runs": [asdict(one) for one in runs]}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 1 if any(one.wrong for one in runs) else 0


if __name__ == "__main__":
    sys.exit(main())
