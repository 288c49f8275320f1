"""Damages each kind of file of the state folder in turn, and writes down what starts, what is said and what is lost.

    python -m tests.faults.damaged [--only TEXT] [--page]

One set of real servers is filled and stopped. For each file, and each way of damaging it, the server that owns the file
is started in a copy of that folder, and asked for what it still has.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import aiomqtt
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from stack.errors import StackError
from stack.local import LocalStack
from stack.ports import random_ports
from stack.report import Report
from stack.seed import seed_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["DAMAGES", "RECORDS", "WAITING", "committed", "filled", "read_stock", "waiting_messages"]

RECORDS: Final = 40
"""Movements that went through the chain."""

WAITING: Final = 20
"""Messages that wait in the engine's session at the broker."""

_PARTITIONS: Final = 6
_MOVEMENT: Final = b'{"id":1,"amount":1,"type":"IN"}'
_SEGMENT: Final = "00000000000000000000.log"


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES: Final[dict[str, Callable[[Path], None]]] = {"empty": _empty, "cut short": _cut, "NUL bytes": _zero}
"""The ways in which a file is damaged."""


def filled(state: Path) -> Path:
    """Start servers in a new folder, send movements through them, let some wait at the broker, and stop them.

    Returns:
        The folder.
    """
    rows = state.with_name("rows.csv")
    state.parent.mkdir(parents=True, exist_ok=True)
    rows.write_text("id,amount,type\n" + "".join(f"{1 + row % 10},1,IN\n" for row in range(RECORDS)))
    with LocalStack(state, ports=random_ports(), servers=["mosquitto", "kafka", "strapi"]) as stack:
        seed_catalogue(stack.addresses.strapi, stack.bridge_token)
        bridge = [sys.executable, "-m", "bridge"]
        told = ["--config", str(stack.settings_file)]
        with subprocess.Popen([*bridge, *told, "--set", "watch.enabled=false"], stderr=subprocess.DEVNULL) as engine:
            try:
                subprocess.run([*bridge, "send", str(rows), *told], check=True, capture_output=True)
            finally:
                engine.terminate()
        asyncio.run(_let_wait(stack))
    return state


async def _let_wait(stack: LocalStack) -> None:
    async with aiomqtt.Client("127.0.0.1", stack.ports.mqtt_tcp, protocol=aiomqtt.ProtocolVersion.V5) as client:
        for _ in range(WAITING):
            await client.publish("topic", _MOVEMENT, qos=1)


async def waiting_messages(stack: LocalStack) -> int:
    """Return how many messages the broker has for the engine's session."""
    name = stack.paths.mqtt_client_id.read_text().strip()
    count = 0
    async with aiomqtt.Client(
        "127.0.0.1", stack.ports.mqtt_tcp, identifier=name, protocol=aiomqtt.ProtocolVersion.V5, clean_start=False
    ) as client:
        try:
            async with asyncio.timeout(2):
                async for _ in client.messages:
                    count += 1
        except TimeoutError:
            pass
    return count


async def read_stock(stack: LocalStack, end: int = 0) -> int:
    """Return how many records of the topic `stock` can be read.

    Args:
        stack: provides Kafka.
        end: the sum of the partitions' end offsets: a broker that has just started reports 0 until it leads them. It is
            waited for at most 15 seconds.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.addresses.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition("stock", number) for number in range(_PARTITIONS)]
        consumer.assign(partitions)
        deadline = asyncio.get_running_loop().time() + 15
        while True:
            ends = await consumer.end_offsets(partitions)
            if sum(ends.values()) >= end or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.2)
        count = 0
        async with asyncio.timeout(30):
            while any([await consumer.position(one) < ends[one] for one in partitions]):
                count += sum(map(len, (await consumer.getmany(timeout_ms=200)).values()))
        return count
    finally:
        await consumer.stop()


async def committed(stack: LocalStack) -> list[int]:
    """Return the engine's committed offsets in the topic `stock`, by partition; 0 if it has none."""
    consumer = AIOKafkaConsumer(bootstrap_servers=stack.addresses.kafka, group_id="stock-creator")
    await consumer.start()
    try:
        found: list[int | None] = []
        for _ in range(40):
            found = [await consumer.committed(TopicPartition("stock", number)) for number in range(_PARTITIONS)]
            if None not in found:
                break
            # The group's coordinator may not have read its topic yet.
            await asyncio.sleep(0.25)
        return [position or 0 for position in found]
    finally:
        await consumer.stop()


_PAGE: Final = Path(__file__).with_name("DAMAGED.md")
_SEGMENTS: Final = ("__cluster_metadata-0", "stock-3", "__consumer_offsets-1")
_FILES: Final = {
    "mosquitto": ["mosquitto/mosquitto.db", "run.json", "settings.toml", "mqtt-client-id", "mqtt-client-id.json"],
    "strapi": [
        f"strapi/{name}"
        for name in ("data.db", "secrets.json", "bridge.token", "read.token", "admin.password", "strangers.json")
    ],
    "kafka": [
        *(
            f"kafka/data/{name}"
            for name in (
                "meta.properties",
                "bootstrap.checkpoint",
                "recovery-point-offset-checkpoint",
                "log-start-offset-checkpoint",
                "replication-offset-checkpoint",
                ".kafka_cleanshutdown",
            )
        ),
        *(f"kafka/data/{folder}/{_SEGMENT}" for folder in _SEGMENTS),
        *(
            f"kafka/data/{folder}/{name}"
            for folder in _SEGMENTS[:2]
            for name in ("partition.metadata", "leader-epoch-checkpoint", _SEGMENT.replace(".log", ".timeindex"))
        ),
        "kafka/data/__cluster_metadata-0/quorum-state",
        "kafka/data/errors-0/partition.metadata",
        "kafka/identity/meta.properties",
    ],
}
"""One file of each kind, by the server that is started with it."""


class Outcome(NamedTuple):
    """The outcome of one damage.

    Attributes:
        name: the file.
        how: the kind of damage.
        starts: whether the server started.
        said: what the runner or the engine reported.
        left: what the server still has.
    """

    name: str
    how: str
    starts: bool
    said: str
    left: str


def _try(whole: Path, server: str, name: str, how: str) -> Outcome:
    """Damage one file of a copy, start its server, and check what it has."""
    with tempfile.TemporaryDirectory(prefix="opsci-damaged-") as folder:
        state = Path(folder) / "state"
        shutil.copytree(whole, state, symlinks=True)
        DAMAGES[how](state / name)
        said = io.StringIO()
        engine: list[str] = []
        stack = LocalStack(state, ports=random_ports(), servers=[server], report=Report(said))
        try:
            stack.start()
            engine = [*_told_by_engine(stack, name)]
            left = _left(stack, server)
            starts = True
        except StackError as error:
            starts, left = False, str(error).splitlines()[0]
        finally:
            stack.stop()
        told = [line.partition(". ")[2] for line in said.getvalue().splitlines() if line.startswith("  damaged: ")]
        told += engine
        return Outcome(name, how, starts, "; ".join(re.sub(r"^It is kept as \S+\. ", "", one) for one in told), left)


def _left(stack: LocalStack, server: str) -> str:
    if server == "mosquitto":
        return f"{asyncio.run(waiting_messages(stack))} of {WAITING} waiting messages"
    if server == "kafka":
        positions = sum(asyncio.run(committed(stack)))
        return f"{asyncio.run(read_stock(stack, RECORDS))} of {RECORDS} records, positions at {positions} of {RECORDS}"
    headers = {"Authorization": f"Bearer {stack.bridge_token}"}
    query = {"pagination[pageSize]": "1"}
    counts = [
        httpx.get(f"{stack.addresses.strapi}/api/{what}", headers=headers, params=query, trust_env=False).json()[
            "meta"
        ]["pagination"]["total"]
        for what in ("products", "stock-movements")
    ]
    return f"{counts[0]} products, {counts[1]} of {RECORDS} movements"


def _told_by_engine(stack: LocalStack, name: str) -> Iterator[str]:
    """Return what the engine reports about its own files, which it reads when it connects."""
    if name.startswith("mqtt-client-id"):
        from bridge.mqtt.client_id import KeptId

        kept = KeptId(stack.paths.mqtt_client_id)
        kept.read_or_make()
        for text in kept.damage:
            yield text.partition("; ")[2]


def _page(outcomes: Sequence[Outcome]) -> str:
    lines = [
        "# Damaged files of the state folder",
        "",
        f"Made by `python -m tests.faults.damaged --page`. {RECORDS} movements went through the chain, {WAITING} wait",
        "at the broker, the servers are stopped; then one file is emptied, cut to half or filled with NUL bytes, and",
        "its server is started. What is damaged is moved to `NAME.damaged-YYYYMMDDTHHMMSS` beside it, never deleted;",
        "it is said at the start, and by `status` as long as it is there. Where nothing is said nothing is missed.",
        "",
        "| file | damage | starts | is said | is left |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| `{one.name}` | {one.how} | {'yes' if one.starts else '**no**'} | {one.said or '-'} | {one.left} |"
        for one in outcomes
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Try every file; return 1 if a server did not start."""
    parser = argparse.ArgumentParser("python -m tests.faults.damaged", description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="files whose path has this in it")
    parser.add_argument("--page", action="store_true", help=f"write {_PAGE.name}")
    options = parser.parse_args()
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="opsci-damaged-") as folder:
        whole = filled(Path(folder) / "state")
        for server, names in _FILES.items():
            for name in names:
                for how in DAMAGES:
                    if options.only in name:
                        outcomes.append(_try(whole, server, name, how))
                        print(*outcomes[-1], sep=" | ", flush=True)  # noqa: T201 - a command's answer
    if options.page:
        _PAGE.write_text(_page(outcomes))
    return 0 if all(one.starts for one in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
