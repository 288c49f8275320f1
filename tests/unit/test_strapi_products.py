"""Products page by page: from a Strapi with smaller pages than requested, and from one that ignores filters."""

from __future__ import annotations

import httpx
import pytest

from bridge.errors import UnreachableError
from bridge.settings import StrapiSettings
from bridge.strapi.client import StrapiClient
from bridge.strapi.products import find_rows, read_latest, read_pages

SETTINGS = StrapiSettings(url="http://strapi.example", token="t")


def page(ids: list[int], **said: int) -> httpx.Response:
    rows = [{"id": number, "documentId": f"d{number}", "name": "Lamp"} for number in ids]
    return httpx.Response(200, json={"data": rows, "meta": {"pagination": said}})


@pytest.mark.parametrize("count", [0, 1, 3, 4, 7])
async def test_a_smaller_page_than_asked_is_not_the_last_one(count: int) -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        after = int(request.url.params.get("filters[id][$gt]", 0))
        return page([number for number in range(1, count + 1) if number > after][:3], page=1, pageSize=3)

    async with StrapiClient(SETTINGS, httpx.MockTransport(respond)) as client:
        assert [row.id async for rows in read_pages(client) for row in rows] == list(range(1, count + 1))


async def test_a_page_that_comes_again_and_again_ends_with_an_error() -> None:
    async with StrapiClient(SETTINGS, httpx.MockTransport(lambda _: page([1, 2], pageSize=2))) as client:
        with pytest.raises(UnreachableError, match="begins before the end of the one before"):
            [rows async for rows in read_pages(client)]


async def test_the_number_of_products_is_told_with_the_latest() -> None:
    async with StrapiClient(SETTINGS, httpx.MockTransport(lambda _: page([9], pageSize=1, total=120_000))) as client:
        rows, total = await read_latest(client, 1)
    assert ([row.id for row in rows], total) == ([9], 120_000)


async def test_many_long_texts_are_asked_for_in_requests_that_a_server_takes() -> None:
    wanted = [f"{number:03}" + "\u4e00" * 252 for number in range(40)] + [f"b{number}" for number in range(60)]
    asked: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        values = [value for name, value in request.url.params.items() if "$in" in name]
        assert len(request.url.raw_path) < 10_000
        assert len(values) <= 25
        asked.extend(values)
        return page([], pageSize=100)

    async with StrapiClient(SETTINGS, httpx.MockTransport(respond)) as client:
        assert await find_rows(client, wanted, documents=False) == {}
    assert asked == wanted
