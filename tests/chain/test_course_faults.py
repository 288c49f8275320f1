"""Mistakes of the course's own stock consumer (facts of the course, lines 4 to 8) that ours does not make."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from bridge.journal import Verdict
from tests.chain.applying import Shop, applying, movement, produce
from tests.chain.lane import until

if TYPE_CHECKING:
    from tests.chain.lane import Lane

BOTH_WAYS = pytest.mark.parametrize("mode", ["ledger", "rest5"])


@BOTH_WAYS
async def test_line_4_it_writes_stock_available_and_not_available_stock(lane: Lane, shop: Shop, mode: str) -> None:
    product = await shop.add(10)
    async with applying(lane.settings(strapi={"mode": mode})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 5)])
        await until(lambda: journal.decided.total == 1)
    row = await shop.row(product)
    assert row["stock_available"] == 15
    assert "available_stock" not in row


@BOTH_WAYS
async def test_line_5_an_out_is_applied_and_only_a_negative_result_refused(lane: Lane, shop: Shop, mode: str) -> None:
    product = await shop.add(10)
    async with applying(lane.settings(strapi={"mode": mode})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, -4), movement(product, -7), movement(product, -6)])
        await until(lambda: journal.decided.total == 3)
        assert journal.reasons == {"insufficient-stock": 1}
    assert await shop.stock(product) == 0


async def test_line_6_strapi_5_has_no_attributes_and_is_read_all_the_same(lane: Lane, shop: Shop) -> None:
    product = await shop.add(1)
    answer = await shop.http.get("/api/products", params={"filters[id][$eq]": product})
    assert "attributes" not in answer.json()["data"][0]
    async with applying(lane.settings(strapi={"mode": "rest5"})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.verdicts[Verdict.APPLIED] == 1)
    assert await shop.stock(product) == 2


@BOTH_WAYS
async def test_line_7_two_movements_at_once_lose_none(lane: Lane, shop: Shop, mode: str) -> None:
    product = await shop.add(0)
    async with applying(lane.settings(strapi={"mode": mode})) as (journal, _):
        await asyncio.gather(*(produce(lane, lane.stock, [movement(product, 1)] * 50) for _ in range(4)))
        await until(lambda: journal.decided.total == 200)
    assert await shop.stock(product) == 200


async def test_line_7_movements_beside_edits_of_another_engine_lose_none(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    # Partitions of two engines that name the same product in two ways: two keys, so two partitions.
    code = str((await shop.row(product))["barcode"])
    async with applying(lane.settings()) as (first, _), applying(lane.settings()) as (second, _):
        await until(lambda: first.lag >= 0 and second.lag >= 0)
        await produce(lane, lane.stock, [movement(product, 1), movement(code, 1)] * 100)
        await until(lambda: first.decided.total + second.decided.total == 200)
    assert await shop.stock(product) == 200


@BOTH_WAYS
async def test_line_7_a_redelivery_counts_once(lane: Lane, shop: Shop, mode: str) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 10)
    for group in (lane.name, f"{lane.name}-again"):
        async with applying(lane.settings(strapi={"mode": mode}, kafka={"group": group})) as (journal, _):
            await until(lambda: journal.decided.total == 10)
    assert journal.verdicts[Verdict.DUPLICATE] == 10
    assert await shop.stock(product) == 10


@BOTH_WAYS
async def test_line_7_a_write_that_fails_goes_to_errors(lane: Lane, shop: Shop, mode: str) -> None:
    product = await shop.add(1)
    async with applying(lane.settings(strapi={"mode": mode})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, -2), movement("no-such-product", 1)])
        await until(lambda: journal.rejected.total == 2)
    records = await lane.records(lane.errors, 2)
    assert {dict(record.headers)["reason"] for record in records} == {b"insufficient-stock", b"unknown-product"}


async def test_line_8_beginning_false_starts_at_the_end_and_a_restart_skips_nothing(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    settings = lane.settings(kafka={"beginning": False})
    await produce(lane, lane.stock, [movement(product, 1)] * 20)
    async with applying(settings) as (journal, apply):
        await until(lambda: apply.idle)
        assert journal.decided.total == 0
    # Nothing came, so nothing was ever settled; what comes while the engine is away is the next record all the same.
    await produce(lane, lane.stock, [movement(product, 1)] * 3)
    async with applying(settings) as (journal, _):
        await until(lambda: journal.decided.total == 3)
    assert await shop.stock(product) == 3


async def test_line_8_beginning_true_starts_at_the_beginning(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    await produce(lane, lane.stock, [movement(product, 1)] * 20)
    async with applying(lane.settings(kafka={"beginning": True})) as (journal, _):
        await until(lambda: journal.decided.total == 20)
    assert await shop.stock(product) == 20
