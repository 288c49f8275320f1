"""A session that the broker lost, or grants less for than requested: every case is reported."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import aiomqtt
import pytest
from msgspec.structs import replace

from bridge.command.health import registry_of
from bridge.journal import Gap, Server, State
from bridge.mqtt.client_id import FORMER, KeptId
from bridge.mqtt.handover import end_session
from bridge.mqtt.publisher import Publisher
from bridge.route import Route, RouteKind
from bridge.settings import MqttSettings
from tests.chain.brokers import Between, running
from tests.chain.lane import until
from tests.chain.test_client_id import leave_session
from tests.chain.test_ingest import connected, ingesting

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bridge.journal import Journal
    from bridge.settings import Settings
    from tests.chain.brokers import Broker
    from tests.chain.lane import Lane

_MOVEMENT = b'{"id":1,"amount":1,"type":"IN"}'
_KEPT = ("persistence true", "autosave_interval 1", "autosave_on_changes false")
_SUBSCRIBE = 8


def gaps(journal: Journal) -> dict[str, float]:
    """The gaps in the Prometheus metrics."""
    (family,) = [one for one in registry_of(journal).collect() if one.name == "opsci_mqtt_gaps"]
    return {one.labels["cause"]: one.value for one in family.samples if one.name == "opsci_mqtt_gaps_total"}


async def told(journal: Journal, times: int = 1) -> str:
    """The note on a lost session."""
    await until(lambda: gaps(journal)[Gap.SESSION] == times, 20, "the lost session is counted")
    await connected(journal)
    return journal.notes["session"]


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_broker_that_lost_the_session_while_the_engine_ran_is_told_of(
    lane: Lane, tmp_path: Path, version: str
) -> None:
    async with running(tmp_path) as broker:
        settings = lane.settings(mqtt={"url": broker.tcp, "version": version})
        async with ingesting(settings) as journal:
            await connected(journal)
            assert gaps(journal) == {Gap.SESSION: 0, Gap.QOS_0: 0}
            for times in (1, 2):
                await broker.forget()
                said = await told(journal, times)
                assert "no longer had this engine's session" in said
                assert "unknown how many" in said
            await until(lambda: journal.connections[Server.MQTT].state is State.UP)
            async with Publisher(settings.mqtt) as publisher:
                await publisher.publish(lane.mqtt_topic, _MOVEMENT)
            await until(lambda: journal.produced.total == 1, 20, "it is subscribed again")


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_broker_that_lost_it_while_the_engine_was_away_is_told_of(
    lane: Lane, tmp_path: Path, version: str
) -> None:
    async with running(tmp_path, *_KEPT) as broker:
        settings = lane.settings(mqtt={"url": broker.tcp, "version": version})
        async with ingesting(settings) as journal:
            await connected(journal)
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, _MOVEMENT)
        await broker.stop()
        await broker.start()
        async with ingesting(settings) as journal:
            await until(lambda: journal.produced.total == 1, 20, "a broker that keeps the session loses nothing")
            assert gaps(journal)[Gap.SESSION] == 0
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, _MOVEMENT)
        await broker.forget()
        async with ingesting(settings) as journal:
            assert "from this engine's last connection" in await told(journal)


async def test_a_session_that_expired_and_one_that_is_not_kept_at_all_are_told_of(lane: Lane) -> None:
    settings = lane.settings(mqtt={"session_expiry": 1})
    async with ingesting(settings) as journal:
        await connected(journal)
    # There is nothing at the broker to wait for: it ends a session by its own clock.
    await asyncio.sleep(3)
    async with ingesting(settings) as journal:
        assert "away for longer than mqtt.session_expiry" in await told(journal)
    none = lane.settings(mqtt={"session_expiry": 0})
    async with Between(lane.stack.ports.mqtt_tcp) as between:
        none = replace(none, mqtt=replace(none.mqtt, url=between.url))
        async with ingesting(none) as journal:
            await connected(journal)
            between.cut()
            assert "mqtt.session_expiry is 0" in await told(journal)


async def test_a_session_that_another_client_ended_is_told_of_over_a_share_as_well(lane: Lane) -> None:
    shared = [Route(f"$share/{lane.name}/{lane.mqtt_topic}", lane.stock)]
    settings = replace(lane.settings(), routes=shared)
    async with ingesting(settings) as journal:
        await connected(journal)
        await end_session(settings.mqtt)
        assert "another client took its client id" in await told(journal)
    await end_session(settings.mqtt)
    # A new engine that shares looks at its session before it opens it, and must not take its own look for the session.
    async with ingesting(settings) as journal:
        await told(journal)
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, _MOVEMENT)
        await until(lambda: journal.produced.total == 1)


async def test_a_broker_that_loses_all_in_a_handover_is_told_of(lane: Lane, tmp_path: Path) -> None:
    async with running(tmp_path) as broker:
        file = tmp_path / "mqtt-client-id"
        settings = lane.settings(mqtt={"url": broker.tcp, "client_id": "", "client_id_file": str(file)})
        former = replace(settings.mqtt, client_id=FORMER)
        await leave_session(former, [lane.mqtt_topic])
        async with Publisher(settings.mqtt) as publisher:
            await publisher.publish(lane.mqtt_topic, _MOVEMENT)
        # As an engine leaves it that is killed between the move and the taking in.
        KeptId(file).note_former(broker.tcp, "moved")
        KeptId(file).note_opened(broker.tcp)
        await broker.forget()
        async with ingesting(settings) as journal:
            await connected(journal)
            assert gaps(journal)[Gap.SESSION] == 2
            assert FORMER in journal.notes["former-session"]
            assert "no longer had this engine's session" in journal.notes["session"]
        async with ingesting(settings) as journal:
            await connected(journal)
            assert gaps(journal)[Gap.SESSION] == 0


async def test_a_first_start_and_a_session_ended_on_purpose_are_no_loss(lane: Lane) -> None:
    settings = lane.settings()
    for _ in range(2):
        async with ingesting(settings) as journal:
            await connected(journal)
            assert gaps(journal)[Gap.SESSION] == 0
            assert journal.granted == dict.fromkeys([one.mqtt for one in settings.routes], 1)


async def test_a_broker_that_grants_only_qos_0_is_told_of_and_each_absence_there(lane: Lane, tmp_path: Path) -> None:
    async with running(tmp_path, "listener:max_qos 0") as broker, Between(broker.port) as between:
        settings = lane.settings(mqtt={"url": between.url})
        async with ingesting(settings) as journal:
            await connected(journal)
            assert "only QoS 0" in journal.notes["qos-0"]
            assert gaps(journal)[Gap.QOS_0] == 0
            between.cut()
            await until(lambda: gaps(journal)[Gap.QOS_0] == 1, 20, "it may have missed something")
            assert "unknown how many" in journal.notes["qos-0-gap"]
            granted = next(one for one in registry_of(journal).collect() if one.name == "opsci_granted_qos").samples
            assert {one.labels["filter"]: one.value for one in granted}[lane.mqtt_topic] == 0
    async with ingesting(lane.settings()) as journal:
        await connected(journal)
        assert "qos-0" not in journal.notes


async def test_of_several_routes_only_those_at_qos_0_are_named(lane: Lane) -> None:
    def grant(first: int, body: bytes) -> bytes:
        # SUBACK: packet id, no properties, and a code for each filter.
        return body[:3] + bytes([1, 0, 1]) if first >> 4 == 9 else body

    async with (
        Between(lane.stack.ports.mqtt_tcp, grant) as between,
        ingesting(lane.settings(mqtt={"url": between.url})) as journal,
    ):
        await connected(journal)
        said = journal.notes["qos-0"]
        assert f"{lane.name}/product" in said
        assert lane.mqtt_topic not in said
        assert list(journal.granted.values()) == [1, 0, 1]


@pytest.mark.parametrize(
    ("codes", "named", "advice"),
    [
        ([1, 135, 1], "/product' (code 135)", "engine's user to read"),
        ([158, 158, 1], "/topic' (code 158), ", "one engine ingest"),
        ([1, 1, 162], "event/#' (code 162)", "wildcards"),
    ],
)
async def test_a_refused_subscription_is_told_with_what_to_do(
    lane: Lane, codes: list[int], named: str, advice: str
) -> None:
    answers = [codes]

    def refuse(first: int, body: bytes) -> bytes:
        return body[:3] + bytes(answers[0]) if first >> 4 == 9 else body

    async with (
        Between(lane.stack.ports.mqtt_tcp, refuse) as between,
        Publisher(lane.settings().mqtt) as publisher,
        ingesting(lane.settings(mqtt={"url": between.url})) as journal,
    ):
        await until(lambda: journal.connections[Server.MQTT].state is State.REFUSED)
        assert named in journal.connections[Server.MQTT].detail
        assert advice in journal.connections[Server.MQTT].advice
        await publisher.publish(lane.mqtt_topic, _MOVEMENT)
        answers[0] = [1, 1, 1]
        await until(lambda: journal.produced.total == 1, 30, "what was granted waited meanwhile")


async def test_a_broker_that_keeps_the_session_for_less_time_is_told_of(lane: Lane) -> None:
    def lower(first: int, body: bytes) -> bytes:
        # CONNACK: flags, code, and properties: Session Expiry Interval (0x11) of one hour.
        return body[:2] + b"\x05\x11\x00\x00\x0e\x10" if first >> 4 == 2 else body

    async with (
        Between(lane.stack.ports.mqtt_tcp, lower) as between,
        ingesting(lane.settings(mqtt={"url": between.url})) as journal,
    ):
        await connected(journal)
        assert "for 3600 s" in journal.notes["session-expiry"]


@contextlib.asynccontextmanager
async def retained(lane: Lane, topic: str, broker: Broker | None = None) -> AsyncIterator[None]:
    port = broker.port if broker else lane.stack.ports.mqtt_tcp
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish(topic, _MOVEMENT, qos=1, retain=True)
        yield
        await client.publish(topic, b"", qos=1, retain=True)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_retained_movement_is_one_dead_letter_however_often_the_engine_connects(
    lane: Lane, version: str
) -> None:
    async with retained(lane, lane.mqtt_topic), Between(lane.stack.ports.mqtt_tcp) as between:
        settings = lane.settings(mqtt={"url": between.url, "version": version})
        async with ingesting(settings) as journal:
            await connected(journal)
            await until(lambda: journal.rejected.total == 1)
            assert journal.reasons == {"retained-copy": 1}
            for _ in range(2):
                await cut_and_back(between, journal)
            await one_more(settings, journal)
            assert journal.received.total == 2
        for _ in range(2):
            async with ingesting(settings) as journal:
                await connected(journal)
                await one_more(settings, journal)
                assert journal.received.total == 1
    if version == "3.1.1":
        assert between.asked.count(_SUBSCRIBE) == 1
    assert len(await lane.all_records(lane.errors)) == 1


async def test_a_new_route_of_a_kept_session_is_subscribed_and_the_others_are_not_again(lane: Lane) -> None:
    other = f"{lane.name}/other"
    async with (
        retained(lane, lane.mqtt_topic),
        retained(lane, other),
        Between(lane.stack.ports.mqtt_tcp) as between,
    ):
        settings = lane.settings(mqtt={"url": between.url, "version": "3.1.1"})
        async with ingesting(settings) as journal:
            await until(lambda: journal.rejected.total == 1)
        more = replace(settings, routes=[*settings.routes, Route(other, lane.stock, RouteKind.MOVEMENT)])
        async with ingesting(more) as journal:
            await until(lambda: journal.rejected.total == 1)
            await one_more(settings, journal)
            await one_more(replace(settings, mqtt=replace(settings.mqtt, publish_topic=other)), journal)
            assert journal.received.total == 3


async def test_a_session_that_was_lost_is_subscribed_again_though_it_was_known(lane: Lane) -> None:
    """The broker makes an empty session at CONNECT: it is not the one that is known, also where its answer is lost."""
    silent = False

    def swallow(first: int, body: bytes) -> bytes:
        if silent and first >> 4 == 2:
            raise OSError
        return body

    async with Between(lane.stack.ports.mqtt_tcp, swallow) as between:
        settings = lane.settings(mqtt={"url": between.url, "version": "3.1.1"})
        async with ingesting(settings) as journal:
            await connected(journal)
        await end_session(settings.mqtt)
        silent = True
        async with ingesting(settings) as journal:
            await until(lambda: journal.connections[Server.MQTT].state is State.DOWN)
            silent = False
            await until(lambda: journal.connections[Server.MQTT].state is State.UP)
            await one_more(settings, journal)


@pytest.mark.parametrize(("version", "copies"), [("5", 0), ("3.1.1", 1)])
async def test_over_a_share_a_retained_movement_comes_once_at_most(lane: Lane, version: str, copies: int) -> None:
    """MQTT 5 sends none to a shared subscription; Mosquitto 2.0.11 does, with every SUBSCRIBE."""
    async with retained(lane, lane.mqtt_topic), Between(lane.stack.ports.mqtt_tcp) as between:
        base = lane.settings(mqtt={"url": between.url, "version": version})
        settings = replace(base, routes=[Route(f"$share/{lane.name}/{lane.mqtt_topic}", lane.stock)])
        for first in (True, False):
            async with ingesting(settings) as journal:
                await connected(journal)
                await cut_and_back(between, journal)
                await one_more(settings, journal)
                assert journal.received.total == 1 + copies * first


async def cut_and_back(between: Between, journal: Journal) -> None:
    before = journal.connections[Server.MQTT].since
    between.cut()
    await until(lambda: journal.connections[Server.MQTT].since > before)
    await until(lambda: journal.connections[Server.MQTT].state is State.UP)


async def one_more(settings: Settings, journal: Journal) -> None:
    """Publish one more message and wait for it, after which everything in flight has arrived."""
    before = journal.produced.total
    direct = MqttSettings(url=settings.mqtt.url)
    async with Publisher(direct) as publisher:
        await publisher.publish(settings.mqtt.publish_topic, _MOVEMENT)
    await until(lambda: journal.produced.total == before + 1)
