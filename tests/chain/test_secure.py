"""The chain on secured servers: access with the right login, and refusals with their messages."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError

from bridge.apply.replay import Replay
from bridge.errors import PublishError, RefusedError
from bridge.journal import Server, State, Verdict
from bridge.kafka.producer import Producer, Record
from bridge.mqtt.client_id import KeptId, shown
from bridge.mqtt.connect import mqtt_options
from bridge.mqtt.handover import end_session
from bridge.mqtt.presence import Presence
from bridge.mqtt.publisher import Publisher
from bridge.mqtt.session import Session
from bridge.watch.running_engines import engines_at_broker
from stack.secure.certificates import make_certificates
from tests.chain.engine import engine
from tests.chain.lane import until
from tests.chain.programs import run_bridge
from tests.chain.secured import impostor, make_product, secured, strapi

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.journal import Connection
    from bridge.settings import MqttSettings
    from stack.local import LocalStack


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
async def test_a_movement_changes_the_stock_behind_the_door(secure_stack: LocalStack, transport: str) -> None:
    product = await make_product(secure_stack, 41)
    addresses = secure_stack.addresses
    url = addresses.mqtt_ws if transport == "websockets" else addresses.mqtt_tcp
    assert url.startswith(("mqtts://", "wss://"))
    assert addresses.strapi.startswith("https://")
    async with engine(secured(secure_stack, mqtt={"url": url})) as chain:
        sent = await chain.publish(b'{"id":%d,"amount":5,"type":"IN"}' % product["id"])
        await until(lambda: (found := chain.journal.journey(sent.movement_id)) and found.verdict is Verdict.APPLIED)
        with pytest.raises(PublishError, match="refuses the message of user 'publisher' on 'event'"):
            await chain.publish(b"{}", "event")
    async with strapi(secure_stack) as client:
        answer = await client.get(f"/api/products/{product['documentId']}")
    assert answer.json()["data"]["stock_available"] == 46


async def test_a_replay_has_the_rights_that_it_needs(secure_stack: LocalStack) -> None:
    product = await make_product(secure_stack, 41)
    settings = secured(secure_stack)
    async with engine(settings) as chain:
        sent = await chain.publish(b'{"id":%d,"amount":5,"type":"IN"}' % product["id"])
        await until(lambda: (found := chain.journal.journey(sent.movement_id)) and found.verdict is Verdict.APPLIED)
    async with Replay(settings) as replay:
        assert await replay.missing() == []
        spans = await replay.since(time.time() - 600)
        outcome = await replay.run(spans, lambda _: None)
    assert outcome.known >= 1
    async with strapi(secure_stack) as client:
        answer = await client.get(f"/api/products/{product['documentId']}")
    assert answer.json()["data"]["stock_available"] == 46


def _as_user(stack: LocalStack, user: str, **changes: Any) -> MqttSettings:
    password = str(stack.credentials.password_file(f"mqtt-{user}")) if user else ""
    who = {"username": user, "password_file": password, "publish_username": "", "publish_password_file": ""}
    return secured(stack, mqtt={**who, **changes}).mqtt


@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
async def test_no_one_comes_in_without_a_name(secure_stack: LocalStack, scheme: str) -> None:
    addresses = secure_stack.addresses
    settings = _as_user(secure_stack, "", url=addresses.mqtt_tcp if scheme == "mqtts" else addresses.mqtt_ws)
    with pytest.raises(RefusedError, match="refuses a client without user name") as error:
        async with Session(settings, ["topic"], lambda *_: None):
            pass
    assert "mqtt.username" in error.value.advice


async def test_an_engine_may_say_that_it_runs_and_another_hears_it(secure_stack: LocalStack) -> None:
    settings = secured(secure_stack)
    presence = Presence(settings, "opsci-bridge")
    presence.carries = True
    saying = asyncio.create_task(presence.run())
    try:
        await asyncio.wait_for(presence.heard.wait(), 30)
        assert "opsci-bridge on " in await engines_at_broker(settings)
    finally:
        saying.cancel()
        await asyncio.gather(saying, return_exceptions=True)
    assert await engines_at_broker(settings) == ""


@pytest.mark.parametrize("user", ["object", "publisher"])
async def test_who_publishes_hears_nothing(secure_stack: LocalStack, user: str) -> None:
    """Mosquitto grants each subscription, and looks at the rights when it would hand a message on."""
    listening = mqtt_options(_as_user(secure_stack, user), session=False)
    witnessing = mqtt_options(_as_user(secure_stack, "engine"), session=False)
    async with (
        aiomqtt.Client(**listening) as listener,
        aiomqtt.Client(**witnessing) as witness,
        Publisher(_as_user(secure_stack, "object")) as publisher,
    ):
        for topic in ("#", "topic", "event/#", "$SYS/#"):
            await listener.subscribe(topic, qos=1)
        await witness.subscribe("event", qos=1)
        await publisher.publish("event", b"for the engine")
        await asyncio.wait_for(anext(aiter(witness.messages)), 60)
        # Its answer comes after whatever the broker had sent before.
        await listener.subscribe("again", qos=1)
        assert len(listener.messages) == 0


async def test_the_engine_hears_its_topics_and_no_other(secure_stack: LocalStack) -> None:
    async with aiomqtt.Client(**mqtt_options(_as_user(secure_stack, "engine"), session=False)) as engine_user:
        for topic in ("$SYS/#", "event"):
            await engine_user.subscribe(topic, qos=1)
        async with Publisher(_as_user(secure_stack, "object")) as publisher:
            await publisher.publish("event", b"for the engine")
        message = await asyncio.wait_for(anext(aiter(engine_user.messages)), 60)
        assert (str(message.topic), message.payload) == ("event", b"for the engine")


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("engine", "topic"),
        ("object", "other"),
        ("object", "$SYS/x"),
        ("object", "opsci/engines/stock-creator/x"),
        ("publisher", "product"),
        ("publisher", "opsci/engines/stock-creator/x"),
    ],
)
async def test_what_is_not_a_users_to_write(secure_stack: LocalStack, user: str, topic: str) -> None:
    async with Publisher(_as_user(secure_stack, user)) as publisher:
        with pytest.raises(PublishError, match=f"refuses the message of user '{user}'"):
            await publisher.publish(topic, b"{}")


async def test_an_object_writes_its_own_topics(secure_stack: LocalStack) -> None:
    async with Publisher(_as_user(secure_stack, "object")) as publisher:
        for topic in ("topic", "product", "event"):
            await publisher.publish(topic, b"{}")


async def test_kafka_hears_no_one_in_clear_or_without_a_name(secure_stack: LocalStack) -> None:
    nobody = {"username": "", "password_file": ""}
    settings = secured(secure_stack, kafka={**nobody, "security": "plaintext", "timeout": 3.0})
    async with engine(settings, wait=False) as chain:
        states = chain.journal.connections
        await until(lambda: states[Server.KAFKA].state is State.DOWN)
        assert "speaks TLS, and kafka.security is plaintext" in states[Server.KAFKA].detail
        assert "set kafka.security to ssl, or to sasl_ssl" in states[Server.KAFKA].advice
        await until(partial(_is, states, Server.MQTT, State.UP))
    found = await run_bridge(settings, "check", code=1)
    assert "speaks TLS, and kafka.security is plaintext" in found
    settings = secured(secure_stack, kafka={**nobody, "security": "ssl"})
    found = await run_bridge(settings, "check", code=1)
    assert "set kafka.security to sasl_ssl, and the user" in found
    for options in ({}, {"security_protocol": "SSL", "ssl_context": secure_stack.credentials.trust()}):
        producer = AIOKafkaProducer(bootstrap_servers=secure_stack.addresses.kafka, request_timeout_ms=3_000, **options)
        with pytest.raises(KafkaConnectionError):
            await producer.start()
        await producer.stop()


async def test_kafkas_controller_wants_kafkas_own_certificate(secure_stack: LocalStack) -> None:
    """Over it goes whatever the broker decides: on a shared machine anyone reaches the port."""
    context = secure_stack.credentials.trust()

    async def shows(name: str | None) -> bool:
        if name:
            folder = secure_stack.credentials.certificates
            context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
        reader, writer = await asyncio.open_connection("127.0.0.1", secure_stack.ports.kafka_controller, ssl=context)
        try:
            writer.write(bytes.fromhex("0000 000f 0012 0000 00000001 0005") + b"opsci")
            return bool(await asyncio.wait_for(reader.read(4), 10))
        except (ssl.SSLError, ConnectionError):
            return False
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    assert not await shows(None)
    assert await shows("kafka")


async def test_the_engines_user_may_nothing_else_in_kafka(secure_stack: LocalStack) -> None:
    admin = AIOKafkaAdminClient(
        bootstrap_servers=secure_stack.addresses.kafka, **secure_stack.credentials.kafka_options("admin")
    )
    await admin.start()
    try:
        await admin.create_topics([NewTopic("secret", 1, 1)])
    finally:
        await admin.close()
    settings = secured(secure_stack)
    producer = Producer(settings.kafka)
    await producer.start()
    try:
        with pytest.raises(RefusedError, match="refuses a write to secret") as error:
            await producer.produce([Record("secret", b"1", b"{}", [])], [None])
        assert "allow the engine's user" in error.value.advice
        await producer.produce([Record("event", b"1", b"not for anyone", [])], [None])
    finally:
        await producer.stop(2)
    bridge = AIOKafkaAdminClient(
        bootstrap_servers=secure_stack.addresses.kafka, **secure_stack.credentials.kafka_options("bridge")
    )
    await bridge.start()
    try:
        assert "secret" not in await bridge.list_topics()
        made = await bridge.create_topics([NewTopic("mine", 1, 1)])
        assert [code for _, code, *_ in made.topic_errors] == [29]
        gone = await bridge.delete_topics(["stock"])
        assert [code for _, code, *_ in gone.topic_error_codes] == [29]
    finally:
        await bridge.close()
    async with engine(secured(secure_stack, kafka={"group": "another"}), wait=False) as chain:
        await until(lambda: "refuses to let group 'another' read" in chain.journal.notes.get("consume", ""))
        await until(partial(_is, chain.journal.connections, Server.MQTT, State.UP))


def _is(states: dict[Server, Connection], server: Server, state: State) -> bool:
    return states[server].state is state


async def test_wrong_passwords_are_said_and_mended_ones_count_without_a_restart(
    secure_stack: LocalStack, tmp_path: Path
) -> None:
    files = {"mqtt": "mqtt-engine", "kafka": "kafka-bridge"}
    for section in files:
        (tmp_path / section).write_text("sentinel-secret")
    (tmp_path / "strapi").write_text("sentinel-secret")
    wrong: dict[str, dict[str, Any]] = {section: {"password_file": str(tmp_path / section)} for section in files}
    settings = secured(secure_stack, **wrong, strapi={"token_file": str(tmp_path / "strapi"), "refresh": 0.5})
    async with engine(settings, wait=False) as chain:
        states = chain.journal.connections
        for server in Server:
            await until(partial(_is, states, server, State.REFUSED), 30, f"{server} is refused")
        assert "refuses user 'engine'" in states[Server.MQTT].detail
        assert "refuses user 'bridge' or the password" in states[Server.KAFKA].detail
        assert "does not know the token" in states[Server.STRAPI].detail
        said = [f"{state.detail} {state.advice}" for state in states.values()]
        assert all("sentinel-secret" not in text for text in said)
        assert "mqtt.password_file" in said[0]
        for section, name in files.items():
            (tmp_path / section).write_text(secure_stack.credentials.password_file(name).read_text())
        (tmp_path / "strapi").write_text(secure_stack.bridge_token)
        for server in Server:
            await until(partial(_is, states, server, State.UP), 60, f"{server} is up")


_IMPOSTORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "expired": ({"days": -1}, "has expired", "stack certs"),
    "another host": ({"host": "elsewhere.example"}, "another host's", "a server name that is in it"),
    "unknown": ({}, "not trusted here", "ca_file"),
}


@pytest.mark.parametrize("kind", _IMPOSTORS)
async def test_a_certificate_that_is_not_to_be_believed(secure_stack: LocalStack, tmp_path: Path, kind: str) -> None:
    shown, what, advice = _IMPOSTORS[kind]
    authority = str(secure_stack.credentials.authority)
    if kind == "unknown":
        make_certificates(tmp_path / "others")
        authority = str(tmp_path / "others" / "ca.pem")
    async with impostor(secure_stack, tmp_path, **shown) as port:
        settings = secured(
            secure_stack,
            mqtt={"url": f"mqtts://127.0.0.1:{port}", "ca_file": authority},
            kafka={"brokers": [f"127.0.0.1:{port}"], "ca_file": authority},
            strapi={"url": f"https://127.0.0.1:{port}", "ca_file": authority},
        )
        async with engine(settings, wait=False) as chain:
            states = chain.journal.connections
            for server in Server:
                await until(partial(_is, states, server, State.REFUSED), 30, f"{server} is refused")
                assert what in states[server].detail
                assert advice in states[server].advice
            with pytest.raises(PublishError, match=what):
                await chain.publish(b"{}")


async def test_an_authority_that_is_replaced_counts_without_a_restart(secure_stack: LocalStack, tmp_path: Path) -> None:
    make_certificates(tmp_path / "others")
    believed = tmp_path / "believed.pem"
    believed.write_text((tmp_path / "others" / "ca.pem").read_text())
    changed = {"ca_file": str(believed)}
    async with engine(secured(secure_stack, mqtt=changed, kafka=changed, strapi=changed), wait=False) as chain:
        states = chain.journal.connections
        for server in Server:
            await until(partial(_is, states, server, State.REFUSED), 30, f"{server} is refused")
        believed.unlink()
        await until(lambda: all("believed.pem" in state.detail for state in states.values()), 60, "the file is missed")
        believed.write_text(secure_stack.credentials.authority.read_text())
        for server in Server:
            await until(partial(_is, states, server, State.UP), 60, f"{server} is up")


@pytest.mark.parametrize("scheme", ["mqtts", "wss"])
@pytest.mark.parametrize("user", ["object", "publisher", ""])
async def test_what_waits_for_the_engine_is_out_of_every_other_users_reach(
    secure_stack: LocalStack, tmp_path: Path, user: str, scheme: str
) -> None:
    """Mosquitto lets a user take any client id: whoever knows the engine's ends its queue, and no one else does."""
    file = tmp_path / "mqtt-client-id"
    kept = KeptId.of(secured(secure_stack, mqtt={"client_id": "", "client_id_file": str(file)}).mqtt)
    assert kept is not None
    client_id = kept.read_or_make()
    own = secured(secure_stack, mqtt={"client_id": client_id}).mqtt
    async with Session(own, ["event"], lambda *_: None):
        pass
    async with Publisher(_as_user(secure_stack, "object")) as publisher:
        await asyncio.gather(*(publisher.publish("event", b"%d" % number) for number in range(100)))
    addresses = secure_stack.addresses
    url = addresses.mqtt_tcp if scheme == "mqtts" else addresses.mqtt_ws
    for guess in ("opsci-bridge", "opsci-tui", "engine", shown(client_id), client_id[:-1], client_id.upper(), "#", "+"):
        settings = _as_user(secure_stack, user, url=url, client_id=guess)
        with contextlib.suppress(RefusedError):
            await end_session(settings)
    found: list[bytes] = []
    async with Session(own, (), lambda _, chunk: found.extend(message.payload for message in chunk)) as session:
        assert session.kept
        await until(lambda: len(found) >= 100)
    assert sorted(map(int, found)) == list(range(100))
    await end_session(own)
