"""The process that answers on a port must be the one that was started, whatever another program answers there."""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from stack.errors import ServerStartError
from stack.ports import LOOPBACK
from stack.run_state import RunState
from stack.secure.credentials import Credentials
from stack.servers import health
from stack.servers.process import AnotherAnswersError, Identity, prove_listener, spawn
from stack.servers.server import SERVERS
from stack.status import look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from stack.local import LocalStack


@contextmanager
def answering(port: int, answer: bytes) -> Iterator[None]:
    """Another program on a port, which gives the answer that the runner expects."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
        listener.listen()

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(1024)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def test_a_port_of_our_own_is_ours_and_nobody_elses(tmp_path: Path) -> None:
    ourselves = Identity.of(os.getpid())
    other, child = spawn(["/bin/sleep", "600"], log=tmp_path / "log", cwd=tmp_path, environment=os.environ)
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port = listener.getsockname()[1]
        with pytest.raises(AnotherAnswersError):
            prove_listener(port, ourselves)
        listener.listen()
        prove_listener(port, ourselves)
        prove_listener(port, None)
        with pytest.raises(AnotherAnswersError, match=rf"port {port} is taken: .+ \(pid {os.getpid()}\) answers there"):
            prove_listener(port, other)
    child.kill()
    child.wait()


def test_two_programs_that_share_a_port_are_not_the_one_that_was_started() -> None:
    code = (
        "import socket, sys\n"
        "s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\n"
        "s.bind(('127.0.0.1', int(sys.argv[1]))); s.listen(); print('there', flush=True); sys.stdin.read()"
    )
    import subprocess

    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((LOOPBACK, 0))
        listener.listen()
        port = listener.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-c", code, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Where pytest leads a group, a child of its own would count as what it started.
            start_new_session=True,
        ) as other:
            assert other.stdout
            assert other.stdout.readline() == b"there\n"
            with pytest.raises(AnotherAnswersError, match=f"pid {other.pid}"):
                prove_listener(port, Identity.of(os.getpid()))
            other.communicate()


def checks(stack: LocalStack) -> dict[str, Callable[[Identity], None]]:
    """By server, its health check."""
    ports, door = stack.ports, Credentials.of(stack.paths)
    trust = door.trust() if door else None
    return {
        "websockets": lambda server: health.ask_websockets(ports.mqtt_ws, trust, server),
        "mosquitto": lambda server: health.ask_mqtt_tcp(ports.mqtt_tcp, trust, server),
        "kafka": lambda server: health.ask_kafka(ports.kafka, trust, server),
        "strapi": lambda server: health.ask_strapi(ports.strapi, trust, server),
        "web": lambda server: health.ask_web(ports.web, trust, server),
    }


@pytest.mark.parametrize("profile", ["stack", "secure_stack"])
def test_each_server_answers_for_itself_and_for_no_other(profile: str, request: pytest.FixtureRequest) -> None:
    stack: LocalStack = request.getfixturevalue(profile)
    running = RunState.read(stack.paths.record).servers
    for name, check in checks(stack).items():
        check(running[name].identity)
        for other in SERVERS:
            if other != name:
                with pytest.raises(AnotherAnswersError):
                    check(running[other].identity)


_CONNACK = bytes.fromhex("20020000")


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("websockets", b"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n"),
        ("mosquitto", _CONNACK),
        ("web", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_a_start_does_not_take_another_programs_answer_for_its_servers(
    stack: LocalStack, name: str, answer: bytes
) -> None:
    # Kafka's set-up needs a whole cluster to be deceived: see tests/chain/test_foreign_servers.py.
    listener = {"websockets": "mqtt_ws", "mosquitto": "mqtt_tcp"}.get(name, name)
    port = getattr(stack.ports, listener)
    stack.stop_server(name)
    try:
        with answering(port, answer), pytest.raises(ServerStartError, match="is taken"):
            stack.start_server(name)
    finally:
        stack.start_server(name)
    assert stack.is_alive(name)


def test_the_status_says_that_another_program_answers(stack: LocalStack) -> None:
    record = RunState.read(stack.paths.record)
    record.servers["web"], record.servers["kafka"] = record.servers["kafka"], record.servers["web"]
    states = {name: server.state for name, server in look(stack.paths, record).items()}
    assert states == dict.fromkeys(SERVERS, "running") | {"web": "taken", "kafka": "taken"}
