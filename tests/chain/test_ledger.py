"""The ledger's route on the real Strapi: each movement counts once, with concurrent requests and crashes.

Each on SQLite and on PostgreSQL, which have different locks and errors.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from bridge.journal import Journey
from bridge.movement import Movement
from bridge.settings import StrapiSettings
from bridge.strapi.client import StrapiClient
from bridge.strapi.ledger import Ledger, Outcome
from bridge.text import is_storable, length_of
from tests.chain import postgres
from tests.chain.applying import Shop
from tests.chain.postgres import PostgresStack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from stack.local import LocalStack

BATCH = "/api/stock-movements/batch"
MOST = 2_147_483_647


@pytest.fixture(scope="module")
def on_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresStack]:
    with postgres.running() as server, PostgresStack(tmp_path_factory.mktemp("postgres"), server) as made:
        yield made


@pytest.fixture(params=["sqlite", "postgres"])
def strapi(request: pytest.FixtureRequest) -> LocalStack:
    """A Strapi on either database."""
    name = {"sqlite": "stack", "postgres": "on_postgres"}[request.param]
    found: LocalStack = request.getfixturevalue(name)
    return found


@pytest.fixture
async def shop(strapi: LocalStack) -> AsyncIterator[Shop]:
    made = Shop(strapi.addresses.strapi, strapi.bridge_token)
    async with made.http:
        yield made


def entry(product: int | str, delta: int, name: str = "") -> dict[str, Any]:
    movement_id = name or uuid.uuid4().hex
    kind = "IN" if delta > 0 else "OUT"
    return {"movement_id": movement_id, "product": str(product), "amount": abs(delta), "type": kind}


async def post(shop: Shop, *movements: dict[str, Any]) -> list[dict[str, Any]]:
    # In ASCII, which has an escape for half a surrogate pair too.
    body = json.dumps({"movements": movements})
    answer = await shop.http.post(BATCH, content=body, headers={"Content-Type": "application/json"})
    verdicts: list[dict[str, Any]] = answer.raise_for_status().json()["verdicts"]
    assert [verdict["movement_id"] for verdict in verdicts] == [movement["movement_id"] for movement in movements]
    return verdicts


async def test_a_batch_is_judged_in_the_order_sent(shop: Shop) -> None:
    product = await shop.add(41)
    first, refused = entry(product, 5), entry(product, -100)
    verdicts = await post(
        shop,
        first,
        first,
        {**first, "amount": 6},
        refused,
        refused,
        entry("no such product", 1),
        entry(product, MOST),
        entry(product, -46),
    )
    assert [(v["verdict"], v["stock_before"], v["stock_after"], v.get("first_verdict")) for v in verdicts] == [
        ("applied", 41, 46, None),
        ("duplicate", 41, 46, "applied"),
        ("conflict", None, None, None),
        ("insufficient-stock", 46, 46, None),
        ("duplicate", 46, 46, "insufficient-stock"),
        ("unknown-product", None, None, None),
        ("over-limit", 46, 46, None),
        ("applied", 46, 0, None),
    ]
    assert await shop.stock(product) == 0
    (again,) = await post(shop, first)
    assert (again["verdict"], again["stock_after"]) == ("duplicate", 46)


async def test_a_product_is_found_by_id_then_document_id_then_barcode(shop: Shop) -> None:
    product = await shop.add(0)
    row = await shop.row(product)
    misleading = await shop.add(0, barcode=str(product))
    padded = await shop.add(0, barcode=f"0{product}")
    names = [str(product), row["documentId"], row["barcode"], f"0{product}"]
    verdicts = await post(shop, *(entry(name, 1) for name in names))
    assert [verdict["product"]["id"] for verdict in verdicts] == [product, product, product, padded]
    assert verdicts[0]["product"] == {"id": product, "documentId": row["documentId"], "name": row["name"]}
    assert await shop.stock(misleading) == 0


@pytest.mark.parametrize("digits", [8, 13])
async def test_of_two_products_with_a_number_for_a_barcode_the_older_is_meant(shop: Shop, digits: int) -> None:
    barcode = f"1{uuid.uuid4().int % 10 ** (digits - 1):0{digits - 1}}"
    older, newer = await shop.add(0, barcode=barcode), await shop.add(0, barcode=barcode)
    verdicts = await post(shop, entry(newer, 5), entry(barcode, 1), entry(barcode, 2))
    assert [verdict["product"]["id"] for verdict in verdicts] == [newer, older, older]
    assert (await shop.stock(older), await shop.stock(newer)) == (3, 5)


async def test_a_stock_that_was_never_set_counts_as_none(shop: Shop) -> None:
    product = await shop.add(0, stock_available=None)
    (verdict,) = await post(shop, entry(product, 3))
    assert (verdict["stock_before"], verdict["stock_after"]) == (0, 3)


async def test_the_change_shows_in_the_product_and_in_the_ledger(shop: Shop) -> None:
    product = await shop.add(1)
    before = await shop.row(product)
    sent = {**entry(product, 4), "source": "stock/3@128"}
    await post(shop, sent)
    after = await shop.row(product)
    assert after["updatedAt"] > before["updatedAt"]
    assert after["createdAt"] == before["createdAt"]
    query = {"filters[movement_id][$eq]": sent["movement_id"], "sort": "createdAt:desc"}
    (row,) = (await shop.http.get("/api/stock-movements", params=query)).raise_for_status().json()["data"]
    assert {key: row[key] for key in sent} == sent
    assert (row["verdict"], row["stock_before"], row["stock_after"], row["product_id"]) == ("applied", 1, 5, product)
    assert row["createdAt"] == after["updatedAt"]
    (await shop.http.get(f"/api/stock-movements/{row['documentId']}")).raise_for_status()


async def test_two_hundred_batches_at_once_lose_nothing_and_count_nothing_twice(shop: Shop) -> None:
    products = [await shop.add(1000) for _ in range(5)]
    chance = random.Random(7)  # noqa: S311
    batches = [[entry(chance.choice(products), chance.choice([-7, 5])) for _ in range(10)] for _ in range(100)]
    # Each batch twice, as a rebalance may have it.
    answers = await asyncio.gather(*(post(shop, *batch) for batch in batches * 2))
    verdicts = [verdict for answer in answers for verdict in answer]
    applied = [verdict for verdict in verdicts if verdict["verdict"] == "applied"]
    assert len(applied) == 1000
    assert sum(verdict.get("first_verdict") == "applied" for verdict in verdicts) == 1000
    for product in products:
        changes = [v["stock_after"] - v["stock_before"] for v in applied if v["product"]["id"] == product]
        assert await shop.stock(product) == 1000 + sum(changes)


async def test_a_kill_in_the_middle_of_batches_leaves_each_whole_or_undone(shop: Shop, strapi: LocalStack) -> None:
    product = await shop.add(0)
    batches = [[entry(product, 1) for _ in range(500)] for _ in range(12)]
    answered = asyncio.Event()

    async def send(batch: list[dict[str, Any]]) -> bool:
        # What the kill interrupts is the one thing that may go wrong here, and the first pass leaves it so.
        with contextlib.suppress(httpx.TransportError):
            await post(shop, *batch)
            answered.set()
            return True
        return False

    sending = [asyncio.create_task(send(batch)) for batch in batches]
    await asyncio.wait_for(answered.wait(), 60)
    await asyncio.to_thread(strapi.kill_server, "strapi")
    through = await asyncio.gather(*sending)
    await asyncio.to_thread(strapi.start_server, "strapi")
    assert not all(through), "the kill came after the last batch"
    kept = await shop.stock(product)
    assert kept % 500 == 0
    assert kept >= 500 * sum(through)
    for batch in batches:
        assert len({verdict["verdict"] for verdict in await post(shop, *batch)}) == 1
    assert await shop.stock(product) == 6000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": 0}, "amount must be a whole number"),
        ({"amount": "5"}, "amount must be a whole number"),
        ({"amount": 1.5}, "amount must be a whole number"),
        ({"amount": MOST + 1}, "amount must be a whole number"),
        ({"type": "in"}, "type must be IN or OUT"),
        ({"product": 12}, "product must be a text of 1 to 255 characters"),
        ({"product": "\U0001f4a1" * 128}, "product must be a text of 1 to 255 characters"),
        ({"product": "half \ud83d"}, "product must be a text of 1 to 255 characters"),
        ({"movement_id": ""}, "movement_id must be a text of 1 to 255 characters"),
        ({"movement_id": "a\0b"}, "movement_id must be a text of 1 to 255 characters"),
        ({"source": "s" * 2_001}, "source must be a text of at most 2000 characters"),
        ({"ammount": 5}, 'there is no field "ammount"'),
    ],
)
async def test_a_malformed_movement_is_refused_alone(shop: Shop, change: dict[str, Any], reason: str) -> None:
    product = await shop.add(1)
    malformed = {**entry(product, 4), **change}
    verdicts = await post(shop, entry(product, 1), malformed, entry(product, 2))
    assert [verdict["verdict"] for verdict in verdicts] == ["applied", "refused", "applied"]
    assert reason in verdicts[1]["reason"]
    assert verdicts[1]["product"] is verdicts[1]["stock_after"] is None
    assert await shop.stock(product) == 4
    # It is not recorded, so that what was meant can still be sent under its id.
    if set(change) == {"amount"}:
        (meant,) = await post(shop, {**malformed, "amount": 3})
        assert (meant["verdict"], meant["stock_after"]) == ("applied", 7)


async def test_what_is_no_movement_at_all_is_refused_alone(shop: Shop) -> None:
    product = await shop.add(1)
    answer = await shop.http.post(BATCH, json={"movements": [None, 7, [], {}, entry(product, 1)]})
    verdicts = answer.raise_for_status().json()["verdicts"]
    assert [verdict["verdict"] for verdict in verdicts] == ["refused"] * 4 + ["applied"]
    assert [verdict["movement_id"] for verdict in verdicts[:4]] == [None] * 4


@pytest.mark.parametrize("character", ["\U0001f4a1", "\U0010fffd", "e", "\u4e00"])
async def test_texts_have_as_many_characters_as_strapi_itself_takes(shop: Shop, character: str) -> None:
    start = uuid.uuid4().hex
    name = start + character * ((255 - len(start)) // length_of(character))
    product = await shop.add(0, barcode=name, name=name)
    refused = await shop.http.post("/api/products", json={"data": {"name": name + character}})
    assert (refused.status_code, is_storable(name), is_storable(name + character)) == (400, True, False)
    sent = {**entry(name, 5, name), "source": "stock/3@128"}
    applied, longer = await post(shop, sent, {**entry(product, 7), "movement_id": name + character})
    assert (applied["verdict"], applied["product"]["id"], applied["product"]["name"]) == ("applied", product, name)
    assert longer["verdict"] == "refused"
    (again,) = await post(shop, sent)
    assert again["verdict"] == "duplicate"
    assert await shop.stock(product) == 5


async def test_the_engine_asks_once_for_a_batch_with_a_malformed_movement(shop: Shop, strapi: LocalStack) -> None:
    product = await shop.add(0)
    name = uuid.uuid4().hex
    movements = [Movement("a\0b" if number == 50 else str(product), 1, "IN") for number in range(100)]
    journeys = [
        Journey(f"{name}{number}", b"", movement=movement, kafka_topic="stock", partition=0, offset=number)
        for number, movement in enumerate(movements)
    ]
    settings = StrapiSettings(url=strapi.addresses.strapi, token=strapi.bridge_token)
    asked: list[str] = []

    class Counting(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request.url.path)
            return await super().handle_async_request(request)

    async with StrapiClient(settings, Counting()) as client:
        decisions = await Ledger(client).apply(journeys)
    assert asked == [BATCH]
    assert [number for number, made in enumerate(decisions) if made.outcome is Outcome.REFUSED] == [50]
    assert "product must be a text" in decisions[50].text
    assert await shop.stock(product) == 99


@pytest.mark.parametrize("body", [[], {}, {"movements": None}, {"movements": [entry(1, 1)] * 1001}])
async def test_a_body_that_is_no_batch_is_refused(shop: Shop, body: object) -> None:
    answer = await shop.http.post(BATCH, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["path"] == ["movements"]


async def test_an_empty_batch_is_no_mistake(shop: Shop) -> None:
    assert await post(shop) == []


async def account(shop: Shop, topic: str) -> list[tuple[int, int, int]]:
    answer = await shop.http.get("/api/stock-movements/positions")
    found = answer.raise_for_status().json()["positions"]
    return [(one["partition"], one["first"], one["next"]) for one in found if one["topic"] == topic]


def settled(topic: str, first: int, end: int, partition: int = 0, **more: object) -> dict[str, Any]:
    return {"topic": topic, "partition": partition, "first": first, "next": end, **more}


async def test_offsets_are_kept_account_of_with_the_batch_and_gaps_are_said(shop: Shop) -> None:
    product, topic = await shop.add(0), f"t{uuid.uuid4().hex}"

    async def send(*ranges: dict[str, Any]) -> int:
        body = {"movements": [entry(product, 1)], "positions": ranges}
        answer = (await shop.http.post(BATCH, json=body)).raise_for_status().json()
        assert len(answer["verdicts"]) == 1
        return int(answer["gaps"])

    assert await send(settled(topic, 100, 110), settled(topic, 0, 5, 1)) == 0
    assert await send(settled(topic, 110, 120)) == 0
    assert await account(shop, topic) == [(0, 100, 120), (1, 0, 5)]
    # What is settled again, and what lies before all that is known, changes nothing.
    assert await send(settled(topic, 105, 115), settled(topic, 5, 5, 1)) == 0
    assert await send(settled(topic, 10, 20)) == 0
    assert await account(shop, topic) == [(0, 100, 120), (1, 0, 5)]
    assert await send(settled(topic, 130, 140)) == 1
    assert await send(settled(topic, 140, 150)) == 1
    assert await account(shop, topic) == [(0, 100, 120), (0, 130, 150), (1, 0, 5)]
    assert await send(settled(topic, 120, 125)) == 1
    assert await send(settled(topic, 123, 131)) == 0
    assert await account(shop, topic) == [(0, 100, 150), (1, 0, 5)]
    assert await send(settled(topic, 0, 2, anew=True)) == 0
    assert await account(shop, topic) == [(0, 0, 2), (1, 0, 5)]
    # No ledger that has movements takes a position for its beginning.
    assert await send(settled(topic, 7, 8, 2, begin=0)) == 0
    assert await account(shop, topic) == [(0, 0, 2), (1, 0, 5), (2, 7, 8)]


async def test_batches_at_once_leave_one_account(shop: Shop) -> None:
    topic = f"t{uuid.uuid4().hex}"
    ranges = [settled(topic, first, first + 5, partition) for first in range(0, 50, 5) for partition in range(3)]
    # The second time each range is there already, and changes nothing.
    for sent in (random.sample(ranges, len(ranges)), ranges):
        answers = await asyncio.gather(
            *(shop.http.post(BATCH, json={"movements": [], "positions": [one]}) for one in sent)
        )
        assert {answer.status_code for answer in answers} == {200}
        # An account begins with the range that came first, so what lies before that is not in it.
        found = await account(shop, topic)
        assert [(partition, end) for partition, _, end in found] == [(0, 50), (1, 50), (2, 50)]


@pytest.mark.parametrize(
    "positions",
    [
        {},
        [1],
        [settled("t", 1, 0)],
        [settled("t", -1, 0)],
        [settled("", 0, 1)],
        [settled("t", 0, 1), settled("t", 1, 2)],
        [settled("t", 0, 1, begin="0")],
    ],
)
async def test_positions_that_are_none_are_refused_and_nothing_is_applied(shop: Shop, positions: object) -> None:
    product = await shop.add(0)
    answer = await shop.http.post(BATCH, json={"movements": [entry(product, 1)], "positions": positions})
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["path"] == ["positions"]
    assert await shop.stock(product) == 0


async def test_the_tokens_may_do_what_they_are_for_and_no_more(shop: Shop, strapi: LocalStack) -> None:
    row = await shop.row(await shop.add(1))
    product = f"/api/products/{row['documentId']}"
    assert (await shop.http.delete(product)).status_code == 403
    for method in ("POST", "PUT", "DELETE"):
        where = "/api/stock-movements" if method == "POST" else "/api/stock-movements/any"
        assert (await shop.http.request(method, where, json={"data": {}})).status_code == 405
    reader = {"Authorization": f"Bearer {strapi.read_token}"}
    for kind in ("products", "events", "readings", "stock-movements"):
        (await shop.http.get(f"/api/{kind}", headers=reader)).raise_for_status()
    assert (await shop.http.post(BATCH, json={"movements": []}, headers=reader)).status_code == 403
    assert (await shop.http.get("/api/stock-movements/positions", headers=reader)).status_code == 403
    assert (await shop.http.put(product, json={"data": {"name": "x"}}, headers=reader)).status_code == 403
    assert (await shop.http.get("/api/products", headers={"Authorization": "Bearer no"})).status_code == 401


def test_the_database_itself_holds_each_entry_to_once(stack: LocalStack) -> None:
    with contextlib.closing(sqlite3.connect(stack.paths.state / "strapi" / "data.db")) as database:
        for table, column in (("stock_movements", "movement_id"), ("events", "source"), ("readings", "source")):
            value = uuid.uuid4().hex
            database.execute(f"INSERT INTO {table} ({column}) VALUES (?)", [value])  # noqa: S608
            with pytest.raises(sqlite3.IntegrityError, match=f"UNIQUE constraint failed: {table}.{column}"):
                database.execute(f"INSERT INTO {table} ({column}) VALUES (?)", [value])  # noqa: S608
            database.rollback()
