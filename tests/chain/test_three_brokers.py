"""Three Kafka brokers: with any one killed under load nothing waits for long; with two down all waits, reported."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from bridge.journal import Server, State
from bridge.mqtt.publisher import Publisher
from bridge.settings.load import load_settings
from stack.errors import StateError
from stack.local import LocalStack
from stack.ports import random_ports
from stack.report import Report
from stack.servers.kafka import TOPICS
from stack.servers.server import BROKERS
from tests.chain.engine import engine
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from bridge.chain import Chain
    from bridge.settings import Settings

STOCK = 100_000


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Servers for this file only, with three brokers."""
    state = tmp_path_factory.mktemp("three") / "state"
    servers = ("mosquitto", "kafka", "strapi")
    with LocalStack(state, ports=random_ports(), servers=servers, brokers=len(BROKERS)) as stack:
        yield stack


@pytest.fixture
def settings(brokers: LocalStack) -> Settings:
    """The settings that the runner wrote, with shorter timeouts."""
    found = load_settings(brokers.settings_file, {})
    kafka = msgspec.structs.replace(found.kafka, timeout=6.0, session_timeout=6)
    apply = msgspec.structs.replace(found.apply, longest_pause=2.0)
    return msgspec.structs.replace(found, kafka=kafka, apply=apply, drain=5.0)


async def replicas(stack: LocalStack) -> dict[str, tuple[set[int], set[int]]]:
    """By topic of the chain, how many replicas its partitions have, and how many of these are in sync."""
    admin = AIOKafkaAdminClient(bootstrap_servers=stack.addresses.kafka)
    await admin.start()
    try:
        described = await admin.describe_topics(list(TOPICS))
    finally:
        await admin.close()
    return {
        topic["topic"]: (
            {len(part["replicas"]) for part in topic["partitions"]},
            {len(part["isr"]) for part in topic["partitions"]},
        )
        for topic in described
    }


async def in_sync(stack: LocalStack) -> None:
    """Wait until every broker has every record."""
    async with asyncio.timeout(120):
        while any(there != {len(BROKERS)} for _, there in (await replicas(stack)).values()):  # noqa: ASYNC110
            await asyncio.sleep(0.2)


class Load:
    """Movements of one product, 50 a second, each of one piece with a movement-id."""

    def __init__(self, stack: LocalStack, settings: Settings, product: int) -> None:
        self.published = 0
        self.product = product
        self._stack = stack
        self._settings = settings

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish until the block ends, then wait until the broker has everything."""
        ended = asyncio.Event()
        async with Publisher(self._settings.mqtt) as publisher, asyncio.TaskGroup() as group:
            group.create_task(self._publish(publisher, ended))
            try:
                yield
            finally:
                ended.set()

    async def _publish(self, publisher: Publisher, ended: asyncio.Event) -> None:
        while not ended.is_set():
            payload = b'{"id":%d,"amount":1,"type":"IN","number":%d}' % (self.product, self.published)
            await publisher.publish("topic", payload, f"three-{self.published}")
            self.published += 1
            await asyncio.sleep(0.02)

    async def arrived(self) -> int:
        """How many of them are in the stock."""
        headers = {"Authorization": f"Bearer {self._stack.bridge_token}"}
        async with httpx.AsyncClient(base_url=self._stack.addresses.strapi, headers=headers, timeout=30) as client:
            query = {"filters[id][$eq]": str(self.product)}
            found = (await client.get("/api/products", params=query)).raise_for_status().json()
        return int(found["data"][0]["stock_available"]) - STOCK

    async def passes(self, seconds: float) -> float:
        """Wait until new publications arrive; return how long that took."""
        begun, first = time.monotonic(), self.published + 1
        async with asyncio.timeout(seconds):
            while await self.arrived() < first:  # noqa: ASYNC110 - the stock is asked
                await asyncio.sleep(0.1)
        return time.monotonic() - begun


async def load_of(stack: LocalStack, settings: Settings) -> Load:
    headers = {"Authorization": f"Bearer {stack.bridge_token}"}
    async with httpx.AsyncClient(base_url=stack.addresses.strapi, headers=headers, timeout=30) as client:
        data = {"name": "three brokers", "stock_available": STOCK}
        made = (await client.post("/api/products", json={"data": data})).raise_for_status().json()["data"]
    return Load(stack, settings, made["id"])


async def numbers(stack: LocalStack) -> Counter[bytes]:
    """How often each number is in Kafka, read to the end of every partition, whichever broker leads it."""
    consumer = AIOKafkaConsumer("stock", bootstrap_servers=stack.addresses.kafka, auto_offset_reset="earliest")
    await consumer.start()
    try:
        found: Counter[bytes] = Counter()
        async with asyncio.timeout(240):
            places = [TopicPartition("stock", number) for number in range(TOPICS["stock"])]
            await until(lambda: consumer.assignment() == set(places))
            while True:
                batch = await consumer.getmany(timeout_ms=500)
                found.update(record.value.rpartition(b":")[2] for records in batch.values() for record in records)
                with contextlib.suppress(KafkaError):
                    ends = await consumer.end_offsets(places)
                    if not batch and all([await consumer.position(place) >= ends[place] for place in places]):
                        return found
    finally:
        await consumer.stop()


async def test_every_topic_is_kept_by_all_three_and_all_are_in_the_settings(
    brokers: LocalStack, settings: Settings
) -> None:
    assert settings.kafka.brokers == [f"127.0.0.1:{port}" for port, _ in brokers.ports.of_brokers(3)]
    await in_sync(brokers)
    assert {topic: kept for topic, (kept, _) in (await replicas(brokers)).items()} == {topic: {3} for topic in TOPICS}


def test_a_state_with_one_broker_does_not_become_one_with_three(tmp_path: Path) -> None:
    one = LocalStack(tmp_path / "state", servers=["mosquitto"], ports=random_ports())
    with one, pytest.raises(StateError, match="holds data of 1 Kafka broker, not of 3"):
        LocalStack(tmp_path / "state", brokers=3).start()


@pytest.mark.timeout(900)
async def test_any_broker_may_be_killed_and_with_two_gone_all_waits_and_is_said(
    brokers: LocalStack, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    # It tells of each try to connect to a broker that was killed.
    caplog.set_level(logging.CRITICAL, "aiokafka")
    await in_sync(brokers)
    load = await load_of(brokers, settings)
    async with engine(settings) as chain, load.running():
        await load.passes(60)
        for name in BROKERS:
            await asyncio.to_thread(brokers.kill_server, name)
            took = await load.passes(60)
            print(f"{name} killed: what was published then arrived after {took:.1f} s")  # noqa: T201 - shown by -s
            await asyncio.to_thread(brokers.start_server, name)
            await in_sync(brokers)
        for name in BROKERS[1:]:
            await asyncio.to_thread(brokers.kill_server, name)
        await until(lambda: is_said(chain), 60, "it is said that Kafka does not take the movements")
        assert chain.journal.connections[Server.STRAPI].state is State.UP
        waiting = load.published
        await until(lambda: load.published > waiting + 50, 60, "publishing goes on")
        assert await load.arrived() <= waiting
        await asyncio.to_thread(brokers.start_server, *BROKERS[1:])
        took = await load.passes(180)
        print(f"two were away: what was published once they were back arrived after {took:.1f} s")  # noqa: T201
    async with asyncio.timeout(120), engine(settings):
        while await load.arrived() < load.published:  # noqa: ASYNC110 - the stock is asked
            await asyncio.sleep(0.2)
    found = await numbers(brokers)
    assert {number: times for number, times in found.items() if times > 1} == {}
    assert set(found) >= {b"%d}" % number for number in range(load.published)}
    assert await load.arrived() == len(found)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("file", ["__cluster_metadata-0/00000000000000000000.log", "stock-0/00000000000000000000.log"])
async def test_a_broker_whose_files_are_damaged_fetches_its_records_from_the_others(tmp_path: Path, file: str) -> None:
    said = io.StringIO()
    state = tmp_path / "state"
    servers = LocalStack(state, ports=random_ports(), servers=["kafka"], brokers=len(BROKERS), report=Report(said))
    count = 300
    try:
        await asyncio.to_thread(servers.start)
        async with AIOKafkaProducer(bootstrap_servers=servers.addresses.kafka, acks="all") as producer:
            for number in range(count):
                await producer.send("stock", b'{"number":%d}' % number, partition=number % TOPICS["stock"])
        await in_sync(servers)
        await asyncio.to_thread(servers.stop)
        (state / "kafka-2" / "data" / file).write_bytes(b"")
        await asyncio.to_thread(servers.start)
        assert "fetches" in said.getvalue()
        await in_sync(servers)
        # All that the others have it has as well: with each of them gone nothing is missing.
        for name in ("kafka", "kafka-3"):
            await asyncio.to_thread(servers.kill_server, name)
            found = await numbers(servers)
            assert found == Counter(b"%d}" % number for number in range(count))
            await asyncio.to_thread(servers.start_server, name)
            await in_sync(servers)
    finally:
        await asyncio.to_thread(servers.stop)


def is_said(chain: Chain) -> bool:
    """Whether the screen would show that Kafka delays the movements, and that none is lost."""
    kafka = chain.journal.connections[Server.KAFKA]
    return kafka.state is State.DOWN and "none is lost" in str(kafka.advice)
