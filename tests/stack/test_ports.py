"""The choice of ports."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import closing

import pytest

from stack.errors import NoPortError
from stack.paths import ROOT
from stack.ports import LOOPBACK, Ports, chosen_ports, is_free, random_ports


def _listen(address: str, port: int = 0) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family)
    # As every server does; without it the kernel keeps the port from others while a connection lingers.
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, port))
    server.listen()
    return server


@pytest.mark.parametrize("address", [LOOPBACK, "0.0.0.0", "::"])  # noqa: S104
def test_a_port_that_any_server_listens_on_is_taken(address: str) -> None:
    with closing(_listen(address)) as server:
        assert not is_free(server.getsockname()[1])


def test_a_lingering_connection_does_not_take_its_port() -> None:
    with closing(_listen(LOOPBACK)) as server:
        port = server.getsockname()[1]
        client = socket.create_connection((LOOPBACK, port))
        accepted, _ = server.accept()
        # The side that closes first keeps the connection in TIME_WAIT.
        accepted.close()
        client.close()
    assert is_free(port)


def test_a_taken_port_moves_to_the_next_free_one_and_says_so() -> None:
    free = random_ports()
    with closing(_listen(LOOPBACK, free.kafka)), chosen_ports(free) as (chosen, moved):
        pass
    # The next one is the controller's, which then gives way in its turn.
    assert chosen.kafka == free.kafka + 1
    assert chosen.kafka_controller == free.kafka + 2
    assert chosen.mqtt_ws == free.mqtt_ws
    assert moved[0] == f"port {free.kafka} is taken: kafka uses {free.kafka + 1}"


def test_the_port_of_our_own_server_stays() -> None:
    free = random_ports()
    with closing(_listen(LOOPBACK, free.strapi)), chosen_ports(free, keep=["strapi"]) as (chosen, moved):
        pass
    assert chosen == free
    assert moved == []


def test_no_free_port_is_an_error() -> None:
    free = random_ports()
    ports = Ports(**{**free.as_dict(), "strapi": 65_535})
    with (
        closing(_listen(LOOPBACK, 65_535)),
        pytest.raises(NoPortError, match="strapi from 65535 to 65535"),
        chosen_ports(ports),
    ):
        pytest.fail("ports were chosen")


def test_ports_that_another_start_has_chosen_are_taken_before_its_servers_listen() -> None:
    free = random_ports()
    with chosen_ports(free) as (first, _):
        with chosen_ports(free) as (second, moved):
            assert not {*first.as_dict().values()} & {*second.as_dict().values()}
            assert moved[0] == f"port {free.mqtt_ws} is taken: mqtt ws uses {second.mqtt_ws}"
        # What the second one chose is free again, and the first one's is not.
        with chosen_ports(free) as (third, _):
            assert third == second
    with chosen_ports(free) as (last, moved):
        assert (last, moved) == (free, [])


def _choose(count: int) -> subprocess.Popen[str]:
    """A process that chooses ports, prints them, and lives until its input ends."""
    code = f"from stack.ports import random_ports\nprint(*(random_ports().kafka for _ in range({count})), flush=True)"
    return subprocess.Popen(
        [sys.executable, "-c", f"{code}\ninput()"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_random_ports_are_no_other_processs() -> None:
    with _choose(100) as one, _choose(60) as other:
        # Of 1200 blocks: without a reservation they would have some in common, in all but one run of two hundred.
        ports = [set(map(int, process.stdout.readline().split())) for process in (one, other) if process.stdout]
        assert [len(chosen) for chosen in ports] == [100, 60]
        assert not ports[0] & ports[1]
        for process in (one, other):
            process.communicate()
