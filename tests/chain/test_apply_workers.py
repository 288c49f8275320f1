"""Several requests in flight on the real servers: never two of one partition, and each product's order kept."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import bridge.kafka.fetching
import bridge.strapi.batch_size
from bridge.errors import ServerError, UnreachableError
from bridge.journal import Journey, Verdict
from bridge.kafka.consumer import Consumer
from bridge.movement import Movement
from bridge.phrase import Phrase
from bridge.settings import StrapiSettings
from bridge.strapi.client import StrapiClient
from bridge.strapi.gateway import StockGateway
from bridge.strapi.ledger import LEDGER_ROUTE
from tests.chain.applying import Shop, applying, movement, produce
from tests.chain.lane import until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.chain.lane import Lane


_FOR_EVER = 3600.0
"""Seconds: longer than any machine takes, so that no clock decides what a test sees."""


@pytest.fixture(autouse=True)
def _no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches as large as configured, however slow Strapi is here, and a detected backlog last."""
    monkeypatch.setattr(bridge.strapi.batch_size, "_AIM", _FOR_EVER)
    monkeypatch.setattr(bridge.kafka.fetching, "_BACKLOG", _FOR_EVER)


class Requests:
    """Observes requests to the ledger on their way to the real Strapi.

    Args:
        monkeypatch: the test's.
        together: each request after the first one, which has all partitions, is held until this many are in flight.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, together: int = 1) -> None:
        self.under_way: list[set[str]] = []
        self.most = 0
        self.sizes: list[int] = []
        self.overlapping = 0
        met = asyncio.Event()
        call = StrapiClient.call

        async def watched(client: StrapiClient, method: str, path: str, body: Any = None, **more: Any) -> Any:
            if path != LEDGER_ROUTE or not body["movements"]:
                return await call(client, method, path, body, **more)
            places = {one["source"].split("@")[0] for one in body["movements"]}
            self.overlapping += any(places & others for others in self.under_way)
            self.under_way.append(places)
            self.sizes.append(len(body["movements"]))
            self.most = max(self.most, len(self.under_way))
            if self.most >= together:
                met.set()
            try:
                if len(self.sizes) > 1:
                    await asyncio.wait_for(met.wait(), 60)
                return await call(client, method, path, body, **more)
            finally:
                self.under_way.remove(places)

        monkeypatch.setattr(StrapiClient, "call", watched)


async def in_and_out(lane: Lane, shop: Shop, products: int, times: int) -> list[int]:
    """Movements of single pieces in and out, of which one would be refused if the order changed."""
    made = [await shop.add(0) for _ in range(products)]
    values = [movement(one, delta) for _ in range(times) for one in made for delta in (1, -1)]
    # By number, as by key some partition may have no product.
    partitions = [place % 6 for _ in range(times) for place in range(products) for _ in range(2)]
    await produce(lane, lane.stock, values, partitions=partitions)
    return made


@pytest.mark.parametrize("requests", [1, 2, 4])
async def test_as_many_requests_as_set_each_of_other_partitions_and_in_order(
    lane: Lane, shop: Shop, monkeypatch: pytest.MonkeyPatch, requests: int
) -> None:
    seen = Requests(monkeypatch, together=requests)
    made = await in_and_out(lane, shop, products=24, times=40)
    async with applying(lane.settings(apply={"batch": 50, "requests": requests})) as (journal, apply):
        await until(lambda: journal.decided.total == 24 * 80)
        assert journal.verdicts[Verdict.APPLIED] == 24 * 80
        await until(lambda: apply.idle)
    assert seen.most == requests
    assert seen.overlapping == 0
    assert max(seen.sizes) <= 50
    assert [await shop.stock(one) for one in made] == [0] * 24


async def test_where_no_batch_is_full_one_request_at_a_time_carries_all_partitions(
    lane: Lane, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Requests(monkeypatch)
    made = [await shop.add(0) for _ in range(24)]
    async with applying(lane.settings(apply={"requests": 4})) as (journal, _):
        for count in range(1, 9):
            # Less than the smallest full batch, on its way at once.
            await produce(lane, lane.stock, [movement(one, 1) for one in made for _ in range(3)])
            await until(lambda: journal.decided.total == 72 * count)  # noqa: B023
    assert [await shop.stock(one) for one in made] == [24] * 24
    assert seen.most == 1


async def test_plain_rest_has_one_writer_whatever_is_set(
    lane: Lane, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = await shop.add(0)
    barcode = (await shop.row(product))["barcode"]
    puts: set[str] = set()
    twice = 0
    call = StrapiClient.call

    async def watched(client: StrapiClient, method: str, path: str, body: Any = None, **more: Any) -> Any:
        nonlocal twice
        if method != "PUT":
            return await call(client, method, path, body, **more)
        twice += path in puts
        puts.add(path)
        try:
            return await call(client, method, path, body, **more)
        finally:
            puts.discard(path)

    monkeypatch.setattr(StrapiClient, "call", watched)
    # One product under two keys, so in two partitions as a rule: read and written side by side, one would be lost.
    values = [movement(name, 1) for _ in range(50) for name in (product, barcode)]
    settings = lane.settings(strapi={"mode": "rest5"}, apply={"batch": 5, "requests": 4})
    async with applying(settings) as (journal, _):
        await produce(lane, lane.stock, values)
        await until(lambda: journal.decided.total == 100)
    assert not twice
    assert await shop.stock(product) == 100


async def test_a_batch_that_became_too_large_meanwhile_goes_in_parts_in_order(
    lane: Lane, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Taken by the size before, asked for by the size after.
    sizes = itertools.cycle([60, 7])
    monkeypatch.setattr(StockGateway, "size", property(lambda _: next(sizes)))
    seen = Requests(monkeypatch)
    await in_and_out(lane, shop, products=1, times=100)
    async with applying(lane.settings()) as (journal, _):
        await until(lambda: journal.decided.total == 200)
        assert journal.verdicts[Verdict.APPLIED] == 200
    assert 7 in seen.sizes


async def test_a_lane_that_can_not_go_on_waits_for_the_others_and_nothing_counts_twice(
    lane: Lane, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By plain REST without a position a request cut short could be counted again.
    settings = lane.settings(strapi={"mode": "rest5", "position_field": "none"}, apply={"batch": 4, "requests": 3})
    made = [await shop.add(0) for _ in range(12)]
    await produce(lane, lane.stock, [movement(one, 1) for _ in range(20) for one in made])
    failures = 0
    commit = Consumer.commit

    async def failing(consumer: Consumer, positions: Mapping[tuple[str, int], int]) -> bool:
        nonlocal failures
        done = await commit(consumer, positions)
        if failures < 3:
            failures += 1
            raise ServerError("kafka", Phrase("the consumer can't go on: {error}", error="test"))
        return done

    monkeypatch.setattr(Consumer, "commit", failing)
    async with applying(settings) as (_, apply):
        await until(lambda: failures == 3 and apply.idle)
    assert [await shop.stock(one) for one in made] == [20] * 12


async def test_a_strapi_that_answers_many_too_late_is_asked_for_fewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.strapi.batch_size, "_AIM", 0.001)
    asked: list[int] = []

    async def respond(request: httpx.Request) -> httpx.Response:
        if request.method != "POST":
            return httpx.Response(
                200, json={"data": [], "meta": {"pagination": {"page": 1, "pageSize": 100, "pageCount": 0, "total": 0}}}
            )
        movements = httpx.Response(200, content=request.content).json()["movements"]
        asked.append(len(movements))
        if len(movements) > 30:
            await asyncio.sleep(0.01)
            raise httpx.ReadTimeout("")
        verdicts = [{"movement_id": one["movement_id"], "verdict": "unknown-product"} for one in movements]
        return httpx.Response(200, json={"verdicts": verdicts})

    journeys = [
        Journey(f"m{place}", b"", movement=Movement("12", 5, "IN"), kafka_topic="stock", partition=0, offset=place)
        for place in range(100)
    ]
    settings = StrapiSettings(url="http://strapi.example", mode="ledger", token="t")
    async with StrapiClient(settings, httpx.MockTransport(respond)) as client:
        stock = StockGateway(client, 500)
        for _ in range(2):
            with pytest.raises(UnreachableError):
                await stock.apply(journeys)
        assert len(await stock.apply(journeys)) == 25
    assert asked == [100, 50, 25]
