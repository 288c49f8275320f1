"""The stock table on the real Strapi: all products for a screen, at little cost where there are many."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

import bridge.strapi.product_poller
from bridge.chain import Chain
from bridge.journal import Journal, Server, State
from bridge.strapi.client import StrapiClient
from bridge.strapi.product_poller import ProductPoller
from bridge.strapi.products import read_latest, read_pages
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bridge.settings import Settings
    from bridge.strapi.products import Row
    from tests.chain.applying import Shop
    from tests.chain.lane import Lane


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The queries to the real Strapi."""
    queries: list[dict[str, Any]] = []
    call = StrapiClient.call

    async def watched(client: StrapiClient, method: str, path: str, *rest: Any, **more: Any) -> Any:
        queries.append(dict(more.get("query") or {}))
        return await call(client, method, path, *rest, **more)

    monkeypatch.setattr(StrapiClient, "call", watched)
    return queries


@contextlib.asynccontextmanager
async def reading(settings: Settings, *, whole: bool = True) -> AsyncIterator[Journal]:
    journal = Journal()
    task = asyncio.create_task(ProductPoller(settings, journal, whole=whole).run())
    try:
        yield journal
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def settings_of(lane: Lane) -> Settings:
    return lane.settings(apply={"enabled": False}, strapi={"refresh": 0.05})


async def test_what_another_program_wrote_is_shown(lane: Lane, shop: Shop) -> None:
    product = await shop.add(41, name="Board lamp")
    async with reading(settings_of(lane)) as journal:
        await until(lambda: journal.stock.get(product) is not None)
        assert journal.connections[Server.STRAPI].state is State.UP
        document = (await shop.row(product))["documentId"]
        await shop.http.put(f"/api/products/{document}", json={"data": {"stock_available": 36, "statuss": "danger"}})
        await until(lambda: (found := journal.stock.get(product)) is not None and found.stock == 36)
        found = journal.stock.get(product)
        assert found is not None
        assert (found.name, found.status, found.last_change) == ("Board lamp", "danger", -5)


async def test_what_is_deleted_is_gone_at_the_next_look_and_all_are_read_only_then(
    lane: Lane, shop: Shop, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.strapi.product_poller, "_WHOLE", 3600.0)
    monkeypatch.setattr(bridge.strapi.product_poller, "_REST", 0)
    product = await shop.add(1)

    def whole() -> int:
        return sum(query.get("sort") == "id" and "filters[id][$gt]" not in query for query in asked)

    async with reading(settings_of(lane)) as journal:
        await until(lambda: journal.stock.get(product) is not None)
        looks = len(asked)
        await until(lambda: len(asked) > looks + 5)
        assert whole() == 1
        lane.delete_product(product)
        await until(lambda: journal.stock.get(product) is None)
        assert whole() == 2


async def test_among_many_all_are_read_again_only_after_a_long_while(
    lane: Lane, shop: Shop, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bridge.strapi.product_poller, "_WHOLE", 0.0)
    monkeypatch.setattr(bridge.strapi.product_poller, "_REST", 10**9)
    await shop.add(1)
    async with reading(settings_of(lane)) as journal:
        await until(lambda: len(journal.stock) > 0)
        lane.delete_product(await shop.add(1))
        looks = len(asked)
        await until(lambda: len(asked) > looks + 5)
    assert sum(query.get("sort") == "id" and "filters[id][$gt]" not in query for query in asked) == 1


async def test_the_first_products_are_there_before_the_last_are_read(
    lane: Lane, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await shop.add(1)
    there: list[int] = []

    async def pages(client: StrapiClient) -> AsyncIterator[list[Row]]:
        async for rows in read_pages(client, size=2):
            yield rows
            there.append(len(journal.stock))

    monkeypatch.setattr(bridge.strapi.product_poller, "read_pages", pages)
    async with reading(settings_of(lane)) as journal:
        await until(lambda: len(journal.stock) == journal.stock.total > 3)
    assert there[:2] == [2, 4]


async def test_where_nobody_looks_only_their_number_is_asked(
    lane: Lane, shop: Shop, asked: list[dict[str, Any]]
) -> None:
    await shop.add(1)
    async with reading(settings_of(lane), whole=False) as journal:
        await until(lambda: len(asked) > 3)
        assert journal.connections[Server.STRAPI].state is State.UP
        assert journal.stock.total > 0
        assert len(journal.stock) == 0
    assert {query["pagination[pageSize]"] for query in asked} == {1}


async def test_where_nobody_looks_strapi_is_not_asked_while_it_answers_apply(
    lane: Lane, shop: Shop, asked: list[dict[str, Any]]
) -> None:
    await shop.add(1)
    async with reading(settings_of(lane), whole=False) as journal:
        await until(lambda: journal.stock.total > 0)
        before = len(asked)
        begun = asyncio.get_running_loop().time()
        for _ in range(100):
            journal.decided.add(1)
            await asyncio.sleep(0.02)
        # One may have been under way, and beside it they are counted every ten seconds.
        allowed = 2 + 2 * int((asyncio.get_running_loop().time() - begun) // 10)
        assert len(asked) <= before + allowed
        before = len(asked)
        await until(lambda: len(asked) > before + 2)


async def test_an_engine_without_a_screen_that_applies_nothing_leaves_strapi_alone(
    lane: Lane, asked: list[dict[str, Any]]
) -> None:
    journal = Journal()
    chain = Chain(lane.settings(apply={"enabled": False}), journal, board=False)
    running = asyncio.create_task(chain.run())
    try:
        await until(lambda: all(journal.connections[one].state is State.UP for one in (Server.MQTT, Server.KAFKA)))
        assert journal.connections[Server.STRAPI].state is State.OFF
        assert asked == []
    finally:
        chain.stop()
        await running


async def test_each_page_begins_behind_the_last_id_and_all_come_once(
    lane: Lane, shop: Shop, asked: list[dict[str, Any]]
) -> None:
    made = [await shop.add(number, name="Paged") for number in range(7)]
    async with StrapiClient(lane.settings().strapi) as client:
        pages = [rows async for rows in read_pages(client, {"filters[id][$gte]": made[0]}, size=3)]
        _, total = await read_latest(client, 1)
        whole = [row.id async for rows in read_pages(client) for row in rows]
    ids = [row.id for rows in pages for row in rows]
    assert ids == sorted(set(ids))
    assert set(made) <= set(ids)
    assert max(map(len, pages)) == 3
    assert len(whole) == len(set(whole)) == total
    assert not any("pagination[page]" in query for query in asked)


async def test_a_token_that_strapi_refuses_is_said(lane: Lane) -> None:
    async with reading(lane.settings(apply={"enabled": False}, strapi={"token": "wrong"})) as journal:
        await until(lambda: journal.connections[Server.STRAPI].state is State.REFUSED)
