"""Files of the state folder that a power cut left empty, truncated or full of NUL bytes, on the real servers.

One set of servers is filled and stopped; each test damages files in a copy of it, and starts the server that owns them.
`python -m tests.faults.damaged` does the same with every kind of file, one at a time, and records the results.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from stack.local import LocalStack
from stack.ports import random_ports
from stack.report import Report
from stack.run_state import Running, RunState, damaged_files
from stack.servers.process import Identity, wait_gone
from tests.faults.damaged import DAMAGES, RECORDS, WAITING, committed, filled, read_stock, waiting_messages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of servers that were filled and stopped."""
    return filled(tmp_path_factory.mktemp("whole") / "state")


class Damaged:
    """A copy of that folder, whose files are damaged before one server of it starts."""

    def __init__(self, state: Path, server: str) -> None:
        self.state = state
        self.said = io.StringIO()
        self.stack = LocalStack(state, ports=random_ports(), servers=[server], report=Report(self.said))

    def damage(self, name: str, how: str) -> bytes:
        """Damage one file, and return its new content."""
        DAMAGES[how](self.state / name)
        return (self.state / name).read_bytes()

    def aside(self, name: str) -> bytes:
        """The content of a file that was moved aside; that must have been reported, too."""
        (found,) = self.state.joinpath(name).parent.glob(f"{self.state.joinpath(name).name}.damaged-*")
        assert f"It is kept as {found.name}" in self.said.getvalue()
        assert any(str(found) in line for line in damaged_files(self.stack.paths))
        return found.read_bytes() if found.is_file() else b""


@pytest.fixture
def damaged(whole: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Damaged]:
    """A copy for one server, which is the fixture's parameter."""
    shutil.copytree(whole, tmp_path / "state", symlinks=True)
    copy = Damaged(tmp_path / "state", request.param)
    yield copy
    copy.stack.stop()


only = pytest.mark.parametrize


@only("damaged", ["mosquitto"], indirect=True)
@only("how", DAMAGES)
def test_mosquitto_starts_without_a_database_that_is_damaged(damaged: Damaged, how: str) -> None:
    content = damaged.damage("mosquitto/mosquitto.db", how)
    damaged.stack.start()
    assert asyncio.run(waiting_messages(damaged.stack)) == 0
    assert damaged.aside("mosquitto/mosquitto.db") == content
    assert "the messages that waited" in damaged.said.getvalue()


@only("damaged", ["mosquitto"], indirect=True)
def test_a_database_that_only_mosquitto_finds_damaged_is_moved_as_well(damaged: Damaged) -> None:
    """Its version is one that is not known here, and not by Mosquitto either."""
    database = damaged.state / "mosquitto" / "mosquitto.db"
    content = bytearray(database.read_bytes())
    content[19:23] = (7).to_bytes(4, "big")
    database.write_bytes(content)
    damaged.stack.start()
    assert damaged.aside("mosquitto/mosquitto.db") == content


@only("damaged", ["mosquitto"], indirect=True)
def test_a_database_that_is_whole_stays(damaged: Damaged) -> None:
    damaged.stack.start()
    assert asyncio.run(waiting_messages(damaged.stack)) == WAITING
    assert list(damaged_files(damaged.stack.paths)) == []


@only("damaged", ["mosquitto"], indirect=True)
@only("how", DAMAGES)
def test_servers_that_run_are_found_where_their_record_is_damaged(damaged: Damaged, how: str) -> None:
    damaged.stack.start()
    before = RunState.read(damaged.stack.paths.record)
    content = damaged.damage("run.json", how)
    found = RunState.read(damaged.stack.paths.record)
    assert (found.servers, found.ports) == (before.servers, before.ports)
    again = LocalStack(damaged.state, servers=["mosquitto"], report=Report(damaged.said))
    assert again.start() is False
    assert damaged.aside("run.json") == content
    DAMAGES[how](damaged.stack.paths.record)
    subprocess.run(
        [sys.executable, "-m", "stack", "down", "--state", damaged.state], check=True, stderr=subprocess.DEVNULL
    )
    assert all(wait_gone(running.identity, 10) for running in before.servers.values())


@only("damaged", ["mosquitto"], indirect=True)
@only("how", DAMAGES)
def test_the_settings_of_servers_that_run_are_written_again(damaged: Damaged, how: str) -> None:
    damaged.stack.start()
    whole = damaged.stack.settings_file.read_text()
    content = damaged.damage("settings.toml", how)
    bridge = [sys.executable, "-m", "bridge", "check", "--config", str(damaged.stack.settings_file)]
    refused = subprocess.run(bridge, check=False, capture_output=True, text=True)
    assert (refused.returncode, "`python3 -m stack up` writes it again" in refused.stderr) == (2, True)
    LocalStack(damaged.state, servers=["mosquitto"], report=Report(damaged.said)).start()
    assert damaged.stack.settings_file.read_text() == whole
    assert damaged.aside("settings.toml") == content


def _total(stack: LocalStack, what: str) -> int:
    headers = {"Authorization": f"Bearer {stack.bridge_token}"}
    answer = httpx.get(f"{stack.addresses.strapi}/api/{what}", headers=headers, trust_env=False).raise_for_status()
    return int(answer.json()["meta"]["pagination"]["total"])


@only("damaged", ["strapi"], indirect=True)
@only("how", ["empty", "cut short"])
def test_strapi_starts_without_a_database_that_is_damaged(damaged: Damaged, how: str) -> None:
    content = damaged.damage("strapi/data.db", how)
    damaged.stack.start()
    assert damaged.aside("strapi/data.db") == content
    assert _total(damaged.stack, "products") == 0
    assert "products, stock and ledger are lost" in damaged.said.getvalue()


@only("damaged", ["strapi"], indirect=True)
def test_strapi_makes_its_secrets_again_and_keeps_what_it_knows(damaged: Damaged) -> None:
    contents = {
        "strapi/secrets.json": damaged.damage("strapi/secrets.json", "cut short"),
        "strapi/bridge.token": damaged.damage("strapi/bridge.token", "NUL bytes"),
        "strapi/read.token": damaged.damage("strapi/read.token", "empty"),
        "strapi/admin.password": damaged.damage("strapi/admin.password", "NUL bytes"),
        "strapi/strangers.json": damaged.damage("strapi/strangers.json", "empty"),
    }
    damaged.stack.start()
    assert {name: damaged.aside(name) for name in contents} == contents
    assert _total(damaged.stack, "stock-movements") == RECORDS
    assert json.loads(damaged.stack.paths.strangers.read_text()) == {"administrators": [], "tokens": []}


@only("damaged", ["strapi"], indirect=True)
def test_a_log_of_strapis_database_that_is_damaged_costs_what_stands_in_it_alone(damaged: Damaged) -> None:
    damaged.stack.start()
    damaged.stack.kill_server("strapi")
    content = damaged.damage("strapi/data.db-wal", "NUL bytes")
    assert content
    damaged.stack.start_server("strapi")
    assert damaged.aside("strapi/data.db-wal") == content
    assert _total(damaged.stack, "stock-movements") == RECORDS


@only("damaged", ["kafka"], indirect=True)
def test_kafka_keeps_its_records_where_its_small_files_are_damaged(damaged: Damaged) -> None:
    contents = {
        name: damaged.damage(f"kafka/data/{name}", how)
        for name, how in {
            "meta.properties": "NUL bytes",
            "bootstrap.checkpoint": "cut short",
            "log-start-offset-checkpoint": "NUL bytes",
            "replication-offset-checkpoint": "cut short",
            "__cluster_metadata-0/quorum-state": "empty",
            "__cluster_metadata-0/partition.metadata": "NUL bytes",
            "__cluster_metadata-0/leader-epoch-checkpoint": "NUL bytes",
            "stock-0/partition.metadata": "empty",
            "errors-0/partition.metadata": "NUL bytes",
            "stock-1/leader-epoch-checkpoint": "NUL bytes",
        }.items()
    }
    damaged.stack.start()
    assert {name: damaged.aside(f"kafka/data/{name}") for name in contents} == contents
    assert asyncio.run(read_stock(damaged.stack, RECORDS)) == RECORDS
    assert sum(asyncio.run(committed(damaged.stack))) == RECORDS


@only("damaged", ["kafka"], indirect=True)
def test_kafka_keeps_the_whole_records_of_a_segment_and_uses_no_offset_again(damaged: Damaged) -> None:
    ends = [0] * 6
    for number in range(6):
        folder = damaged.state / "kafka" / "data" / f"stock-{number}"
        ends[number] = max(int(path.stem) for path in folder.glob("*.snapshot"))
    cut, emptied = sorted(range(6), key=lambda number: -ends[number])[:2]
    name = "00000000000000000000.log"
    contents = {
        f"kafka/data/stock-{cut}/{name}": damaged.damage(f"kafka/data/stock-{cut}/{name}", "cut short"),
        f"kafka/data/stock-{emptied}/{name}": damaged.damage(f"kafka/data/stock-{emptied}/{name}", "NUL bytes"),
    }
    damaged.stack.start()
    assert {name: damaged.aside(name) for name in contents} == contents
    assert f"the other records are lost: {ends[emptied]}" in damaged.said.getvalue()
    assert RECORDS - ends[cut] - ends[emptied] <= asyncio.run(read_stock(damaged.stack, RECORDS)) < RECORDS
    # What is written next has offsets of its own: a position beyond the damage stays right.
    assert asyncio.run(committed(damaged.stack)) == ends


@only("damaged", ["kafka"], indirect=True)
def test_kafka_starts_empty_as_the_same_cluster_where_its_metadata_are_lost(damaged: Damaged) -> None:
    before = (damaged.state / "kafka" / "identity" / "meta.properties").read_text()
    damaged.damage("kafka/data/__cluster_metadata-0/00000000000000000000.log", "empty")
    damaged.stack.start()
    (aside,) = (damaged.state / "kafka").glob("data.damaged-*")
    assert sum(path.stat().st_size for path in aside.glob("stock-*/*.log"))
    assert "Kafka starts with an empty storage" in damaged.said.getvalue()
    assert asyncio.run(read_stock(damaged.stack)) == 0
    after = (damaged.state / "kafka" / "data" / "meta.properties").read_text()
    assert [line for line in after.splitlines() if line.startswith("cluster.id=")] == [
        line for line in before.splitlines() if line.startswith("cluster.id=")
    ]


def test_what_a_server_starts_is_not_taken_for_it(damaged_child: subprocess.Popen[bytes], tmp_path: Path) -> None:
    (tmp_path / "run.json").write_bytes(b"")
    found = RunState.read(tmp_path / "run.json")
    assert {name: running.identity.pid for name, running in found.servers.items()} == {"kafka": damaged_child.pid}


@pytest.fixture
def damaged_child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with a child, both with the environment of a server of this folder."""
    record = RunState()
    running = Running(Identity.of(os.getpid()), None, 0, 1.0)
    environment = {**os.environ, **record.entry("kafka", running, tmp_path)}
    with subprocess.Popen(
        ["sh", "-c", "sleep 600 & echo started; wait"], env=environment, start_new_session=True, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        os.killpg(process.pid, signal.SIGKILL)
