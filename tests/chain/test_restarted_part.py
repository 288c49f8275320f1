"""A part of the engine that fails for an unforeseen reason restarts, with what it had in flight."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from bridge.apply.settle import Settler
from bridge.embedded import EmbeddedChain
from bridge.ingest.claim import Claim
from bridge.ingest.ingest import Ingest
from bridge.journal import Server, State, Verdict
from bridge.kafka.cluster import Cluster
from bridge.kafka.connect import kafka_options
from bridge.kafka.writer import Writer
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from stack.local import LocalStack
    from tests.chain.lane import Lane

MOVEMENTS = 60


class UnforeseenError(RuntimeError):
    """An unforeseen error."""


@pytest.fixture(params=["ledger", "rest5"])
async def chain(request: pytest.FixtureRequest, lane: Lane) -> AsyncIterator[EmbeddedChain]:
    """A connected engine."""
    engine = EmbeddedChain(lane.settings(strapi={"mode": request.param}))
    engine.start()
    try:
        states = engine.journal.connections
        await until(lambda: all(states[server].state is State.UP for server in Server), what="all servers are up")
        yield engine
    finally:
        await asyncio.to_thread(engine.stop)


async def publish(lane: Lane, product: dict[str, Any], qos: int = 1) -> None:
    async with aiomqtt.Client("127.0.0.1", lane.stack.ports.mqtt_tcp) as client:
        for _ in range(MOVEMENTS):
            await client.publish(lane.mqtt_topic, b'{"id":%d,"amount":1,"type":"IN"}' % product["id"], qos)


def failing_once(what: Callable[..., Any], *, before: bool) -> tuple[Callable[..., Any], Callable[[], bool]]:
    """A function that fails the first time, before or after its work; and one that returns whether it failed."""
    failed = False

    async def call(*given: Any, **named: Any) -> Any:
        nonlocal failed
        if before and not failed:
            failed = True
            raise UnforeseenError
        answer = await what(*given, **named)
        if not failed:
            failed = True
            raise UnforeseenError
        return answer

    return call, lambda: failed


async def counted(chain: EmbeddedChain, lane: Lane, product: dict[str, Any]) -> None:
    """Check that each movement is applied once, and that each of the engine's figures agrees."""
    journal = chain.journal
    await until(lambda: journal.verdicts[Verdict.APPLIED] >= MOVEMENTS, 60, "all are applied")
    assert await lane.stock_of(product) == MOVEMENTS
    assert journal.received.total == journal.produced.total == MOVEMENTS
    await until(lambda: journal.lag == 0, 20, "nothing waits")


@pytest.mark.parametrize("before", [True, False], ids=["before it is written", "after it is written"])
async def test_a_round_that_is_cut_short_is_written_once(
    chain: EmbeddedChain, lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, before: bool
) -> None:
    product = await lane.make_product(0)
    call, failed = failing_once(Writer.produce, before=before)
    monkeypatch.setattr(Writer, "produce", call)
    await publish(lane, product)
    await counted(chain, lane, product)
    assert failed()
    assert "Ingest.run failed and starts again" in caplog.text
    assert len(await lane.all_records(lane.stock)) == MOVEMENTS


async def test_a_round_that_is_cut_short_twice_is_counted_once(
    chain: EmbeddedChain, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = await lane.make_product(0)
    written, failed = failing_once(Writer.produce, before=False)
    admitted, failed_again = failing_once(Ingest._may_write, before=True)
    monkeypatch.setattr(Writer, "produce", written)
    await publish(lane, product)
    await until(failed, 20, "the first round is cut short")
    monkeypatch.setattr(Ingest, "_may_write", admitted)
    await counted(chain, lane, product)
    assert failed_again()


async def test_what_came_at_qos_0_is_not_lost_with_the_round(
    chain: EmbeddedChain, lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = await lane.make_product(0)
    call, failed = failing_once(Writer.produce, before=True)
    monkeypatch.setattr(Writer, "produce", call)
    await publish(lane, product, qos=0)
    await counted(chain, lane, product)
    assert failed()


async def test_a_claim_that_fails_while_kafka_stands_still_costs_nothing(
    chain: EmbeddedChain, lane: Lane, stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = await lane.make_product(0)
    call, failed = failing_once(Claim._look, before=True)
    stack.pause_server("kafka")
    try:
        await publish(lane, product)
        await until(lambda: chain.journal.received.total == MOVEMENTS, 20, "they came")
        monkeypatch.setattr(Claim, "_look", call)
        await until(failed, 30, "it looks again")
    finally:
        stack.resume_server("kafka")
    await counted(chain, lane, product)


async def test_an_apply_that_fails_begins_again(
    chain: EmbeddedChain, lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    product = await lane.make_product(0)
    call, failed = failing_once(Settler.settle, before=True)
    monkeypatch.setattr(Settler, "settle", call)
    await publish(lane, product)
    await counted(chain, lane, product)
    assert failed()
    assert "Apply.run failed and starts again" in caplog.text


async def test_a_kafka_that_names_no_broker_for_a_moment_is_waited_for(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a Kafka that stood still answers until its controller takes its broker up again."""
    settings = lane.settings().kafka
    consumer = AIOKafkaConsumer(**kafka_options(settings), group_id=f"{lane.name}.none", enable_auto_commit=False)
    cluster, asserted = consumer._client.cluster, []
    update, look_up = cluster.update_metadata, consumer._client.coordinator_lookup
    answers: Iterator[list[Any]] = iter([[]])

    def without_brokers_at_first(metadata: Any) -> None:
        metadata.brokers = next(answers, metadata.brokers)
        update(metadata)

    async def noting(*coordinator: Any) -> Any:
        try:
            return await look_up(*coordinator)
        except AssertionError as error:
            asserted.append(error)
            raise

    monkeypatch.setattr(cluster, "update_metadata", without_brokers_at_first)
    monkeypatch.setattr(consumer._client, "coordinator_lookup", noting)
    with caplog.at_level(logging.CRITICAL, logger="aiokafka"):
        await Cluster(settings).start(consumer)
        try:
            place = TopicPartition(lane.stock, 0)
            consumer.assign([place])
            await asyncio.wait_for(consumer.commit({place: 0}), 60)
            assert await consumer.committed(place) == 0
        finally:
            await consumer.stop()
    assert asserted, "aiokafka itself has no answer to that"
