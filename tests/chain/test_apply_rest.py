"""Apply on a Strapi 5 that is treated as one without the ledger: plain REST."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from bridge.journal import Server, State, Verdict
from bridge.strapi.client import StrapiClient
from bridge.strapi.gateway import ApiKind, detect
from tests.chain.applying import Shop, applying, movement, produce
from tests.chain.lane import until

if TYPE_CHECKING:
    from stack.local import LocalStack
    from tests.chain.lane import Lane

REST5 = {"mode": "rest5"}
WITHOUT_POSITION = {"mode": "rest5", "position_field": ""}


async def test_our_own_strapi_is_recognised_by_its_ledger(lane: Lane) -> None:
    async with StrapiClient(lane.settings().strapi) as client:
        assert await detect(client) is ApiKind.LEDGER


@pytest.mark.parametrize("strapi", [REST5, WITHOUT_POSITION])
async def test_movements_are_judged_one_by_one_and_written_once(
    lane: Lane, shop: Shop, strapi: dict[str, object]
) -> None:
    products = [await shop.add(10) for _ in range(12)]
    codes = [str((await shop.row(product))["barcode"]) for product in products]
    documents = [str((await shop.row(product))["documentId"]) for product in products]
    values = [movement(product, -4) for product in products] * 3 + [movement(code, 5) for code in codes]
    values += [movement(document, 1) for document in documents] + [movement("no-such", 1), movement(999_999_999, 1)]
    async with applying(lane.settings(strapi=strapi)) as (journal, _):
        # One after the other where the order counts, as the three names of a product are three keys.
        await produce(lane, lane.stock, values[:36])
        await until(lambda: journal.decided.total == 36)
        await produce(lane, lane.stock, values[36:])
        await until(lambda: journal.decided.total == len(values))
        assert journal.reasons == {"insufficient-stock": 12, "unknown-product": 2}
        assert ("plain-rest" in journal.notes) is (strapi is WITHOUT_POSITION)
    assert [await shop.stock(product) for product in products] == [10 - 4 - 4 + 5 + 1] * 12


async def test_a_crash_counts_nothing_twice_where_the_row_keeps_the_position(lane: Lane, shop: Shop) -> None:
    products = [await shop.add(0) for _ in range(5)]
    await produce(lane, lane.stock, [movement(product, 1) for product in products] * 40)
    for crash_at in (1, 40, 80):
        settings = lane.settings(strapi=REST5, apply={"batch": 10})
        async with applying(settings, drain=False) as (journal, _):
            await until(lambda crash_at=crash_at: journal.decided.total >= crash_at)  # type: ignore[misc]
    async with applying(lane.settings(strapi=REST5)) as (_, apply):
        await until(lambda: apply.idle)
    assert [await shop.stock(product) for product in products] == [40] * 5


async def test_a_group_that_starts_over_counts_nothing_twice_and_buries_what_was_refused(
    lane: Lane, shop: Shop
) -> None:
    product = await shop.add(3)
    await produce(lane, lane.stock, [movement(product, delta) for delta in (-2, -5, 4)])
    async with applying(lane.settings(strapi=REST5)) as (journal, _):
        await until(lambda: journal.decided.total == 3)
    assert json.loads((await shop.row(product))["movement_position"])
    async with applying(lane.settings(strapi=REST5, kafka={"group": f"{lane.name}-again"})) as (journal, _):
        await until(lambda: journal.decided.total == 3)
        assert journal.verdicts[Verdict.DUPLICATE] == 2
        assert journal.reasons == {"insufficient-stock": 1}
    assert await shop.stock(product) == 5


@pytest.mark.parametrize("strapi", [REST5, WITHOUT_POSITION])
async def test_a_write_without_an_answer_counts_once(
    lane: Lane, shop: Shop, stack: LocalStack, strapi: dict[str, object]
) -> None:
    products = [await shop.add(0) for _ in range(20)]
    async with applying(lane.settings(strapi={**strapi, "timeout": 0.5})) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1) for product in products] * 10)
        for _ in range(3):
            await until(lambda: journal.decided.total > 0)
            stack.pause_server("strapi")
            try:
                await produce(lane, lane.stock, [movement(product, 1) for product in products])
                await until(lambda: journal.connections[Server.STRAPI].state is State.DOWN)
            finally:
                stack.resume_server("strapi")
            await until(lambda: journal.connections[Server.STRAPI].state is State.UP)
        await until(lambda: journal.decided.total == 20 * 13)
        assert journal.verdicts[Verdict.APPLIED] == 20 * 13
    assert [await shop.stock(product) for product in products] == [13] * 20


async def test_a_wrong_stock_field_is_named_and_nothing_is_dropped(lane: Lane, shop: Shop) -> None:
    product = await shop.add(0)
    wrong = {"mode": "rest5", "stock_field": "available_stock"}
    async with applying(lane.settings(strapi=wrong)) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.connections[Server.STRAPI].state is State.REFUSED)
        assert "available_stock" in journal.connections[Server.STRAPI].detail
        assert "strapi.stock_field" in journal.connections[Server.STRAPI].advice
    async with applying(lane.settings(strapi=REST5)) as (journal, _):
        await until(lambda: journal.verdicts[Verdict.APPLIED] == 1)
    assert await shop.stock(product) == 1
