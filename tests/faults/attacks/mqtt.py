"""MQTT: takeover of others' sessions, and topics that a user may not read or write."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer

from tests.faults.attacks.attack import Outcome, attack, held, judged, succeeded
from tests.faults.attacks.target import until
from tests.faults.attacks.wire import Client, Door, Login, get, leave

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.attacks.target import Target

QUEUED: Final = 100
_AT_ONCE: Final = 8
_NO: Final = 128
"""From this code on a CONNACK, a SUBACK or a PUBACK is a refusal (MQTT 5, 2.4)."""


def guesses() -> list[str]:
    """Return a stranger's guesses of the engine's client id."""
    host, user = socket.gethostname(), os.environ.get("USER", "root")
    names = [
        *("opsci-bridge", "opsci", "opsci-engine", "engine", "bridge", "opsci-tui", "tui", "stock-creator", "stock"),
        *("mqtt-kafka-bridge", "mqtt-kafka-connector", "connector", "kafka", "mqtt", "topic", "object", "publisher"),
        *("opsci-bridge-0", "opsci-bridge-1", "opsci-local", "opsci-1", "opsci-second", "opsci-bridge-second"),
    ]
    names += [f"{name}-{about}" for name in ("opsci", "opsci-bridge") for about in (host, user, "127.0.0.1", "1337")]
    return names


async def _steal(target: Target, client_ids: Iterable[str], doors: list[Door]) -> tuple[int, int, int]:
    """Connect under each id, as each stranger, to each listener, in each way that takes over a queue.

    Returns:
        The number of connections tried, connections accepted and messages taken.
    """
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(client_id: str) -> tuple[int, int, int]:
        async with slots:
            return await _steal_one(target, client_id, doors)

    found = await asyncio.gather(*map(one, client_ids))
    tried, entered, taken = (sum(column) for column in zip(*found, strict=True))
    return tried, entered, taken


async def _steal_one(target: Target, client_id: str, doors: list[Door]) -> tuple[int, int, int]:
    tried = entered = taken = 0
    for door in doors:
        for login in target.strangers:
            for clean, version in ((False, 5), (True, 5), (True, 4)):
                tried += 1
                with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                    async with Client(
                        door, client_id, login, clean=clean, version=version, expiry=0 if clean else 60
                    ) as thief:
                        if thief.reason == 0:
                            entered += 1
                            taken += 0 if clean else len(await thief.take(0.3))
    return tried, entered, taken


async def queue_and_steal(target: Target, client_ids: list[str], doors: list[Door] | None = None) -> Outcome:
    """Let movements wait for the engine, try to take them by client ids, and look whether the stock is exact.

    Args:
        target: the chain.
        client_ids: to connect under.
        doors: the listeners to try; None for all that speak MQTT.
    """
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    if doors is None:
        doors = await target.doors()
        assert len(doors) > 1, "no MQTT listeners were found"
    said, breaches = [], []
    expected = 0
    for way in ("the engine away", "Kafka away"):
        if way == "the engine away":
            target.engine.end(signal.SIGKILL)
        else:
            await asyncio.to_thread(target.stack.pause_server, "kafka")
        try:
            queued = await target.move(product, QUEUED)
            expected += queued
            tried, entered, taken = await _steal(target, client_ids, doors)
        finally:
            if way == "Kafka away":
                target.stack.resume_server("kafka")
        await target.start_engine()
        stock = await target.shows(product, expected)
        said.append(f"{way}: {queued} queued, {tried} connections, {entered} let in, stock {stock} of {expected}")
        if stock != expected:
            breaches.append(f"{said[-1]}, {taken} taken")
            expected = stock or 0
    return judged(breaches, f"{len(doors)} listeners; {'; '.join(said)}")


@attack(
    "mqtt-client-id-known",
    "2",
    f"Connect under each client id that the engine's settings, log and metrics name, while {QUEUED} movements wait: "
    "as nobody, `object` and `publisher`, at every listener, taking the queue or throwing it away",
    f"all {QUEUED} movements are applied, with the engine away and with Kafka away",
    seconds=300,
)
async def client_id_known(target: Target) -> Outcome:
    await target.start_engine()
    metrics = Door(target.metrics_port, websockets=False, tls=None)
    ask = f" HTTP/1.1\r\nHost: 127.0.0.1:{metrics.port}\r\n\r\n"
    told = [await get(metrics, f"GET {path}{ask}", 2) for path in ("/metrics", "/readyz")]
    told += [target.engine.said(), target.stack.settings_file.read_text()]
    named = {str(target.settings["mqtt"].get("client_id", "")), *re.findall(r"\bopsci-[\w-]+", "\n".join(told))}
    # What a program of before had by default, and the user's name, which some brokers make the client id.
    named |= {"opsci-bridge", "engine"}
    return await queue_and_steal(target, sorted(named - {""})[:12])


@attack(
    "mqtt-client-id-guessed",
    "2",
    f"The same under {len(guesses())} client ids that a stranger would guess",
    f"all {QUEUED} movements are applied, with the engine away and with Kafka away",
    seconds=400,
)
async def client_id_guessed(target: Target) -> Outcome:
    return await queue_and_steal(target, guesses())


@attack(
    "mqtt-client-id-shown",
    "2",
    "Look for the engine's client id where a stranger may look: every topic and `$SYS/#`, health and metrics, the web "
    "page, process lists, Kafka's headers, files that others may read",
    "it stands nowhere",
)
async def client_id_shown(target: Target) -> Outcome:
    await target.start_engine()
    client_id = target.client_id
    places: dict[str, str] = {}
    async with Client(target.tcp, f"curious-{secrets.token_hex(4)}", target.strangers[-1]) as client:
        await client.subscribe("#", "$SYS/#", "$share/x/#")
        target.engine.end(signal.SIGKILL)
        await target.start_engine()
        places["MQTT"] = repr(await client.take(3))
    metrics = Door(target.metrics_port, websockets=False, tls=None)
    for path in ("/metrics", "/healthz", "/readyz", "/"):
        places[f"the engine's {path}"] = await get(metrics, f"GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", 2)
    login = target.strangers[-1]
    async with target.http(target.stack.addresses.web) as page:
        for path in ("/", "/config.json", "/app.js", "/broker.js"):
            auth = (login.user, login.password) if login.user else None
            places[f"the page's {path}"] = (await page.get(path, auth=auth)).text
    places["Kafka's records"] = await _records(target)
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            places[f"the process list ({file.parent.name})"] = file.read_text(errors="replace")
    if target.stack.paths.state.stat().st_mode & 0o005:
        for file in target.stack.paths.state.rglob("*"):
            if file.is_file() and file.stat().st_mode & 0o004:
                places[file.name] = file.read_text(errors="replace")
    found = [name for name, text in places.items() if client_id in text]
    breaches = [f"{client_id} stands in {', '.join(found)}"] if found else []
    breaches += [f"{client_id} is one of the guesses"] if client_id in guesses() else []
    return judged(breaches, f"an id of {len(client_id)} characters; {len(places)} places, it is in none")


async def _records(target: Target) -> str:
    """Return the headers and keys of the topic of movements, after one movement of this attack."""
    await target.move((await target.make_product(0))["id"], 3)
    options = target.stack.credentials.kafka_options("admin") if target.is_secure else {}
    consumer = AIOKafkaConsumer(
        "stock", bootstrap_servers=target.stack.addresses.kafka, auto_offset_reset="earliest", **options
    )
    await consumer.start()
    try:
        found = await consumer.getmany(timeout_ms=10_000, max_records=5_000)
        return repr([(one.key, one.headers) for records in found.values() for one in records])
    finally:
        await consumer.stop()


@attack(
    "mqtt-publish-without-right",
    "2",
    "Publish as nobody, as `object`, as `publisher` and as `engine` on topics that are not theirs, by PUBLISH and by a "
    "will, over every listener",
    "the broker refuses each, and a stock that a movement names stays",
    profiles=("secured",),
)
async def publish_without_right(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(5))["id"]
    movement = b'{"id":%d,"amount":1000,"type":"IN"}' % product
    tried, breaches, words = 0, [], set()
    for door in await target.doors():
        for login in [*target.strangers, target.login("engine")]:
            allowed = {"object": {"topic", "product", "event"}, "publisher": {"topic"}}.get(login.name, set())
            for topic in {"topic", "product", "event", "$SYS/x", "other", "topic/x", "$share/x/topic"} - allowed:
                tried += 1
                word = await _publish(door, login, topic, movement)
                words.add(word.partition(" ")[0])
                if word == "taken":
                    breaches.append(f"{login.name} published on {topic} at {door}")
            if "topic" not in allowed:
                tried += 1
                with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                    async with Client(door, f"w{secrets.token_hex(4)}", login, will=("topic", movement)) as client:
                        client.break_off()
    await asyncio.sleep(3)
    if (stock := target.stock_of(product)) != 5:
        breaches.append(f"the stock went from 5 to {stock}")
    return judged(breaches, f"{tried} tries: {', '.join(sorted(words))}; the stock stayed")


async def _publish(door: Door, login: Login, topic: str, payload: bytes) -> str:
    try:
        async with Client(door, f"x{secrets.token_hex(4)}", login) as client:
            if client.reason != 0:
                return f"not-connected {client.reason}"
            code = await client.publish(topic, payload)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return "not-connected"
    return "taken" if 0 <= code < _NO else f"refused {code}"


@attack(
    "mqtt-listen-without-right",
    "2",
    "Listen as nobody, as `object` and as `publisher`: to `#`, to each topic, to shared subscriptions and to `$SYS`, "
    "while objects publish",
    "not one message is handed over",
    profiles=("secured",),
)
async def listen_without_right(target: Target) -> Outcome:
    breaches, heard, connected = [], 0, 0
    topics = ("#", "+", "topic", "product", "event", "$share/stock/topic", "$share/x/#", "$SYS/#", "+/+")
    doors = await target.doors()
    for door in doors:
        for login in target.strangers:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with Client(door, f"l{secrets.token_hex(4)}", login) as client:
                    if client.reason != 0:
                        continue
                    connected += 1
                    for topic in topics:
                        await client.subscribe(topic)
                    await target.move(0, 5)
                    found = await client.take(1)
                    heard += len(found)
                    if found:
                        breaches.append(f"{login.name} heard {len(found)} messages at {door}, as on {found[0][0]}")
    return judged(breaches, f"{len(doors)} listeners, {connected} connections were let in, {heard} messages heard")


@attack(
    "mqtt-passwords",
    "new",
    "Guess the passwords of the broker's users: 20 common ones for each user, none, and that of another user",
    "none is right, and the passwords have 20 characters or more",
    profiles=("secured",),
    quick=True,
)
async def passwords(target: Target) -> Outcome:
    users = ("engine", "object", "publisher")
    common = [
        f"{word}{end}" for word in ("", "admin", "opsci", "mqtt", "password", "secret") for end in ("", "1", "123")
    ]
    known = {user: target.login(user).password for user in users}
    tried, breaches = 0, []
    for user in users:
        others = [password for name, password in known.items() if name != user]
        for password in [user, *common, *others]:
            tried += 1
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                async with Client(target.tcp, f"g{secrets.token_hex(4)}", Login(user, user, password)) as client:
                    if client.reason == 0:
                        breaches.append(f"{user} with a guess")
    short = min(len(password) for password in known.values())
    breaches += [f"a password has {short} characters"] if short < 20 else []
    return judged(breaches, f"{tried} guesses, none right; the shortest password has {short} characters")


@attack(
    "mqtt-retained-movement",
    "new",
    "Publish one retained movement and have the engine subscribe again three times: the broker sends it each time",
    "the stock moves once",
    seconds=240,
)
async def retained_movement(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    payload = b'{"id":%d,"amount":1,"type":"IN"}' % product
    name = f"r{secrets.token_hex(4)}"
    try:
        async with Client(target.tcp, name, target.owner) as client:
            await client.publish("topic", payload, retain=True)
        await target.shows(product, 1)
        for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGKILL):
            target.engine.end(number)
            await target.start_engine()
        await target.move(product, 1)
        stock = await target.shows(product, 2, 30)
        await asyncio.sleep(3)
        stock = target.stock_of(product)
    finally:
        async with Client(target.tcp, name, target.owner) as client:
            await client.publish("topic", b"", retain=True)
    seen = f"one retained and one plain movement, three restarts: the stock is {stock}"
    return held(seen) if stock == 2 else succeeded(f"{seen}, and 2 were sent")


@attack(
    "mqtt-malformed-packets",
    "new",
    "Send 200 packets of random bytes, cut and overlong ones, with and without a connection",
    "the broker and the engine go on, and a movement is applied afterwards",
    seconds=180,
)
async def malformed_packets(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    before = target.pid_of("mosquitto"), target.engine.pid
    doors = await target.doors()
    for number in range(200):
        door = doors[number % len(doors)]
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port, ssl=door.tls)
            kind = (0x10, 0x30, 0x32, 0x62, 0x82, 0xA2, 0xC0, 0xE0, 0xF0, 0x00)[number % 10]
            length = (b"\x05", b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff\xff", b"\x00", b"\x7f")[number % 5]
            writer.write(bytes((kind,)) + length + os.urandom(number))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(64), 0.05)
            await leave(writer)
    sent = await target.move(product, 10)
    stock = await target.shows(product, 10)
    after = target.pid_of("mosquitto"), target.engine.pid
    breaches = [f"{sent} of 10 movements were taken afterwards, and {stock} applied"] if stock != 10 else []
    breaches += ["a process is another one"] if before != after or not Path(f"/proc/{before[0]}").exists() else []
    return judged(breaches, "200 packets; both run on, and 10 of 10 movements were applied afterwards")


@attack(
    "mqtt-page-as-form",
    "new",
    "A foreign page posts the bytes of a CONNECT and a PUBLISH to every port of the chain, as a form can (HTTP to a "
    "server that speaks something else)",
    "no movement counts",
    seconds=180,
)
async def page_as_form(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(5))["id"]
    movement = b'{"id":%d,"amount":1000,"type":"IN"}' % product
    connect = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01e"
    publish = b"\x30" + bytes((7 + len(movement),)) + b"\x00\x05topic" + movement
    body = connect + publish
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://evil.example\r\nContent-Length: {len(body)}\r\n\r\n"
    from tests.faults.attacks.target import listening

    ports = sorted({port for _, port in listening(target.processes())})
    for port in ports:
        for tls in [None, target.tls] if target.tls else [None]:
            with contextlib.suppress(OSError, TimeoutError):
                reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, ssl=tls), 5)
                writer.write(head.encode() + body)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(64), 0.5)
                await leave(writer)
    await asyncio.sleep(2)
    stock = target.stock_of(product)
    seen = f"{len(ports)} ports ({json.dumps(ports)}), the stock is {stock}"
    return held(seen) if stock == 5 else succeeded(f"{seen}, and was 5")


@attack(
    "mqtt-idle-connections",
    "new",
    "Open 300 connections to the broker that never say a word",
    "an object's movement is taken meanwhile, and applied",
    seconds=180,
)
async def idle_connections(target: Target) -> Outcome:
    await target.start_engine()
    product = (await target.make_product(0))["id"]
    writers = []
    try:
        for _ in range(300):
            with contextlib.suppress(OSError, TimeoutError):
                _, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", target.tcp.port), 5)
                writers.append(writer)
        sent = await asyncio.wait_for(target.move(product, 10), 30)
        stock = await target.shows(product, 10, 30)
    finally:
        for writer in writers:
            writer.transport.abort()
    seen = f"{len(writers)} idle connections, {sent} of 10 movements taken, {stock} applied meanwhile"
    await until(lambda: True, 1, "")
    return held(seen) if stock == 10 else succeeded(seen)
