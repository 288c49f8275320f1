"""The command line as users run it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from stack.paths import ROOT, Paths
from stack.ports import LOOPBACK, Ports, is_free
from stack.run_state import RunState
from stack.servers.server import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def _call(*arguments: object, interpreter: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *interpreter, "-m", "stack", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def _status(state: Path) -> dict[str, Any]:
    done = _call("status", "--json", "--state", state)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    _call("down", "--state", tmp_path / "state")


@pytest.mark.parametrize("command", ["status", "status --json", "down", "logs", "reset", "--help"])
def test_what_needs_no_package_runs_without_any_and_makes_nothing(tmp_path: Path, command: str) -> None:
    state = tmp_path / "state"
    flags = [] if command == "--help" else ["--state", state]
    # -S leaves site-packages out: whatever third-party package is imported fails.
    done = _call(*command.split(), *flags, interpreter=("-S",))
    assert done.returncode == 0, done.stderr
    assert not state.exists()


def test_up_status_up_and_down(state: Path) -> None:
    usual = Ports()
    with socket.socket() as taken:
        # Whoever has the usual port has it; if no one has, this test does.
        if is_free(usual.mqtt_tcp):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((LOOPBACK, usual.mqtt_tcp))
            taken.listen()
        first = _call("up", "--state", state)
        assert first.returncode == 0, first.stderr
    assert f"port {usual.mqtt_tcp} is taken: mqtt tcp uses" in first.stderr
    found = _status(state)
    assert {server["state"] for server in found["servers"].values()} == {"running"}
    assert found["mqtt_tcp"] != f"mqtt://{LOOPBACK}:{usual.mqtt_tcp}"
    assert found["mqtt_tcp"] in first.stdout

    second = _call("up", "--state", state)
    assert second.returncode == 0
    assert second.stdout.startswith("already running\n")
    assert _status(state) == found

    seeded = _call("seed", "--state", state)
    assert seeded.returncode == 0, seeded.stderr
    assert "0 there already" in seeded.stdout
    logs = _call("logs", "mosquitto", "-n", "5", "--state", state)
    assert len(logs.stdout.splitlines()) == 5

    servers = RunState.read(Paths.of(state).record).servers
    down = _call("down", "--state", state)
    assert down.returncode == 0
    assert all(name in down.stdout for name in SERVERS)
    assert not any(running.identity.is_alive for running in servers.values())
    assert {server["state"] for server in _status(state)["servers"].values()} == {"stopped"}


def test_run_without_a_terminal_prints_every_hop_and_leaves_nothing(state: Path) -> None:
    done = _call("run", "--state", state)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Capteur" in done.stdout
    for hop in ("sent", "MQTT", "Kafka stock p", "Strapi 42 -> 47", "5 of 5 movements ended as they should"):
        assert hop in done.stdout
    assert "Traceback" not in done.stderr
    assert RunState.read(Paths.of(state).record).servers == {}
    assert {server["state"] for server in _status(state)["servers"].values()} == {"stopped"}


def test_seed_without_servers_says_what_to_do(tmp_path: Path) -> None:
    done = _call("seed", "--state", tmp_path / "state")
    assert done.returncode == 1
    assert "start the servers with `python3 -m stack up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_with_a_settings_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    done = _call("run", "--config", tmp_path / "none.toml")
    assert done.returncode == 1
    assert f"there is no settings file {tmp_path / 'none.toml'}" in done.stderr
