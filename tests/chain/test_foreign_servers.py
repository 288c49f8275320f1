"""Another Kafka cluster or Strapi at a known address: nothing is written to it, and none of its data count."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer

from bridge.errors import RefusedError
from bridge.journal import Server, State
from bridge.mqtt.publisher import Publisher
from stack.errors import ServerStartError
from stack.local import LocalStack
from stack.ports import random_ports
from tests.chain.engine import engine
from tests.chain.lane import Lane, until
from tests.chain.programs import run_bridge
from tests.faults.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bridge.chain import Chain
    from bridge.settings import Settings


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Somebody else's Kafka and Strapi."""
    state = tmp_path_factory.mktemp("foreign")
    with LocalStack(state, ports=random_ports(), servers=("kafka", "strapi")) as stack:
        yield stack


@pytest.fixture
async def tunnel(stack: LocalStack) -> AsyncIterator[Proxy]:
    """A proxy to the engine's Kafka that can be redirected."""
    proxy = Proxy(stack.ports.kafka, relabel={})
    await proxy.start()
    yield proxy
    await proxy.stop()


@pytest.fixture
async def there(lane: Lane, foreign: LocalStack) -> Lane:
    """Topics with the lane's names in the other cluster."""
    other = Lane(foreign)
    for name in ("name", "stock", "errors", "product", "event"):
        setattr(other, name, getattr(lane, name))
    await other.make_topics()
    return other


def through(lane: Lane, tunnel: Proxy, **kafka: Any) -> Settings:
    return lane.settings(kafka={"brokers": [f"127.0.0.1:{tunnel.port}"], "timeout": 5, **kafka})


async def produce(stack: LocalStack, topic: str, product: dict[str, Any], count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.addresses.kafka)
    await producer.start()
    try:
        for _ in range(count):
            await producer.send_and_wait(topic, b'{"id":%d,"amount":100,"type":"IN"}' % product["id"])
    finally:
        await producer.stop()


async def publish(settings: Settings, product: dict[str, Any], count: int) -> None:
    async with Publisher(settings.mqtt) as publisher:
        for _ in range(count):
            await publisher.publish(settings.mqtt.publish_topic, b'{"id":%d,"amount":1,"type":"IN"}' % product["id"])


async def refused(chain: Chain) -> str:
    """Wait until the screen reports that the cluster is another one, and return its text."""
    await until(lambda: chain.journal.connections[Server.KAFKA].state is State.REFUSED, what="Kafka is refused")
    found = chain.journal.connections[Server.KAFKA]
    return f"{found.detail} ({found.advice})"


async def stock_is(lane: Lane, product: dict[str, Any], stock: int) -> None:
    deadline = asyncio.get_running_loop().time() + 60
    while (found := await lane.stock_of(product)) != stock:
        assert asyncio.get_running_loop().time() < deadline, f"{found}, not {stock}"
        await asyncio.sleep(0.1)


async def test_a_tunnel_that_leads_to_another_cluster_loses_nothing_and_applies_nothing_of_it(
    lane: Lane, there: Lane, tunnel: Proxy, foreign: LocalStack, caplog: pytest.LogCaptureFixture
) -> None:
    product = await lane.make_product(0)
    settings = through(lane, tunnel)
    await produce(foreign, there.stock, product, 2)
    async with engine(settings) as chain:
        await publish(settings, product, 5)
        await stock_is(lane, product, 5)
        tunnel.lead_to(foreign.ports.kafka)
        await publish(settings, product, 20)
        said = await refused(chain)
        assert re.search(r"another Kafka cluster answers at 127.0.0.1:\d+: [\w-]{22}, and this engine's is", said)
        assert "kafka.accept_new" in said
        # The consumer too has noticed by then, as its note says.
        await until(lambda: "another Kafka cluster" in chain.journal.notes.get("consume", ""))
        assert sum("another Kafka cluster" in one.getMessage() for one in caplog.records) < 10
        assert await lane.stock_of(product) == 5
        tunnel.lead_to(lane.stack.ports.kafka)
        await stock_is(lane, product, 25)
        await until(lambda: chain.journal.connections[Server.KAFKA].state is State.UP)
        await until(lambda: "consume" not in chain.journal.notes)
    assert len(await lane.all_records(lane.stock)) == 25
    assert len(await there.all_records(there.stock)) == 2
    assert await there.all_records(there.errors) == []


async def test_while_kafka_is_stopped_a_forwarder_on_its_port_deceives_neither_the_engine_nor_the_runner(
    lane: Lane, there: Lane, foreign: LocalStack
) -> None:
    product = await lane.make_product(0)
    settings, stack = lane.settings(kafka={"timeout": 5}), lane.stack
    async with engine(settings) as chain:
        await publish(settings, product, 2)
        await stock_is(lane, product, 2)
        await asyncio.to_thread(stack.stop_server, "kafka")
        forwarder = Proxy(foreign.ports.kafka)
        forwarder.port = stack.ports.kafka
        try:
            await forwarder.start()
            await produce(foreign, there.stock, product, 2)
            await publish(settings, product, 5)
            assert "another Kafka cluster" in await refused(chain)
            with pytest.raises(ServerStartError, match=rf"port {stack.ports.kafka} is taken"):
                await asyncio.to_thread(stack.start_server, "kafka")
        finally:
            await forwarder.stop()
            await asyncio.to_thread(stack.start_server, "kafka")
        await stock_is(lane, product, 7)
        await until(lambda: chain.journal.connections[Server.KAFKA].state is State.UP)
    assert len(await there.all_records(there.stock)) == 2


async def test_the_cluster_is_known_over_a_restart_and_every_client_keeps_away_from_another(
    lane: Lane, there: Lane, tunnel: Proxy, foreign: LocalStack
) -> None:
    product = await lane.make_product(0)
    settings = through(lane, tunnel)
    async with engine(settings):
        await publish(settings, product, 1)
        await stock_is(lane, product, 1)
    await produce(foreign, there.stock, product, 2)
    await produce(foreign, there.errors, product, 1)
    tunnel.lead_to(foreign.ports.kafka)
    async with engine(settings, wait=False) as chain:
        assert "another Kafka cluster" in await refused(chain)
        reading = asyncio.create_task(chain.letters())
        with pytest.raises(RefusedError, match="another Kafka cluster"):
            await chain.apply_missing()
        await publish(settings, product, 3)
        await asyncio.sleep(2)
        assert not reading.done()
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
    assert "another Kafka cluster answers" in await run_bridge(settings, "check", code=1)
    assert "another Kafka cluster answers" in await run_bridge(settings, "replay", "--all", code=1)
    assert await lane.stock_of(product) == 1
    assert len(await there.all_records(there.stock)) == 2


async def test_a_move_to_a_new_cluster_is_told_to_the_engine_once(
    lane: Lane, there: Lane, tunnel: Proxy, foreign: LocalStack, caplog: pytest.LogCaptureFixture
) -> None:
    product = await lane.make_product(0)
    settings = through(lane, tunnel)
    async with engine(settings):
        pass
    tunnel.lead_to(foreign.ports.kafka)
    async with engine(through(lane, tunnel, accept_new=True)) as chain:
        await publish(settings, product, 3)
        await stock_is(lane, product, 3)
        said = [one.getMessage() for one in caplog.records if "as kafka.accept_new says" in one.getMessage()]
        assert len(said) == 1
        assert "unknown how many" in said[0]
        # It was for the start: where the old one comes back now, it is the foreign one.
        tunnel.lead_to(lane.stack.ports.kafka)
        assert "another Kafka cluster" in await refused(chain)
    tunnel.lead_to(foreign.ports.kafka)
    async with engine(settings):
        await publish(settings, product, 1)
        await stock_is(lane, product, 4)
    assert len(await there.all_records(there.stock)) == 4


async def test_a_cluster_that_changes_behind_open_connections_is_noticed(lane: Lane, tunnel: Proxy) -> None:
    product = await lane.make_product(0)
    settings = through(lane, tunnel)
    async with engine(settings) as chain:
        await publish(settings, product, 1)
        await stock_is(lane, product, 1)
        known = re.search(r'"([\w-]{22})"', (lane.stack.paths.state / "known" / lane.name).read_text())
        assert known is not None
        tunnel.disguise = (known[1].encode(), b"AnotherClusterAltogeth")
        assert "AnotherClusterAltogeth" in await refused(chain)
        await publish(settings, product, 5)
        tunnel.disguise = None
        await stock_is(lane, product, 6)
        await until(lambda: chain.journal.connections[Server.KAFKA].state is State.UP)
    assert len(await lane.all_records(lane.stock)) == 6


async def test_another_strapi_with_a_ledger_of_its_own_gets_no_movement(lane: Lane, foreign: LocalStack) -> None:
    there = Lane(foreign)
    tunnel = Proxy(lane.stack.ports.strapi)
    await tunnel.start()
    try:
        product, theirs = await lane.make_product(0), await there.make_product(7)
        settings = lane.settings(strapi={"url": f"http://127.0.0.1:{tunnel.port}"})
        async with engine(settings) as chain:
            tunnel.lead_to(foreign.ports.strapi)
            await publish(settings, product, 3)
            async with Publisher(settings.mqtt) as publisher:
                # The very product that it would find there.
                payload = b'{"id":"%s","amount":1,"type":"IN"}' % theirs["documentId"].encode()
                await publisher.publish(settings.mqtt.publish_topic, payload)
            await until(lambda: chain.journal.connections[Server.STRAPI].state is State.REFUSED)
            connection = chain.journal.connections[Server.STRAPI]
            assert "Strapi does not know the token" in connection.detail
            assert "another Strapi" in connection.advice
            tunnel.lead_to(lane.stack.ports.strapi)
            await until(lambda: chain.journal.connections[Server.STRAPI].state is State.UP)
            await until(lambda: chain.journal.decided.total == 4)
        async with there.strapi() as client:
            ledger = (await client.get("/api/stock-movements")).json()
        assert ledger["meta"]["pagination"]["total"] == 0
        assert await there.stock_of(theirs) == 7
        assert await lane.stock_of(product) == 3
    finally:
        await tunnel.stop()
