"""Apply on a real Strapi 4, the version for which the course's programs were written."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from bridge.journal import Server, State, Verdict
from bridge.strapi.client import StrapiClient
from bridge.strapi.gateway import ApiKind, detect
from tests.chain.applying import Shop, applying, movement, produce
from tests.chain.lane import until
from tests.chain.strapi4 import Strapi4, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from bridge.settings import Settings
    from tests.chain.lane import Lane

# The first run installs it.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def strapi4(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strapi4]:
    with running(tmp_path_factory.mktemp("strapi4")) as strapi:
        yield strapi


@pytest.fixture
async def shop(strapi4: Strapi4) -> AsyncIterator[Shop]:
    shop = Shop(strapi4.url, strapi4.token)
    async with shop.http:
        yield shop


@pytest.fixture
def settings(lane: Lane, strapi4: Strapi4) -> Settings:
    return lane.settings(strapi={"url": strapi4.url, "token": strapi4.token})


async def test_it_is_recognised_once_it_has_a_product(shop: Shop, settings: Settings) -> None:
    async with StrapiClient(settings.strapi) as client:
        answer = await shop.http.get("/api/products")
        assert answer.json()["data"] == []
        assert await detect(client) is None
        await shop.add(1)
        assert await detect(client) is ApiKind.REST4


async def test_in_and_out_change_the_stock_and_each_is_judged(lane: Lane, shop: Shop, settings: Settings) -> None:
    products = [await shop.add(10) for _ in range(10)]
    codes = [(await shop.row(product))["barcode"] for product in products]
    values = [movement(product, delta) for product in products for delta in (5, -4, -12)]
    async with applying(settings) as (journal, _):
        await produce(lane, lane.stock, values)
        await until(lambda: journal.decided.total == 30)
        await produce(lane, lane.stock, [movement(code, 1) for code in codes] + [movement(999_999, 1)])
        await until(lambda: journal.decided.total == 41)
        assert journal.verdicts[Verdict.APPLIED] == 30
        assert journal.reasons == {"insufficient-stock": 10, "unknown-product": 1}
        assert "a crash can count a movement twice" in journal.notes["plain-rest"]
    assert [await shop.stock(product) for product in products] == [12] * 10


async def test_many_movements_at_once_lose_none(lane: Lane, shop: Shop, settings: Settings) -> None:
    products = [await shop.add(0) for _ in range(20)]
    async with applying(settings) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1) for product in products] * 50)
        await until(lambda: journal.decided.total == 1000)
    assert [await shop.stock(product) for product in products] == [50] * 20


async def test_a_field_that_it_does_not_have_is_named_and_not_silently_dropped(
    lane: Lane, shop: Shop, strapi4: Strapi4
) -> None:
    product = await shop.add(1)
    wrong = {"url": strapi4.url, "token": strapi4.token, "stock_field": "available_stock"}
    async with applying(lane.settings(strapi=wrong)) as (journal, _):
        await produce(lane, lane.stock, [movement(product, 1)])
        await until(lambda: journal.connections[Server.STRAPI].state is State.REFUSED)
        assert "strapi.stock_field" in journal.connections[Server.STRAPI].advice
    assert await shop.stock(product) == 1


async def test_a_product_record_sets_the_status_under_its_old_name(lane: Lane, shop: Shop, settings: Settings) -> None:
    barcode = f"4{time.time_ns()}"
    record = {"name": "Towels", "stock_available": 5, "barcode": barcode, "status": "danger"}
    async with applying(settings) as (journal, _):
        await produce(lane, lane.product, [json.dumps(record).encode()])
        await until(lambda: journal.decided.total == 1)
        assert journal.verdicts[Verdict.CARRIED] == 1
    answer = await shop.http.get("/api/products", params={"filters[barcode][$eq]": barcode})
    (row,) = answer.json()["data"]
    assert (row["attributes"]["status"], row["attributes"]["stock_available"]) == ("danger", 5)
