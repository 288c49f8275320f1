"""Brokers that are unreachable by their advertised name: which, by what name, and what to set."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import pytest

from bridge.journal import Server, State
from tests.chain.advertising import Advertising
from tests.chain.applying import movement
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.programs import run_bridge

if TYPE_CHECKING:
    from tests.chain.applying import Shop
    from tests.chain.lane import Lane


async def told_by_the_engine(lane: Lane, way: Advertising, text: str) -> tuple[str, str]:
    """Run an engine until its connection and its consumer report something; then restore the broker's name."""
    settings = lane.settings(kafka={"brokers": [way.address], "timeout": 5})
    async with engine(settings, wait=False) as chain:
        journal = chain.journal
        await until(lambda: text in journal.connections[Server.KAFKA].detail, what=text)
        await until(lambda: text in journal.notes.get("consume", ""), what=text)
        connection = journal.connections[Server.KAFKA]
        assert connection.state is State.DOWN
        note = journal.notes["consume"]
        before = way.connections
        await asyncio.sleep(5)
        assert way.connections - before < 25, "it is not asked without a pause"
        way.name, way.port = "", 0
        await until(lambda: journal.connections[Server.KAFKA].state is State.UP, what="it is reached again")
        await until(lambda: "consume" not in journal.notes, what="the group is joined")
    return f"{connection.detail}; {connection.advice}", note


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("kafka.invalid", "a name that this machine does not know"),
        ("127.0.0.1", "and nothing listens there"),
    ],
)
async def test_a_broker_that_gives_out_a_name_or_a_port_that_leads_nowhere(
    lane: Lane, name: str, why: str, unused_tcp_port: int
) -> None:
    async with Advertising(lane.stack.ports.kafka, name, unused_tcp_port) as way:
        text = f"broker 1 of the Kafka at {way.address} says that it is at {name}:{unused_tcp_port}, {why}"
        found = await run_bridge(lane.settings(kafka={"brokers": [way.address]}), "check", code=1)
        assert f"FAILED  kafka   {text}" in found
        assert f"set its advertised.listeners to where clients reach it, as PLAINTEXT://{way.address}" in found
        assert "NodeNotReady" not in found
        said, note = await told_by_the_engine(lane, way, text)
        assert f"PLAINTEXT://{way.address}" in said
        assert f"PLAINTEXT://{way.address}" in note
        found = await run_bridge(lane.settings(kafka={"brokers": [way.address]}), "check")
        assert f"{way.address} answers" in found


async def test_a_broker_elsewhere_that_gives_out_this_machines_own_address(lane: Lane, unused_tcp_port: int) -> None:
    async with Advertising(lane.stack.ports.kafka, "localhost", unused_tcp_port, listen=own_address()) as way:
        found = await run_bridge(lane.settings(kafka={"brokers": [way.address]}), "check", code=1)
        text = f"says that it is at localhost:{unused_tcp_port}, which is this machine"
        assert text in found
        assert f"PLAINTEXT://{way.address}" in found
        await told_by_the_engine(lane, way, text)


async def test_one_of_several_brokers_that_is_not_reached_is_named(lane: Lane, unused_tcp_port: int) -> None:
    async with Advertising(lane.stack.ports.kafka, second=("127.0.0.1", unused_tcp_port)) as way:
        settings = lane.settings(kafka={"brokers": [way.address]})
        text = f"broker 2 of the Kafka at {way.address} says that it is at 127.0.0.1:{unused_tcp_port}"
        found = await run_bridge(settings, "check", code=1)
        assert f"FAILED  kafka   {text}" in found
        assert "PLAINTEXT://HOST:PORT" in found
        assert f"{way.address} answers" in found
        async with engine(settings) as chain:
            await until(lambda: text in chain.journal.notes.get("brokers", ""))
            way.second = None
            await until(lambda: "brokers" not in chain.journal.notes, what="it is gone from the cluster")


async def test_an_address_of_the_settings_that_is_silent_beside_others_is_named(
    lane: Lane, unused_tcp_port: int
) -> None:
    brokers = [f"127.0.0.1:{unused_tcp_port}", lane.stack.addresses.kafka]
    found = await run_bridge(lane.settings(kafka={"brokers": brokers}), "check", code=1)
    assert f"FAILED  kafka   no Kafka answers at 127.0.0.1:{unused_tcp_port}" in found
    assert "1 to fix" in found


def own_address() -> str:
    """An address of this machine other than loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is in no network")
        return str(probe.getsockname()[0])


async def test_a_broker_that_comes_back_under_another_name_is_found_again_by_a_running_engine(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(0)
    kafka = lane.stack.ports.kafka
    async with (
        Advertising(kafka) as former,
        Advertising(kafka, "127.0.0.1", former.own) as way,
        engine(lane.settings(kafka={"brokers": [way.address], "timeout": 5})) as chain,
    ):
        journal = chain.journal
        await chain.publish(movement(product, 1))
        await until(lambda: journal.decided.total == 1)
        # Every name that its clients know leads nowhere from now on.
        await former.close()
        way.port = 0
        way.cut()
        await chain.publish(movement(product, 1))
        await until(lambda: journal.decided.total == 2)
        await until(lambda: journal.connections[Server.KAFKA].state is State.UP)
    assert await shop.stock(product) == 2
