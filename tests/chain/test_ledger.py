"""The ledger's route on the real Strapi: each movement once, whoever asks at the same time, whatever dies.

Each on SQLite and on PostgreSQL, which lock and refuse in ways of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

import httpx
import pytest

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
    answer = await shop.http.post(BATCH, json={"movements": movements})
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
    await asyncio.wait_for(answered.wait(), 30)
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
    ("change", "path"),
    [
        ({"amount": 0}, ["movements", 1, "amount"]),
        ({"amount": "5"}, ["movements", 1, "amount"]),
        ({"amount": 1.5}, ["movements", 1, "amount"]),
        ({"amount": MOST + 1}, ["movements", 1, "amount"]),
        ({"type": "in"}, ["movements", 1, "type"]),
        ({"product": 12}, ["movements", 1, "product"]),
        ({"movement_id": ""}, ["movements", 1, "movement_id"]),
        ({"movement_id": "a\0b"}, ["movements", 1, "movement_id"]),
        ({"ammount": 5}, ["movements", 1, "ammount"]),
    ],
)
async def test_a_malformed_batch_is_refused_whole(shop: Shop, change: dict[str, Any], path: list[object]) -> None:
    product = await shop.add(1)
    movements = [entry(product, 1), {**entry(product, 1), **change}]
    answer = await shop.http.post(BATCH, json={"movements": movements})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["name"] == "ValidationError"
    assert [fault["path"] for fault in error["details"]["errors"]] == [path]
    assert await shop.stock(product) == 1


@pytest.mark.parametrize("body", [[], {}, {"movements": None}, {"movements": [entry(1, 1)] * 1001}])
async def test_a_body_that_is_no_batch_is_refused(shop: Shop, body: object) -> None:
    answer = await shop.http.post(BATCH, json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["path"] == ["movements"]


async def test_an_empty_batch_is_no_mistake(shop: Shop) -> None:
    assert await post(shop) == []


async def test_the_tokens_may_do_what_they_are_for_and_no_more(shop: Shop, strapi: LocalStack) -> None:
    row = await shop.row(await shop.add(1))
    product = f"/api/products/{row['documentId']}"
    assert (await shop.http.delete(product)).status_code == 403
    for method in ("POST", "PUT", "DELETE"):
        where = "/api/stock-movements" if method == "POST" else "/api/stock-movements/any"
        assert (await shop.http.request(method, where, json={"data": {}})).status_code == 405
    reader = {"Authorization": f"Bearer {strapi.read_token}"}
    for kind in ("products", "events", "stock-movements"):
        (await shop.http.get(f"/api/{kind}", headers=reader)).raise_for_status()
    assert (await shop.http.post(BATCH, json={"movements": []}, headers=reader)).status_code == 403
    assert (await shop.http.put(product, json={"data": {"name": "x"}}, headers=reader)).status_code == 403
    assert (await shop.http.get("/api/products", headers={"Authorization": "Bearer no"})).status_code == 401


def test_the_database_itself_holds_movements_and_events_to_once(stack: LocalStack) -> None:
    with contextlib.closing(sqlite3.connect(stack.places.state / "strapi" / "data.db")) as database:
        for table, column in (("stock_movements", "movement_id"), ("events", "source")):
            value = uuid.uuid4().hex
            database.execute(f"INSERT INTO {table} ({column}) VALUES (?)", [value])  # noqa: S608
            with pytest.raises(sqlite3.IntegrityError, match=f"UNIQUE constraint failed: {table}.{column}"):
                database.execute(f"INSERT INTO {table} ({column}) VALUES (?)", [value])  # noqa: S608
            database.rollback()
