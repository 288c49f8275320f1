"""Third-party clients that publish and read as the course's programs do."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from bridge.journal import Verdict
from stack.install import kafka_libs
from stack.paths import Paths
from tests.chain.clients import run_client
from tests.chain.engine import engine
from tests.chain.lane import until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chain.lane import Lane


@pytest.mark.timeout(600)
async def test_mqtt_js_as_the_web_client_moves_the_stock(lane: Lane, clients: Path) -> None:
    product = await lane.make_product(41)
    payload = json.dumps({"id": product["id"], "amount": 5, "type": "IN"})
    async with engine(lane.settings()) as chain:
        await run_client(clients, "mqtt_movement.mjs", lane.stack.addresses.mqtt_ws, lane.mqtt_topic, payload)
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
    assert await lane.stock_of(product) == 46


async def test_mqtt_js_as_the_test_scripts_makes_dead_letters(lane: Lane, clients: Path) -> None:
    async with engine(lane.settings()) as chain:
        await run_client(clients, "mqtt_text.mjs", lane.stack.addresses.mqtt_ws, lane.mqtt_topic, "3")
        await until(lambda: chain.journal.rejected.total == 3)
    letters = [json.loads(record.value) for record in await lane.records(lane.errors, 3)]
    assert [letter["message"] for letter in letters] == ["Hello mqtt0", "Hello mqtt1", "Hello mqtt2"]


async def test_kafkajs_as_the_stock_producer_moves_the_stock(lane: Lane, clients: Path) -> None:
    product = await lane.make_product(50)
    values = [
        json.dumps({"id": str(product["id"]), "amount": "40", "type": "OUT"}),
        json.dumps({"id": str(product["id"]), "amount": "7", "type": "IN"}),
        json.dumps({"id": str(product["id"]), "amount": "18", "type": "OUT"}),
        json.dumps({"id": str(product["id"]), "amount": "0", "type": "OUT"}),
    ]
    async with engine(lane.settings()) as chain:
        await run_client(clients, "kafka_produce.mjs", lane.stack.addresses.kafka, lane.stock, *values)
        await until(lambda: chain.journal.decided.total == 4)
        assert chain.journal.reasons == {"insufficient-stock": 1, "zero-amount": 1}
    assert await lane.stock_of(product) == 17


async def test_kafkajs_as_the_product_and_event_producers(lane: Lane, clients: Path) -> None:
    product = {
        "name": f"{lane.name} bike",
        "description": "made of rubber",
        "stock_available": 11,
        "barcode": lane.name,
        "status": "safe",
    }
    event = {"value": f"{lane.name} said", "metadata": '{"firewall":"COM"}'}
    broker = lane.stack.addresses.kafka
    async with engine(lane.settings()) as chain:
        await run_client(clients, "kafka_produce.mjs", broker, lane.product, json.dumps(product))
        await run_client(clients, "kafka_produce.mjs", broker, lane.event, json.dumps(event))
        await until(lambda: chain.journal.verdicts[Verdict.CARRIED] == 2)
    async with lane.strapi() as client:
        products = (await client.get("/api/products", params={"filters[barcode][$eq]": lane.name})).json()["data"]
        events = (await client.get("/api/events", params={"filters[value][$eq]": event["value"]})).json()["data"]
    assert [(found["name"], found["stock_available"]) for found in products] == [(product["name"], 11)]
    assert [found["metadata"] for found in events] == [{"firewall": "COM"}]


async def test_kafkas_own_consumer_reads_what_we_produce(lane: Lane) -> None:
    product = await lane.make_product(1)
    payload = b'{"id":%d,"amount":2,"type":"IN"}' % product["id"]
    async with engine(lane.settings()) as chain:
        journey = await chain.publish(payload)
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
    process = await asyncio.create_subprocess_exec(
        "java",
        "-cp",
        f"{kafka_libs(Paths.of())}/*",
        "org.apache.kafka.tools.consumer.ConsoleConsumer",
        *("--bootstrap-server", lane.stack.addresses.kafka, "--topic", lane.stock, "--from-beginning"),
        *("--max-messages", "1", "--timeout-ms", "20000"),
        *("--property", "print.key=true", "--property", "print.headers=true"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    headers, key, value = said.decode().splitlines()[0].split("\t")
    assert f"movement-id:{journey.movement_id}" in headers
    assert f"mqtt-topic:{lane.mqtt_topic}" in headers
    assert (key, value) == (str(product["id"]), payload.decode())


async def test_strapis_official_client_reads_the_stock(lane: Lane, clients: Path) -> None:
    product = await lane.make_product(3)
    async with engine(lane.settings()) as chain:
        await chain.publish(b'{"id":%d,"amount":4,"type":"IN"}' % product["id"])
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 1)
    said = await run_client(clients, "strapi_stock.mjs", f"{lane.stack.addresses.strapi}/api", lane.stack.read_token)
    rows = [json.loads(line) for line in said.splitlines()]
    assert {"id": product["id"], "name": product["name"], "stock": 7} in rows
