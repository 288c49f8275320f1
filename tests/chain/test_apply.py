"""Apply on the real Kafka and the real Strapi with the ledger."""

from __future__ import annotations

import asyncio
import gc
import json
import random
from typing import TYPE_CHECKING

import httpx
import msgspec

from bridge.journal import Server, State, Verdict
from bridge.route import Route, RouteKind
from bridge.strapi.client import StrapiClient
from tests.chain.applying import Shop, applying, movement, produce
from tests.chain.lane import until

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local import LocalStack
    from tests.chain.lane import Lane


async def test_a_movement_changes_the_stock_and_the_journey_says_so(lane: Lane, shop: Shop) -> None:
    product = await shop.add(41)
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 5)])
        await until(lambda: journal.decided.total == 1)
        journey = journal.strapi.get(0)
        assert journal.connections[Server.STRAPI].state is State.UP
    assert journey is not None
    assert journey.verdict is Verdict.APPLIED
    assert (journey.product_id, journey.product_name) == (product, "Lamp")
    assert (journey.stock_before, journey.stock_after) == (41, 46)
    assert await shop.stock(product) == 46


async def test_every_verdict_is_told_and_what_is_refused_is_in_errors(lane: Lane, shop: Shop) -> None:
    product = await shop.add(3)
    values = [
        movement(product, -5),
        movement(999_999_999, 1),
        movement(product, 2_147_483_647),
        movement(product, 2),
        b"Hello mqtt0",
        None,
        movement(product, 1),
        movement(product, 7),
    ]
    names = [f"{lane.name}-{place}" for place in range(len(values))]
    names[6] = names[7] = names[3]
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.stock, values[:1], names=names[:1])
        await until(lambda: journal.decided.total == 1)
        for place, value in enumerate(values[1:], start=1):
            await produce(lane, lane.stock, [value], names=[names[place]])
            await until(lambda place=place: journal.decided.total == place + 1)  # type: ignore[misc]
        reasons = dict(journal.reasons)
        texts = [letter.journey.rejection.text for letter in journal.errors.slice(0, 99) if letter.journey.rejection]
    assert reasons == {
        "insufficient-stock": 1,
        "unknown-product": 1,
        "over-limit": 1,
        "not-json": 1,
        "empty-payload": 1,
        "conflict": 2,
    }
    assert texts[0] == "stock is 3, the movement takes 5"
    assert texts[1] == "no product has the id, documentId or barcode '999999999'"
    assert await shop.stock(product) == 5
    records = await lane.records(lane.errors, 7)
    assert json.loads(records[0].value) == {"error": texts[0], "message": values[0].decode() if values[0] else ""}
    origins = [dict(record.headers)["origin"].decode() for record in records]
    assert all(origin.startswith(f"kafka {lane.stock}/") for origin in origins)


async def test_a_thousand_movements_end_in_what_a_plain_computation_gives(lane: Lane, shop: Shop) -> None:
    chance = random.Random(7)  # noqa: S311 - the same numbers at every run
    stocks = {await shop.add(stock): stock for stock in range(0, 100, 5)}
    start = dict(stocks)
    moves = [(chance.choice(list(stocks)), chance.choice([-40, -9, -3, 1, 5, 12])) for _ in range(1000)]
    async with applying(lane.settings()) as (journal, _):
        for product in stocks:
            # One key a product, so one order.
            await produce(lane, lane.stock, [movement(product, delta) for name, delta in moves if name == product])
        await until(lambda: journal.decided.total == 1000)
        refused = journal.reasons.get("insufficient-stock", 0)
    expected_refused = 0
    for product, delta in moves:
        if stocks[product] + delta < 0:
            expected_refused += 1
        else:
            stocks[product] += delta
    assert {product: await shop.stock(product) for product in stocks} == stocks != start
    assert refused == expected_refused > 0


async def test_a_poison_movement_keeps_no_other_back(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    values = [movement(product, 1) for _ in range(20)]
    # A lone surrogate is JSON and a product reference, and no text that a database keeps.
    values[11] = b'{"id":"\\ud800","amount":1,"type":"IN"}'
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.stock, values)
        await until(lambda: journal.decided.total == 20)
        assert journal.verdicts[Verdict.APPLIED] == 19
        assert journal.verdicts[Verdict.REJECTED] == 1
    assert await shop.stock(product) == 19


async def test_a_crash_before_the_commit_counts_nothing_twice(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 300)
    for crash_at in (1, 30, 90):
        async with applying(lane.settings(apply={"batch": 7}), drain=False) as (journal, _):
            await until(lambda crash_at=crash_at: journal.decided.total >= crash_at)  # type: ignore[misc]
    async with applying(lane.settings()) as (journal, apply):
        await until(lambda: apply.idle)
        assert journal.verdicts[Verdict.REJECTED] == 0
    assert await shop.stock(product) == 300


async def test_two_replicas_share_the_work_and_hand_over_without_a_loss(lane: Lane, shop: Shop) -> None:
    products = [await shop.add(0) for _ in range(30)]
    values = [movement(product, 1) for product in products] * 10
    settings = lane.settings(apply={"batch": 50})
    rounds = 0
    async with applying(settings) as (first, _):
        await until(lambda: first.lag >= 0)
        async with applying(settings) as (second, _), asyncio.timeout(60):
            while not (second.decided.total and first.decided.total):
                await produce(lane, lane.stock, values)
                rounds += 1
        await produce(lane, lane.stock, values)
        rounds += 1
        await until(lambda: first.verdicts[Verdict.APPLIED] + second.verdicts[Verdict.APPLIED] == rounds * 300)
    assert [await shop.stock(product) for product in products] == [rounds * 10] * 30


async def test_strapi_goes_and_comes_back_and_nothing_is_lost(lane: Lane, shop: Shop, stack: LocalStack) -> None:
    product = await shop.add(0)
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)] * 10)
        await until(lambda: journal.decided.total == 10)
        stack.kill_server("strapi")
        await produce(lane, lane.stock, [movement(product, 1)] * 10)
        await until(lambda: journal.connections[Server.STRAPI].state is State.DOWN)
        assert journal.notes["apply"] == "10 movements wait for Strapi"
        await asyncio.to_thread(stack.start_server, "strapi")
        await until(lambda: journal.decided.total == 20)
        assert "apply" not in journal.notes
        assert journal.connections[Server.STRAPI].state is State.UP
    assert await shop.stock(product) == 20


async def test_a_strapi_that_does_not_answer_is_asked_again_and_counts_once(
    lane: Lane, shop: Shop, stack: LocalStack
) -> None:
    product = await shop.add(0)
    async with applying(lane.settings(strapi={"timeout": 1})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.decided.total == 1)
        stack.pause_server("strapi")
        try:
            await produce(lane, lane.stock, [movement(product, 1)] * 30)
            await until(lambda: journal.connections[Server.STRAPI].state is State.DOWN)
        finally:
            stack.resume_server("strapi")
        await until(lambda: journal.decided.total == 31)
        assert journal.verdicts[Verdict.APPLIED] == 31
    assert await shop.stock(product) == 31


async def test_kafka_goes_and_comes_back_and_nothing_is_lost(lane: Lane, shop: Shop, stack: LocalStack) -> None:
    product = await shop.add(0)
    async with applying(lane.settings()) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)] * 10)
        await until(lambda: journal.decided.total == 10)
        stack.kill_server("kafka")
        await asyncio.to_thread(stack.start_server, "kafka")
        await produce(lane, lane.stock, [movement(product, 1)] * 10)
        await until(lambda: journal.verdicts[Verdict.APPLIED] == 20)
    assert await shop.stock(product) == 20


async def test_a_token_that_strapi_does_not_know_stops_and_the_right_one_heals(
    lane: Lane, shop: Shop, stack: LocalStack, tmp_path: Path
) -> None:
    product = await shop.add(0)
    file = tmp_path / "bridge.token"
    file.write_text("wrong")
    async with applying(lane.settings(strapi={"token": "", "token_file": str(file)})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.connections[Server.STRAPI].state is State.REFUSED)
        assert str(file) in journal.connections[Server.STRAPI].advice
        assert journal.decided.total == 0
        file.write_text(stack.bridge_token)
        await until(lambda: journal.decided.total == 1)
        assert journal.connections[Server.STRAPI].state is State.UP
    assert await shop.stock(product) == 1


async def test_a_read_only_token_keeps_the_work_in_hand(lane: Lane, shop: Shop, stack: LocalStack) -> None:
    product = await shop.add(0)
    async with applying(lane.settings(strapi={"token": stack.read_token})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.connections[Server.STRAPI].state is State.REFUSED)
        assert "right" in journal.connections[Server.STRAPI].advice
    async with applying(lane.settings()) as (journal, _):
        await until(lambda: journal.verdicts[Verdict.APPLIED] == 1)
    assert await shop.stock(product) == 1


async def test_pause_leaves_the_records_in_kafka_and_resume_takes_them(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    async with applying(lane.settings()) as (journal, apply):
        await until(lambda: apply.idle)
        apply.pause()
        assert journal.connections[Server.STRAPI].state is State.PAUSED
        await produce(lane, lane.stock, [movement(product, 1)] * 5)
        await until(lambda: journal.lag == 5 or journal.decided.total)
        assert journal.decided.total == 0
        apply.resume()
        await until(lambda: journal.decided.total == 5)
        await until(lambda: apply.idle and journal.lag == 0)


async def test_a_topic_that_is_not_there_yet_is_said_and_the_others_are_read(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings()
    missing = Route("", f"{lane.name}.missing", RouteKind.MOVEMENT)
    settings = msgspec.structs.replace(settings, routes=[*settings.routes, missing])
    async with applying(settings) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.decided.total == 1)
        await until(lambda: "topics" in journal.notes)
        assert missing.kafka in journal.notes["topics"]
    assert await shop.stock(product) == 1


async def test_no_kafka_at_all_is_said_and_a_stop_is_quick(lane: Lane, unused_tcp_port: int) -> None:
    async with asyncio.timeout(10):
        async with applying(lane.settings(kafka={"brokers": [f"127.0.0.1:{unused_tcp_port}"]})) as (journal, apply):
            await until(lambda: "no Kafka broker answers" in journal.notes.get("consume", ""))
            assert not apply.idle


async def test_an_answer_is_freed_once_it_is_read(lane: Lane) -> None:
    async with StrapiClient(lane.settings().strapi) as client:
        await client.get("/api/products")
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                await client.get("/api/products")
            left = [found for found in gc.get_objects() if isinstance(found, httpx.Response)]
        finally:
            gc.enable()
    assert len(left) < 3
