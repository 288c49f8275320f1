"""The routes `product`, `event` and `reading`, and the stock table, on the real Strapi."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
import pytest
from aiokafka.admin import NewTopic

from bridge.command.check import check_strapi
from bridge.journal import Verdict
from bridge.route import Route, RouteKind
from tests.chain.applying import Shop, applying, movement, produce
from tests.chain.lane import until
from tests.chain.topics import administering

if TYPE_CHECKING:
    from tests.chain.lane import Lane


async def test_a_product_is_made_then_changed_and_keeps_its_stock(lane: Lane, shop: Shop) -> None:
    barcode = f"0{uuid.uuid4().int % 10**12}"
    product = {"name": "Gloves", "description": "d", "stock_available": 11, "barcode": barcode, "status": "safe"}
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.product, [json.dumps(product).encode()])
        await until(lambda: journal.decided.total == 1)
        await produce(lane, lane.stock, [movement(barcode, -4)])
        await until(lambda: journal.decided.total == 2)
        again = {**product, "name": "Mittens", "status": "danger"}
        await produce(lane, lane.product, [json.dumps(again).encode(), b"no product"])
        await until(lambda: journal.decided.total == 4)
        assert journal.verdicts[Verdict.CARRIED] == 2
        assert journal.verdicts[Verdict.REJECTED] == 1
    answer = await shop.http.get("/api/products", params={"filters[barcode][$eq]": barcode})
    (row,) = answer.json()["data"]
    assert (row["name"], row["statuss"], row["stock_available"]) == ("Mittens", "danger", 7)


@pytest.mark.parametrize(
    ("fields", "stored"),
    [
        ({"status": "danger"}, "danger"),
        ({"statuss": "danger"}, "danger"),
        ({"status": "safe", "statuss": "danger"}, "danger"),
        ({"status": ""}, None),
        ({"status": None}, None),
    ],
)
async def test_our_strapi_takes_the_status_by_its_old_name_too(
    shop: Shop, fields: dict[str, object], stored: str | None
) -> None:
    # What the course's product-consumer sends.
    product = {"name": "Towels", "description": "d", "stock_available": 5, "barcode": "5", **fields}
    made = await shop.http.post("/api/products", json={"data": product})
    assert (made.status_code, made.json()["data"]["statuss"]) == (201, stored)
    document = made.json()["data"]["documentId"]
    await shop.http.put(f"/api/products/{document}", json={"data": {"statuss": "empty"}})
    changed = await shop.http.put(f"/api/products/{document}", json={"data": fields})
    assert (changed.status_code, changed.json()["data"]["statuss"]) == (200, stored)


@pytest.mark.parametrize("data", [{"status": "unheard of"}, {"state": "safe"}, None, [], "safe"])
async def test_our_strapi_still_refuses_what_is_no_product(shop: Shop, data: object) -> None:
    answer = await shop.http.post("/api/products", json={"data": data})
    assert answer.status_code == 400


async def test_an_event_is_stored_once_with_its_metadata_decoded(lane: Lane, shop: Shop) -> None:
    value = f"we back up {lane.name}"
    record = json.dumps({"value": value, "metadata": '{"firewall":"COM"}'}).encode()
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.event, [record])
        await until(lambda: journal.decided.total == 1)
    async with applying(lane.settings(kafka={"group": f"{lane.name}-again"})) as (journal, _):
        await until(lambda: journal.decided.total == 1)
        assert journal.verdicts[Verdict.CARRIED] == 1
    answer = await shop.http.get("/api/events", params={"filters[value][$eq]": value})
    (event,) = answer.json()["data"]
    assert event["metadata"] == {"firewall": "COM"}
    assert event["source"].startswith(f"{lane.event}/0@0/")


async def test_a_reading_is_stored_once_and_checked_beforehand(lane: Lane, shop: Shop) -> None:
    topic, sensor = f"{lane.name}-reading", f"cold-room {lane.name}"
    async with administering(lane.stack) as admin:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    settings = msgspec.structs.replace(
        lane.settings(), routes=[*lane.settings().routes, Route(f"{lane.name}/reading", topic, RouteKind.READING)]
    )
    assert all([finding.ok async for finding in check_strapi(settings) if "readings" in finding.what])
    before = time.time()
    async with applying(settings) as (journal, _):
        await produce(lane, topic, [json.dumps({"sensor": sensor, "value": -18.4, "unit": "°C"}).encode(), b"{}"])
        await until(lambda: journal.decided.total == 2)
        assert (journal.verdicts[Verdict.CARRIED], journal.verdicts[Verdict.REJECTED]) == (1, 1)
    kafka = msgspec.structs.replace(settings.kafka, group=f"{lane.name}-again")
    async with applying(msgspec.structs.replace(settings, kafka=kafka)) as (journal, _):
        await until(lambda: journal.decided.total == 2)
    answer = await shop.http.get("/api/readings", params={"filters[sensor][$eq]": sensor})
    (reading,) = answer.json()["data"]
    assert (reading["value"], reading["unit"], reading["source"].split("/")[0]) == (-18.4, "°C", topic)
    assert before - 1 <= datetime.fromisoformat(reading["in_kafka_at"]).timestamp() <= time.time()
