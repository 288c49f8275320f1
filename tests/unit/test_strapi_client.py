"""The classification of Strapi's failures, and that no secret is shown."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import httpx
import pytest

from bridge.errors import RefusedError, ServerError, UnreachableError
from bridge.settings import StrapiSettings
from bridge.strapi.client import BusyError, StrapiClient, StrapiRejectedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "s3cret-token-of-strapi"


def client(answer: Callable[[httpx.Request], httpx.Response], **changes: str) -> StrapiClient:
    settings = StrapiSettings(url="http://strapi.example:1337", **{"token": SECRET, **changes})  # type: ignore[arg-type]
    return StrapiClient(settings, httpx.MockTransport(answer))


def answering(status: int, **more: object) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, **{"json": {"error": {"message": "Oh no"}}, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, StrapiRejectedError),
        (401, RefusedError),
        (403, RefusedError),
        (404, StrapiRejectedError),
        (405, StrapiRejectedError),
        (408, UnreachableError),
        (413, StrapiRejectedError),
        (429, UnreachableError),
        (500, UnreachableError),
        (503, UnreachableError),
        (302, RefusedError),
    ],
)
async def test_a_status_says_what_to_do(status: int, kind: type[ServerError]) -> None:
    async with client(answering(status)) as strapi:
        with pytest.raises(kind) as caught:
            await strapi.get("/api/products")
    assert f"{status} Oh no" in str(caught.value)
    assert "http://strapi.example:1337" in str(caught.value)


@pytest.mark.parametrize(("said", "after"), [("7", 7.0), ("86400", 120.0), ("Wed, 21 Oct 2026 07:28:00 GMT", 0.0)])
async def test_a_pause_that_strapi_asks_for_is_kept_within_bounds(said: str, after: float) -> None:
    async with client(answering(429, headers={"Retry-After": said})) as strapi:
        with pytest.raises(BusyError) as caught:
            await strapi.get("/api/products")
    assert caught.value.after == after


@pytest.mark.parametrize("error", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("")])
async def test_no_answer_is_worth_another_try(error: httpx.TransportError) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    async with client(fail) as strapi:
        with pytest.raises(UnreachableError, match=r"strapi\.example"):
            await strapi.get("/api/products")


async def test_a_page_that_is_no_json_is_no_strapi() -> None:
    async with client(lambda _: httpx.Response(200, text="<html>nginx \x1b[31m</html>")) as strapi:
        with pytest.raises(UnreachableError, match="not Strapi") as caught:
            await strapi.get("/api/products")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(("idempotent", "calls"), [(True, 2), (False, 1)])
async def test_a_closed_connection_costs_another_try_only_where_it_is_harmless(idempotent: bool, calls: int) -> None:
    seen: list[httpx.Request] = []

    def close(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        raise httpx.RemoteProtocolError("Server disconnected without sending a response.")

    async with client(close) as strapi:
        with pytest.raises(UnreachableError):
            await strapi.call("PUT", "/api/products/1", {"data": {}}, idempotent=idempotent)
    assert len(seen) == calls


async def test_a_replaced_token_file_heals_without_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "bridge.token"

    def check(request: httpx.Request) -> httpx.Response:
        good = request.headers.get("Authorization") == "Bearer new-one"
        return httpx.Response(200 if good else 401, json={})

    async with client(check, token="", token_file=str(file)) as strapi:
        with pytest.raises(RefusedError, match=r"bridge\.token"):
            await strapi.get("/api/products")
        file.write_text("old-one\n")
        with pytest.raises(RefusedError):
            await strapi.get("/api/products")
        file.write_text("new-one\n")
        assert await strapi.get("/api/products") == {}


@pytest.mark.parametrize("status", [302, 400, 401, 403, 500])
async def test_no_secret_shows(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with client(answering(status)) as strapi:
        with pytest.raises(ServerError) as caught:
            await strapi.get("/api/products")
        shown = f"{caught.value}{caught.value!r}{caught.value.__cause__!r}{vars(strapi)['_token']!r}{caplog.text}"
    assert SECRET not in shown
