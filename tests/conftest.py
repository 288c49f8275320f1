"""The real servers that every chain and screen test stands on.

Ask for the fixture `stack` and get a `stack.local.LocalStack` that runs: `stack.addresses.mqtt_ws`, `.mqtt_tcp`,
`.kafka`, `.strapi`, `stack.bridge_token`, `stack.read_token`, `stack.settings_file`, and `kill_server(name)`,
`stop_server(name)`, `start_server(name)`, `pause_server(name)`, `resume_server(name)` for `mosquitto`, `kafka` and
`strapi`, and `web`, which serves the web client. One set of servers serves the whole session: use MQTT and Kafka
topics, client ids and consumer groups of your own, and leave every server as running as you found it.

Side by side (`-n auto`), each worker has servers of its own; tests that share more than these stay on one worker:
`tests/side_by_side.py`.

They run on free ports with their state in pytest's temporary folder and end with the session, however it ends.
`secure_stack` is the same behind TLS, users and rights, started for the tests that ask for it.
OPSCI_TEST_STATE=DIR uses the servers of `python3 -m stack up --state DIR` instead, and leaves them running:
that saves the fifteen seconds of their start while writing tests.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from stack.install import install
from stack.local import LocalStack
from stack.paths import Paths
from stack.ports import random_ports
from stack.report import Report
from stack.servers.server import SERVERS
from tests.side_by_side import cores, scheduling, turn_of, workers

if TYPE_CHECKING:
    from collections.abc import Iterator

# A deadline by the clock fails on a busy machine, and says nothing of the code.
settings.register_profile("opsci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("opsci")

# A Kafka of the tests lives for minutes: without its optimising compiler it starts with half of the processor's time.
os.environ.setdefault("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")

# Byte code is kept even where the environment forbids it, as Python's images do: otherwise each worker, and each
# program that a test starts, compiles everything again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# Engines keep what they know of servers there, and the ports of one session's servers are another's in the next.
_kept = tempfile.TemporaryDirectory(prefix="opsci-test-state-")
os.environ["XDG_STATE_HOME"] = _kept.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """The number of workers for `-n auto`, and for `-n logical`, which is for tests that wait for nothing."""
    return cores() if config.option.numprocesses == "logical" else workers()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """The scheduler that assigns tests to workers, whatever `--dist` says."""
    return scheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put a worker's tests in their order."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: turn_of(item.nodeid))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install what the servers need before the first test's timeout starts, if any test needs them."""
    # Each screen that opens runs a full garbage collection, which need not look at what was imported and collected.
    gc.collect()
    gc.freeze()
    # As rarely as in the programs (`bridge.runtime.collect_rarely`): the tests of keys take 0.75 of the CPU.
    gc.set_threshold(10_000, 20, 100)
    wanted = any({"stack", "secure_stack"} & set(getattr(item, "fixturenames", ())) for item in session.items)
    if wanted and not session.config.option.collectonly:
        install(Paths.of(), Report(sys.__stderr__), SERVERS)


@pytest.fixture(scope="session", autouse=True)
def _own_state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep engines' notes on MQTT sessions out of the state folder of the user who runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state-home")))
        yield


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The running servers."""
    named = os.environ.get("OPSCI_TEST_STATE", "")
    state = Path(named) if named else tmp_path_factory.mktemp("stack")
    servers = LocalStack(state, ports=None if named else random_ports())
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()


@pytest.fixture(scope="session")
def secure_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The servers with TLS, users and access rights; OPSCI_TEST_SECURE_STATE=DIR uses those that run there."""
    named = os.environ.get("OPSCI_TEST_SECURE_STATE", "")
    state = Path(named) if named else tmp_path_factory.mktemp("secure")
    servers = LocalStack(state, ports=None if named else random_ports(), secure=True)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()
