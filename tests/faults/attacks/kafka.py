"""Kafka from outside: without a user, with a wrong one, and with the bridge's user beyond its rights."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from tests.faults.attacks.attack import Outcome, attack, judged
from tests.faults.attacks.target import resident, until
from tests.faults.attacks.wire import leave

if TYPE_CHECKING:
    from tests.faults.attacks.target import Target


@attack(
    "kafka-without-name",
    "7",
    "Connect to Kafka in clear, over TLS without a name, and by SASL with wrong and with the broker's MQTT passwords",
    "no topic can be listed, read or written",
    profiles=("secured",),
)
async def without_name(target: Target) -> Outcome:
    tls = {"ssl_context": target.stack.credentials.trust()}
    mqtt = target.login("engine").password
    ways: dict[str, dict[str, Any]] = {"in clear": {}, "TLS without a name": {"security_protocol": "SSL", **tls}}
    for user, password in (("bridge", "wrong"), ("bridge", mqtt), ("admin", "admin"), ("broker", mqtt), ("", "")):
        for mechanism in ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"):
            ways[f"{user or 'no user'} by {mechanism}"] = {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": mechanism,
                "sasl_plain_username": user,
                "sasl_plain_password": password,
                **tls,
            }
    breaches, seen = [], set()
    for name, options in ways.items():
        try:
            await asyncio.wait_for(_list(target, options), 8)
        except (KafkaError, OSError, TimeoutError, ValueError) as error:
            seen.add(type(error).__name__)
        else:
            breaches.append(name)
    return judged(breaches, f"{len(ways)} ways, none let in ({', '.join(sorted(seen))})")


async def _list(target: Target, options: dict[str, Any]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=target.stack.addresses.kafka, request_timeout_ms=5_000, **options)
    try:
        await admin.start()
        await admin.list_topics()
    finally:
        with contextlib.suppress(KafkaError, OSError):
            await admin.close()


@attack(
    "kafka-bridge-beyond",
    "7",
    "As the engine's user: write and read another topic, make and delete topics, read Kafka's own, join another group, "
    "delete the group, read the configuration",
    "each is refused",
    profiles=("secured",),
)
async def bridge_beyond(target: Target) -> Outcome:
    server = target.stack.addresses.kafka
    as_admin, as_bridge = (target.stack.credentials.kafka_options(user) for user in ("admin", "bridge"))
    owner = AIOKafkaAdminClient(bootstrap_servers=server, **as_admin)
    await owner.start()
    try:
        await owner.create_topics([NewTopic("attacked-secret", 1, 1)])
    finally:
        await owner.close()
    breaches: list[str] = []
    seen: list[str] = []

    async def tries(what: str, doing: Any, refused: Any = None) -> None:
        try:
            answer = await asyncio.wait_for(doing, 10)
        except (KafkaError, TimeoutError) as error:
            seen.append(f"{what}: {type(error).__name__}")
            return
        if refused is not None and refused(answer):
            seen.append(f"{what}: refused")
        else:
            breaches.append(what)

    bridge = AIOKafkaAdminClient(bootstrap_servers=server, **as_bridge)
    await bridge.start()
    try:
        made = bridge.create_topics([NewTopic("attacked-mine", 1, 1)])
        await tries("make a topic", made, lambda answer: all(code for _, code, *_ in answer.topic_errors))
        gone = bridge.delete_topics(["stock"])
        await tries("delete a topic", gone, lambda answer: all(code for _, code, *_ in answer.topic_error_codes))
        await tries("see another topic", bridge.list_topics(), lambda topics: "attacked-secret" not in topics)
    finally:
        await bridge.close()
    for topic in ("attacked-secret", "__consumer_offsets"):
        await tries(f"write {topic}", _write(server, topic, as_bridge))
        await tries(f"read {topic}", _read(server, topic, None, as_bridge), lambda records: records is None)
    await tries("join another group", _read(server, "stock", "attackers", as_bridge), lambda records: records is None)
    return judged(breaches, "; ".join(seen))


async def _write(server: str, topic: str, options: dict[str, Any]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=server, request_timeout_ms=5_000, **options)
    try:
        await producer.start()
        await producer.send_and_wait(topic, b"evil")
    finally:
        with contextlib.suppress(TimeoutError, KafkaError):
            await asyncio.wait_for(producer.stop(), 3)


async def _read(server: str, topic: str, group: str | None, options: dict[str, Any]) -> Any:
    """Return what a consumer reads of a topic; None if it reads nothing within some seconds."""
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=server, group_id=group, auto_offset_reset="earliest", **options
    )
    try:
        await consumer.start()
        return (await consumer.getmany(timeout_ms=4_000)) or None
    finally:
        with contextlib.suppress(TimeoutError, KafkaError):
            await asyncio.wait_for(consumer.stop(), 3)


@attack(
    "kafka-controller",
    "new",
    "Speak to Kafka's controller, whose word is the cluster's: in clear, and over TLS without its certificate",
    "no answer to a request (secured); on loopback alone (plain)",
    profiles=("secured",),
)
async def controller(target: Target) -> Outcome:
    request = bytes.fromhex("0000000f 0012 0000 00000001 0005") + b"opsci"
    breaches, seen = [], []
    for name, tls in (("in clear", None), ("TLS without a certificate", target.stack.credentials.trust())):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", target.stack.ports.kafka_controller, ssl=tls)
            writer.write(request)
            answer = await asyncio.wait_for(reader.read(4), 6)
            await leave(writer)
        except (OSError, ssl.SSLError, TimeoutError) as error:
            seen.append(f"{name}: {type(error).__name__}")
            continue
        if len(answer) == 4 and tls is not None:
            breaches.append(name)
        seen.append(f"{name}: {len(answer)} bytes")
    return judged(breaches, "; ".join(seen))


@attack(
    "kafka-large-requests",
    "new",
    "Open 20 connections to Kafka, which has 512 MB of heap, that each announce 100 MB and send four bytes of it",
    "the same process serves on, and a movement is applied afterwards",
    seconds=180,
)
async def large_requests(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    pid = target.pid_of("kafka")
    writers = []
    try:
        for _ in range(20):
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", target.stack.ports.kafka, ssl=target.tls)
                writers.append(writer)
                writer.write((100_000_000).to_bytes(4, "big") + b"\0\x03\0\x0c")
        await asyncio.sleep(5)
        alive = Path(f"/proc/{pid}").exists() and target.stack.is_alive("kafka")
        await target.move(product, 10)
        stock = await target.shows(product, 10, 30) if alive else None
    finally:
        for writer in writers:
            writer.transport.abort()
        if not target.stack.is_alive("kafka"):
            await asyncio.to_thread(target.stack.start_server, "kafka")
            await until(lambda: target.stack.is_alive("kafka"), 60, "Kafka does not start again")
    breaches = [] if alive else ["Kafka ended (out of memory)"]
    breaches += [] if stock == 10 else [f"{stock} of 10 movements were applied afterwards"]
    return judged(breaches, f"{len(writers)} connections; Kafka has the same process, 10 of 10 movements were applied")


@attack(
    "kafka-compression-bomb",
    "new",
    "Write into the topic of movements, as one who may, a batch of 400 kB that is 300 MB once it is unpacked (gzip)",
    "the engine stays under 500 MB, and a movement behind it is applied",
    seconds=240,
)
async def compression_bomb(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    options = target.stack.credentials.kafka_options("bridge") if target.is_secure else {}
    producer = AIOKafkaProducer(
        bootstrap_servers=target.stack.addresses.kafka,
        compression_type="gzip",
        max_request_size=400_000_000,
        max_batch_size=400_000_000,
        request_timeout_ms=60_000,
        **options,
    )
    before = resident([target.engine.pid])
    packed = len(zlib.compress(bytes(1_000_000))) * 300 // 1000
    await producer.start()
    try:
        sent = producer.send_and_wait("stock", bytes(300_000_000), partition=0)
        word = "taken by Kafka"
        try:
            await asyncio.wait_for(sent, 90)
        except (KafkaError, TimeoutError) as error:
            word = f"not taken by Kafka ({type(error).__name__})"
    finally:
        with contextlib.suppress(TimeoutError, KafkaError):
            await asyncio.wait_for(producer.stop(), 5)
    peak = before
    for _ in range(100):
        peak = max(peak, resident([target.engine.pid]))
        await asyncio.sleep(0.1)
    pid = target.engine.pid
    await target.move(product, 10)
    stock = await target.shows(product, 10, 60)
    # The next attack's account is of an engine that has not grown yet.
    target.engine.end()
    seen = (
        f"{packed} kB, {word}; the engine from {before:.0f} to at most {peak:.0f} MB; {stock} of 10 applied afterwards"
    )
    breaches = [] if peak < 500 and stock == 10 and pid else [seen]
    return judged(breaches, seen)
