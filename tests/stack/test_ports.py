"""The choice of ports."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from stack.errors import NoPortError
from stack.ports import LOOPBACK, Ports, choose_ports, is_free, random_ports


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
    with closing(_listen(LOOPBACK, free.kafka)):
        chosen, moved = choose_ports(free)
    # The next one is the controller's, which then gives way in its turn.
    assert chosen.kafka == free.kafka + 1
    assert chosen.kafka_controller == free.kafka + 2
    assert chosen.mqtt_ws == free.mqtt_ws
    assert moved[0] == f"port {free.kafka} is taken: kafka uses {free.kafka + 1}"


def test_the_port_of_our_own_server_stays() -> None:
    free = random_ports()
    with closing(_listen(LOOPBACK, free.strapi)):
        chosen, moved = choose_ports(free, keep=["strapi"])
    assert chosen == free
    assert moved == []


def test_no_free_port_is_an_error() -> None:
    free = random_ports()
    ports = Ports(**{**free.as_dict(), "strapi": 65_535})
    with closing(_listen(LOOPBACK, 65_535)), pytest.raises(NoPortError, match="strapi from 65535 to 65535"):
        choose_ports(ports)
