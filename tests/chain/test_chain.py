"""The whole chain on the real servers: from a publish to the stock, through an outage of each server."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from bridge.embedded import EmbeddedChain
from bridge.errors import ChainStoppedError, PublishError
from bridge.journal import Hop, Server, Stage, State, Verdict
from bridge.mqtt.publisher import Publisher
from tests.chain.engine import engine
from tests.chain.lane import until

if TYPE_CHECKING:
    from bridge.journal import Connection
    from tests.chain.lane import Lane


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_movement_changes_the_stock(lane: Lane, transport: str, version: str) -> None:
    product = await lane.make_product(41)
    url = lane.stack.addresses.mqtt_ws if transport == "websockets" else lane.stack.addresses.mqtt_tcp
    async with engine(lane.settings(mqtt={"url": url, "version": version})) as chain:
        sent = await chain.publish(b'{"id":%d,"amount":5,"type":"IN"}' % product["id"])
        await until(lambda: chain.journal.strapi.next == 1)
        journey = chain.journal.strapi.get(0)
        assert journey is not None
        assert journey.stage is Stage.DECIDED
        assert (journey.stock_before, journey.stock_after, journey.product_name) == (41, 46, product["name"])
        assert chain.journal.mqtt.get(0) is chain.journal.kafka.get(0) is journey
        assert (journey.movement_id == sent.movement_id) == (version == "5")
        assert journey.published_at is not None or version == "3.1.1"
        times = [journey.received_at, journey.acknowledged_at, journey.consumed_at, journey.decided_at]
        assert times == sorted(times, key=lambda at: at or 0)
        assert chain.journal.latency[Hop.TOTAL].summary().measured == 1
    assert await lane.stock_of(product) == 46


async def test_what_strapi_refuses_stands_in_errors_and_can_be_sent_again(lane: Lane) -> None:
    product = await lane.make_product(3)
    async with engine(lane.settings()) as chain:
        await chain.publish(b'{"id":%d,"amount":5,"type":"OUT"}' % product["id"])
        await until(lambda: chain.journal.errors.next == 1)
        letter = chain.journal.errors.get(0)
        assert letter is not None
        assert letter.journey.rejection is not None
        assert letter.origin == f"kafka {lane.stock}/{letter.journey.partition}@{letter.journey.offset}"
        assert "3" in letter.journey.rejection.text
        await chain.publish(b'{"id":%d,"amount":2,"type":"IN"}' % product["id"])
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
        await chain.replay(letter)
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 2)
    assert await lane.stock_of(product) == 0


async def test_the_same_movement_twice_counts_once(lane: Lane) -> None:
    product = await lane.make_product(0)
    async with engine(lane.settings()) as chain:
        for _ in range(2):
            await chain.publish(b'{"id":%d,"amount":5,"type":"IN"}' % product["id"], movement_id=f"{lane.name}-same")
        await until(lambda: chain.journal.decided.total == 2)
        assert chain.journal.verdicts[Verdict.DUPLICATE] == 1
    assert await lane.stock_of(product) == 5


def is_up(states: dict[Server, Connection], server: Server) -> bool:
    return states[server].state is State.UP


async def test_an_engine_that_starts_before_its_servers_waits_and_says_so(lane: Lane) -> None:
    product = await lane.make_product(10)
    names = {Server.STRAPI: "strapi", Server.KAFKA: "kafka", Server.MQTT: "mosquitto"}
    stack = lane.stack
    for name in names.values():
        await asyncio.to_thread(stack.stop_server, name)
    try:
        async with engine(lane.settings(), wait=False) as chain:
            states = chain.journal.connections
            await until(lambda: all(states[server].state is State.DOWN for server in Server))
            assert all(states[server].since and states[server].advice for server in Server)
            with pytest.raises(PublishError, match="is the broker running"):
                await chain.publish(b"{}")
            for server, name in names.items():
                await asyncio.to_thread(stack.start_server, name)
                await until(partial(is_up, states, server), 40, f"{server} is up again")
            await chain.publish(b'{"id":%d,"amount":1,"type":"OUT"}' % product["id"])
            await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
    finally:
        for name in names.values():
            await asyncio.to_thread(stack.start_server, name)
    assert await lane.stock_of(product) == 9


async def test_strapi_is_killed_in_the_middle_and_nothing_is_lost_or_doubled(lane: Lane) -> None:
    product = await lane.make_product(0)
    settings = lane.settings(apply={"batch": 20})
    async with engine(settings) as chain, Publisher(settings.mqtt, in_flight=200) as publisher:
        payload = b'{"id":%d,"amount":1,"type":"IN"}' % product["id"]

        async def send(number: int) -> None:
            await publisher.publish(lane.mqtt_topic, payload, f"{lane.name}-{number}")

        await asyncio.gather(*(send(number) for number in range(500)))
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] > 40)
        lane.stack.kill_server("strapi")
        await asyncio.gather(*(send(number) for number in range(500, 600)))
        await asyncio.to_thread(lane.stack.start_server, "strapi")
        await until(lambda: chain.journal.lag == 0 and chain.journal.verdicts[Verdict.APPLIED] >= 500)
        await until(lambda: sum(chain.journal.verdicts.values()) >= 600)
        assert chain.journal.rejected.total == 0
    assert await lane.stock_of(product) == 600


async def test_two_engines_share_the_load_and_count_each_movement_once(lane: Lane) -> None:
    product = await lane.make_product(1000)
    first = lane.settings()
    second = lane.settings(mqtt={"client_id": f"{lane.name}-2"}, ingest={"enabled": False})
    async with engine(first) as chain, Publisher(first.mqtt, in_flight=100) as publisher:

        async def send(number: int) -> None:
            payload = b'{"id":%d,"amount":1,"type":"OUT"}' % product["id"]
            await publisher.publish(lane.mqtt_topic, payload, f"{lane.name}-{number}")

        await asyncio.gather(*(send(number) for number in range(100)))
        async with engine(second, wait=False) as other:
            await asyncio.gather(*(send(number) for number in range(100, 200)))
            done = (chain.journal.verdicts, other.journal.verdicts)
            await until(lambda: sum(verdicts[Verdict.APPLIED] for verdicts in done) == 200)
    assert await lane.stock_of(product) == 800


class TestEmbedded:
    async def test_it_runs_beside_the_caller(self, lane: Lane) -> None:
        product = await lane.make_product(7)
        chain = EmbeddedChain(lane.settings())
        chain.start()
        try:
            states = chain.journal.connections
            await until(lambda: all(states[server].state is State.UP for server in Server))
            sent = await asyncio.wrap_future(chain.publish(b'{"id":%d,"amount":3,"type":"OUT"}' % product["id"]))
            await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
            journey = chain.journal.journey(sent.movement_id)
            assert journey is not None
            assert journey.stock_after == 4
            board = chain.journal.stock
            await until(lambda: (row := board.get(product["id"])) is not None and row.stock == 4)
        finally:
            chain.stop()
        with pytest.raises(ChainStoppedError):
            chain.publish(b"{}").result(1)

    async def test_it_stops_in_time_while_kafka_does_not_answer(self, lane: Lane) -> None:
        chain = EmbeddedChain(lane.settings())
        chain.start()
        states = chain.journal.connections
        await until(lambda: all(states[server].state is State.UP for server in Server))
        lane.stack.pause_server("kafka")
        try:
            await asyncio.wrap_future(chain.publish(b'{"id":1,"amount":3,"type":"OUT"}'))
            await until(lambda: chain.journal.received.total == 1)
            started = time.monotonic()
            await asyncio.to_thread(chain.stop)
            assert time.monotonic() - started < chain.settings.drain + 4
            assert not chain.running
        finally:
            lane.stack.resume_server("kafka")

    async def test_a_paused_engine_leaves_the_messages_where_they_are(self, lane: Lane) -> None:
        product = await lane.make_product(0)
        chain = EmbeddedChain(lane.settings())
        chain.start()
        try:
            states = chain.journal.connections
            await until(lambda: all(states[server].state is State.UP for server in Server))
            await asyncio.wrap_future(chain.pause_ingest())
            await asyncio.wrap_future(chain.publish(b'{"id":%d,"amount":3,"type":"IN"}' % product["id"]))
            assert states[Server.MQTT].state is State.PAUSED
            assert chain.journal.received.total == 0
            await asyncio.wrap_future(chain.pause_apply())
            await asyncio.wrap_future(chain.resume_ingest())
            await until(lambda: chain.journal.produced.total == 1)
            assert chain.journal.decided.total == 0
            await asyncio.wrap_future(chain.resume_apply())
            await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
        finally:
            await asyncio.to_thread(chain.stop)
