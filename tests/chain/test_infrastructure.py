"""What the servers say of themselves, against accounts of others: Kafka's own tool, own clients."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiomqtt
import msgspec
import pytest

from bridge.errors import UnreachableError
from bridge.infrastructure.facts import KafkaFacts, MqttFacts, StrapiFacts
from bridge.infrastructure.read import read_facts
from bridge.journal import Server
from bridge.strapi.gateway import ApiKind
from stack.install import kafka_libs
from stack.paths import Paths
from stack.ports import random_ports
from tests.chain.applying import movement, produce
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.secured import secured

if TYPE_CHECKING:
    from bridge.settings import Settings
    from stack.local import LocalStack
    from tests.chain.lane import Lane


async def kafka_of(settings: Settings) -> KafkaFacts:
    found = await read_facts(settings, Server.KAFKA)
    assert isinstance(found, KafkaFacts)
    return found


async def mqtt_of(settings: Settings) -> MqttFacts:
    found = await read_facts(settings, Server.MQTT)
    assert isinstance(found, MqttFacts)
    return found


async def strapi_of(settings: Settings) -> StrapiFacts:
    found = await read_facts(settings, Server.STRAPI)
    assert isinstance(found, StrapiFacts)
    return found


def client_of(lane: Lane) -> aiomqtt.Client:
    parts = urlsplit(lane.stack.addresses.mqtt_tcp)
    return aiomqtt.Client(parts.hostname or "", parts.port or 1883)


async def described(lane: Lane) -> dict[tuple[str, int], tuple[str, str, str]]:
    """What Kafka's own tool says of the group: committed offset, end and lag by partition."""
    process = await asyncio.create_subprocess_exec(
        *("java", "-cp", f"{kafka_libs(Paths.of())}/*"),
        "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
        *("--bootstrap-server", lane.stack.addresses.kafka, "--describe", "--group", lane.name),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said = (await process.communicate())[0].decode()
    rows = [line.split() for line in said.splitlines()]
    return {(row[1], int(row[2])): (row[3], row[4], row[5]) for row in rows if row and row[0] == lane.name}


@pytest.mark.timeout(600)
async def test_ends_positions_and_lags_are_those_of_kafkas_own_tool(lane: Lane) -> None:
    settings = lane.settings()
    product = await lane.make_product(0)
    async with engine(settings) as chain:
        await produce(lane, lane.stock, [movement(product["id"], 1)] * 60)
        await until(lambda: chain.journal.decided.total >= 60)
        await until(lambda: chain.journal.lag == 0)
    # Nobody reads any more: these wait.
    await produce(lane, lane.stock, [movement(product["id"], 1)] * 40)
    facts = await kafka_of(settings)
    ours = {
        (topic.name, one.number): (one.committed, one.end, one.lag)
        for topic in facts.topics
        for one in topic.partitions
    }
    theirs = await described(lane)
    assert theirs
    for place, figures in theirs.items():
        assert tuple("-" if figure is None else str(figure) for figure in ours[place]) == figures, place
    assert sum(lag or 0 for (name, _), (_, _, lag) in ours.items() if name == lane.stock) == 40
    stock = facts.topics[0]
    assert (stock.name, stock.lag, len(stock.partitions)) == (lane.stock, 40, 6)
    errors = facts.topics[-1]
    assert (errors.name, errors.is_read, errors.lag) == (lane.errors, False, None)
    assert facts.group is not None
    assert facts.group.members == ()


async def test_the_members_are_there_with_the_partitions_that_they_have(lane: Lane) -> None:
    settings = lane.settings(kafka={"client_id": "one-of-them"})
    async with engine(settings):
        deadline = time.monotonic() + 120
        while True:
            group = (await kafka_of(settings)).group
            assert group is not None
            if group.members and group.members[0].places:
                break
            assert time.monotonic() < deadline, group
        (member,) = group.members
        assert (member.client_id, member.host, member.is_engine) == ("one-of-them", "127.0.0.1", True)
        everything = [(lane.stock, number) for number in range(6)] + [(lane.product, 0), (lane.event, 0)]
        assert list(member.places) == sorted(everything)


async def test_the_broker_tells_of_itself_and_of_what_it_retains(lane: Lane) -> None:
    settings = lane.settings()
    async with client_of(lane) as client:
        await client.publish(lane.mqtt_topic, b"twelve bytes", 1, retain=True)
        await client.publish(f"{lane.name}/event/door", b"open", 1, retain=True)
        await client.publish(f"{lane.name}/elsewhere", b"not ours", 1, retain=True)
        try:
            facts = await mqtt_of(settings)
        finally:
            for topic in (lane.mqtt_topic, f"{lane.name}/event/door", f"{lane.name}/elsewhere"):
                await client.publish(topic, b"", 1, retain=True)
    assert [(one.topic, one.size) for one in facts.retained] == [
        (f"{lane.name}/event/door", 4),
        (lane.mqtt_topic, 12),
    ]
    assert facts.told["version"].startswith("mosquitto version")
    # Mosquitto 2.0 forgets what has not changed for a minute.
    assert int(facts.told.get("clients/connected", 0)) >= 0
    assert not facts.told_trouble
    assert (await mqtt_of(settings)).retained == ()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_what_is_published_meanwhile_is_not_taken_for_retained(lane: Lane, version: str) -> None:
    settings = lane.settings(mqtt={"version": version})
    stopped = asyncio.Event()

    async def flood() -> None:
        async with client_of(lane) as client:
            while not stopped.is_set():
                await client.publish(lane.mqtt_topic, b"live", 0)

    flooding = asyncio.create_task(flood())
    try:
        for _ in range(5):
            assert (await mqtt_of(settings)).retained == ()
    finally:
        stopped.set()
        await flooding


async def test_a_shared_subscription_shows_what_its_topics_retain(lane: Lane) -> None:
    settings = lane.settings()
    shared = msgspec.structs.replace(settings.routes[0], mqtt=f"$share/{lane.name}/{lane.mqtt_topic}")
    settings = msgspec.structs.replace(settings, routes=[shared])
    async with client_of(lane) as client:
        await client.publish(lane.mqtt_topic, b"kept", 1, retain=True)
        try:
            assert [one.topic for one in (await mqtt_of(settings)).retained] == [lane.mqtt_topic]
        finally:
            await client.publish(lane.mqtt_topic, b"", 1, retain=True)


async def test_strapi_is_told_with_its_kind_and_each_right(lane: Lane) -> None:
    facts = await strapi_of(lane.settings())
    assert facts.kind is ApiKind.LEDGER
    assert all(finding.ok for finding in facts.findings)
    said = [finding.what for finding in facts.findings]
    assert "the token may make events" in said
    refused = await strapi_of(lane.settings(strapi={"token": "wrong"}))
    assert "does not know the token" in refused.kind_trouble
    assert [finding.ok for finding in refused.findings] == [False]


async def test_a_token_that_may_only_read_says_so(lane: Lane) -> None:
    facts = await strapi_of(lane.settings(strapi={"token": lane.stack.read_token}))
    assert "refuses the token this right" in facts.kind_trouble
    assert [finding.ok for finding in facts.findings] == [True, False]
    assert facts.findings[1].what.startswith("the ledger's batch route: ")


async def test_a_server_that_is_gone_says_why_and_the_others_answer(lane: Lane) -> None:
    nobody = random_ports()
    settings = lane.settings(
        mqtt={"url": f"mqtt://127.0.0.1:{nobody.mqtt_tcp}"},
        kafka={"brokers": [f"127.0.0.1:{nobody.kafka}"], "timeout": 3.0},
    )
    for server, port in ((Server.MQTT, nobody.mqtt_tcp), (Server.KAFKA, nobody.kafka)):
        with pytest.raises(UnreachableError, match=str(port)) as caught:
            await read_facts(settings, server)
        assert caught.value.advice
    assert (await strapi_of(settings)).kind is ApiKind.LEDGER


async def test_the_secured_servers_say_what_this_user_may_not(secure_stack: LocalStack) -> None:
    settings = secured(secure_stack)
    broker = await mqtt_of(settings)
    assert broker.told == {}
    assert f"not allowed for user {settings.mqtt.username!r}: to read $SYS/broker/#" in broker.told_trouble
    kafka = await kafka_of(settings)
    assert (kafka.group_trouble, kafka.offsets_trouble, kafka.ends_trouble) == ("", "", "")
    assert all(topic.partitions for topic in kafka.topics)
    elsewhere = msgspec.structs.replace(settings, kafka=msgspec.structs.replace(settings.kafka, group="another"))
    refused = await kafka_of(elsewhere)
    assert "not allowed for user 'bridge': to describe the consumer group 'another'" in refused.group_trouble
    assert "not allowed for user 'bridge'" in refused.offsets_trouble
    assert all(part.end is not None and part.lag is None for topic in refused.topics for part in topic.partitions)
    assert (await strapi_of(settings)).kind is ApiKind.LEDGER


async def test_what_the_charts_say_waits_is_what_kafka_says_waits(lane: Lane) -> None:
    settings = lane.settings()
    product = await lane.make_product(0)
    async with engine(settings) as chain:
        journal = chain.journal
        await until(lambda: journal.lag == 0)
        chain.apply.pause()
        await produce(lane, lane.stock, [movement(product["id"], 1)] * 40)
        await until(lambda: journal.to_strapi.history()[-2:] == [40, 40])
        assert (await kafka_of(settings)).topics[0].lag == 40
        chain.apply.resume()
        await until(lambda: journal.to_strapi.history()[-2:] == [0, 0])
        # What was there remains in the picture of the last ten minutes.
        assert 40 in journal.to_strapi.history()
        assert sum(journal.answered.history(over=600)) <= journal.answered.total == 40
        assert journal.to_kafka.history()[-2:] == [0, 0]
