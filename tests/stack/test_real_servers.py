"""The local runner on the real servers: what is open, what is started, what is left behind."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from bridge.http.own_address import own_address
from stack.errors import ServerStartError, StackError
from stack.install import Programs
from stack.lifecycle import take_down
from stack.local import LocalStack
from stack.paths import ROOT, Paths
from stack.ports import LOOPBACK, random_ports
from stack.report import Report
from stack.run_state import RunState
from stack.servers.kafka import TOPICS
from stack.servers.process import Identity, wait_gone
from stack.servers.server import SERVERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.ports import Ports


def _wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _group(pid: int) -> list[int]:
    """All processes of a group."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == pid:
            found.append(int(stat.parent.name))
    return found


def _listening(pid: int) -> set[tuple[str, int]]:
    """The addresses (as /proc/net/tcp writes them) and ports that a process group listens on."""
    descriptors = [link for member in _group(pid) for link in Path(f"/proc/{member}/fd").glob("*")]
    links = [str(link.readlink()) for link in descriptors if link.is_symlink()]
    inodes = {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _, port = fields[1].rpartition(":")
                found.add((address, int(port, 16)))
    return found


def test_every_open_socket_of_every_server_is_on_loopback(stack: LocalStack) -> None:
    record = RunState.read(stack.paths.record)
    found = {name: _listening(record.servers[name].identity.pid) for name in SERVERS}
    loopback = {"0100007F", "0000000000000000FFFF00000100007F"}
    assert {address for sockets in found.values() for address, _ in sockets} <= loopback
    ports = stack.ports
    assert {port for _, port in found["websockets"]} == {ports.mqtt_ws}
    assert {port for _, port in found["mosquitto"]} == {ports.mqtt_tcp}
    assert {port for _, port in found["kafka"]} == {ports.kafka, ports.kafka_controller}
    assert {port for _, port in found["strapi"]} == {ports.strapi}
    assert {port for _, port in found["web"]} == {ports.web}


def test_the_settings_file_names_the_servers_and_the_token(stack: LocalStack) -> None:
    settings = tomllib.loads(stack.settings_file.read_text())
    assert settings["mqtt"]["url"] == stack.addresses.mqtt_tcp
    assert settings["mqtt"]["client_id_file"] == str(stack.paths.mqtt_client_id)
    assert settings["kafka"]["brokers"] == [stack.addresses.kafka]
    assert settings["strapi"]["url"] == stack.addresses.strapi
    assert settings["screen"]["web"] == stack.addresses.web
    assert Path(settings["strapi"]["token_file"]).read_text().strip() == stack.bridge_token


def test_the_tokens_and_secrets_are_for_their_owner_alone(stack: LocalStack) -> None:
    for file in (stack.paths.bridge_token, stack.paths.read_token, stack.paths.state / "strapi" / "secrets.json"):
        assert file.stat().st_mode & 0o777 == 0o600


async def test_the_topics_are_made_with_their_partitions(stack: LocalStack) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.addresses.kafka)
    await admin.start()
    try:
        described = await admin.describe_topics(list(TOPICS))
    finally:
        await admin.close()
    assert {topic["topic"]: len(topic["partitions"]) for topic in described} == TOPICS


def test_a_second_start_attaches_and_its_stop_leaves_the_servers(stack: LocalStack) -> None:
    beside = LocalStack(stack.paths.state)
    assert beside.start() is False
    assert beside.addresses == stack.addresses
    beside.stop()
    assert all(stack.is_alive(name) for name in SERVERS)


def test_kafka_comes_back_from_a_kill_with_the_same_address(stack: LocalStack) -> None:
    address = stack.addresses.kafka
    stack.kill_server("kafka")
    assert not stack.is_alive("kafka")
    stack.start_server("kafka")
    assert stack.is_alive("kafka")
    assert stack.addresses.kafka == address


def test_a_server_that_dies_while_starting_shows_its_log_and_the_cause(tmp_path: Path) -> None:
    broken = tmp_path / "mosquitto"
    broken.write_text("#!/bin/sh\necho 'Error: Address already in use'\nexit 1\n")
    broken.chmod(0o755)
    programs = Programs(
        mosquitto=broken, java=broken, kafka_libs=broken, node=broken, strapi_modules=broken, web_modules=broken
    )
    servers = LocalStack(tmp_path / "state", ports=random_ports(), servers=["mosquitto"], programs=programs)
    try:
        with pytest.raises(ServerStartError) as error:
            servers.start()
    finally:
        servers.stop()
    text = str(error.value)
    assert "mosquitto did not start: its port is taken by another program" in text
    assert "    Error: Address already in use" in text
    assert str(servers.paths.log("mosquitto")) in text
    assert RunState.read(servers.paths.record).servers == {}


def test_the_web_page_learns_of_a_broker_that_had_to_move(tmp_path: Path) -> None:
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=["mosquitto", "web"]) as servers:
        first = servers.ports.mqtt_ws
        servers.stop_server("websockets")
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((LOOPBACK, first))
            taken.listen()
            servers.start()
        config = httpx.get(f"{servers.addresses.web}/config.json", trust_env=False).json()
        assert servers.ports.mqtt_ws != first
        assert config == {"mqtt": servers.addresses.mqtt_ws, "topic": "topic"}


def test_lan_opens_the_page_and_its_broker_to_the_network_and_nothing_else(tmp_path: Path) -> None:
    elsewhere = own_address() or "127.0.0.2"
    with LocalStack(tmp_path / "state", ports=random_ports(), servers=["mosquitto", "web"]) as servers:
        ports = servers.ports
        assert not [port for port in (ports.web, ports.mqtt_ws) if _answers(elsewhere, port)]
        opened = LocalStack(tmp_path / "state", servers=["mosquitto", "web"], lan=True)
        with opened:
            assert opened.ports == ports
            assert _answers(elsewhere, ports.web)
            assert _answers(elsewhere, ports.mqtt_ws)
            assert not _answers(elsewhere, ports.mqtt_tcp)
            page = f"http://{elsewhere}:{ports.web}"
            config = httpx.get(f"{page}/config.json", trust_env=False).json()
            assert config["mqtt"] == f"ws://{elsewhere}:{ports.mqtt_ws}"
            asked = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
            asked |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "mqtt"}
            broker = config["mqtt"].replace("ws", "http", 1)
            for origin, status in ((page, 101), ("http://evil.example", 403)):
                with httpx.stream("GET", broker, headers={**asked, "Origin": origin}, trust_env=False) as answer:
                    assert answer.status_code == status
            # Another name that leads here is a page of another site (DNS rebinding).
            assert httpx.get(f"{page}/config.json", headers={"Host": "evil.example"}, trust_env=False).is_error
            opened.stop_server("web")
            opened.start_server("web")
            assert _answers(elsewhere, ports.web), "it is as it was"


def test_lan_is_not_for_secured_servers(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="--lan opens the page of the plain chain"):
        LocalStack(tmp_path / "state", servers=["mosquitto", "web"], secure=True, lan=True).start()


def _answers(host: str, port: int) -> bool:
    with suppress(OSError):
        socket.create_connection((host, port), 2).close()
        return True
    return False


def test_kafka_starts_below_a_folder_whose_name_the_locale_cannot_spell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    cache = tmp_path / "hö" / "cache"
    cache.mkdir(parents=True)
    for there in Paths.of().cache.iterdir():
        (cache / there.name).symlink_to(there)
    with LocalStack(tmp_path / "hö" / "state", cache=cache, ports=random_ports(), servers=["kafka"]) as servers:
        assert servers.is_alive("kafka")


def test_a_second_start_takes_other_ports_while_the_first_is_starting(tmp_path: Path) -> None:
    ports = random_ports()
    first = LocalStack(tmp_path / "first", ports=ports, servers=["mosquitto"])
    second = LocalStack(tmp_path / "second", ports=ports, servers=["mosquitto"])

    def start_another(_: Ports) -> None:
        assert second.start()
        assert not first.is_alive("mosquitto")

    try:
        assert first.start(start_another)
        taken = {first.ports.mqtt_ws, first.ports.mqtt_tcp}
        assert taken == {ports.mqtt_ws, ports.mqtt_tcp}
        assert not taken & {second.ports.mqtt_ws, second.ports.mqtt_tcp}
        assert all(_answers(LOOPBACK, port) for port in (first.ports.mqtt_ws, second.ports.mqtt_ws))
    finally:
        first.stop()
        second.stop()


_RUNNER = """
import sys, time
from pathlib import Path
from stack.local import LocalStack
from stack.ports import random_ports
LocalStack(Path(sys.argv[1]), ports=random_ports(), servers=["mosquitto"]).start()
print("started", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_a_runner_that_ends_without_stopping_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    paths = Paths.of(tmp_path / "state")
    with subprocess.Popen(
        [sys.executable, "-c", _RUNNER, paths.state], stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
    ) as runner:
        assert runner.stdout
        assert runner.stdout.readline() == b"started\n"
        server = RunState.read(paths.record).servers["mosquitto"].identity
        watchdog = _watchdog_of(runner.pid)
        assert server.is_alive
        runner.send_signal(number)
    assert wait_gone(server, 30)
    assert wait_gone(watchdog, 30)
    assert RunState.read(paths.record).servers == {}


_LEAVING_RUNNER = """
import sys
from pathlib import Path
from stack.local import LocalStack
from stack.ports import random_ports
servers = LocalStack(Path(sys.argv[1]), ports=random_ports(), servers=["mosquitto"])
servers.start()
servers.leave()
servers.stop()
"""


def test_servers_that_a_runner_leaves_run_on_until_they_are_taken_down(tmp_path: Path) -> None:
    paths = Paths.of(tmp_path / "state")
    subprocess.run(
        [sys.executable, "-W", "error", "-c", _LEAVING_RUNNER, paths.state],
        cwd=ROOT,
        check=True,
        stderr=subprocess.PIPE,
    )
    left = RunState.read(paths.record).servers
    try:
        assert {"mosquitto", "websockets"} == left.keys()
        assert all(running.owner is None and running.identity.is_alive for running in left.values())
    finally:
        take_down(paths, Report(quiet=True))
    assert not any(running.identity.is_alive for running in left.values())


def _watchdog_of(owner: int) -> Identity:
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_text().split("\0")
        except OSError:
            continue
        if "stack.watchdog" in words and str(owner) in words:
            return Identity.of(int(command.parent.name))
    raise AssertionError("no watchdog")
