"""The real servers that every chain and screen test stands on.

Ask for the fixture `stack` and get a `stack.local.LocalStack` that runs: `stack.addresses.mqtt_ws`, `.mqtt_tcp`,
`.kafka`, `.strapi`, `stack.bridge_token`, `stack.read_token`, `stack.settings_file`, and `kill_server(name)`,
`stop_server(name)`, `start_server(name)`, `pause_server(name)`, `resume_server(name)` for `mosquitto`, `kafka` and
`strapi`, and `web`, which serves the web client. One set of servers serves the whole session: use MQTT and Kafka
topics, client ids and consumer groups of your own, and leave every server as running as you found it.

They run on free ports with their state in pytest's temporary folder and end with the session, however it ends.
`secure_stack` is the same behind TLS, users and rights, started for the tests that ask for it.
OPSCI_TEST_STATE=DIR uses the servers of `python3 -m stack up --state DIR` instead, and leaves them running:
that saves the fifteen seconds of their start while writing tests.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stack.local import LocalStack
from stack.places import Places
from stack.ports import random_ports
from stack.provide import provide
from stack.report import Report
from stack.servers.server import SERVERS

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install what the servers need before the first test's clock runs, if any test needs them."""
    wanted = any({"stack", "secure_stack"} & set(getattr(item, "fixturenames", ())) for item in session.items)
    if wanted and not session.config.option.collectonly:
        provide(Places.of(), Report(sys.__stderr__), SERVERS)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The servers, running."""
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
    """The servers behind TLS, users and rights; OPSCI_TEST_SECURE_STATE=DIR uses those that run there."""
    named = os.environ.get("OPSCI_TEST_SECURE_STATE", "")
    state = Path(named) if named else tmp_path_factory.mktemp("secure")
    servers = LocalStack(state, ports=None if named else random_ports(), secure=True)
    servers.start()
    try:
        yield servers
    finally:
        servers.stop()
