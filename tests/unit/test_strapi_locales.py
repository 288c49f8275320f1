"""Plain REST on localized products: a locale that can't be written loses no movement and counts none twice."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from bridge.errors import UnreachableError
from bridge.journal import Journey
from bridge.movement import Movement
from bridge.settings import StrapiSettings
from bridge.strapi.client import StrapiClient
from bridge.strapi.documents import Documents
from bridge.strapi.ledger import Outcome
from bridge.strapi.rest import PlainRest

JOURNEYS = [
    Journey("one", b"", movement=Movement("abc", 5, "IN"), kafka_topic="stock", partition=0, offset=0, timestamp=1)
]


class Localized:
    """A product in two locales, without drafts, as in Strapi 5's answers."""

    def __init__(self, french: list[int]) -> None:
        self.stocks = {"en": 10, "fr": 10}
        self.french = french
        """The answers to the writes of the French locale, one after the other; 0 answers nothing."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        if request.method == "PUT":
            locale = asked["locale"]
            if locale == "fr" and self.french and (status := self.french.pop(0)) != 200:
                if status == 0:
                    raise httpx.ConnectError("gone", request=request)
                return httpx.Response(status, json={"data": None, "error": {"message": "name is required"}})
            self.stocks[locale] = json.loads(request.content)["data"]["stock_available"]
            return httpx.Response(200, json={"data": self.row(locale)})
        locales = ["en", "fr"] if asked.get("locale") == "*" else ["en"]
        rows = [] if "filters[id][$in][0]" in asked else [self.row(locale) for locale in locales]
        return httpx.Response(200, json={"data": rows, "meta": {"pagination": {"pageSize": 100}}})

    def row(self, locale: str) -> dict[str, Any]:
        numbers = {"en": 1, "fr": 2}
        return {
            "id": numbers[locale],
            "documentId": "abc",
            "locale": locale,
            "name": locale,
            "stock_available": self.stocks[locale],
            "publishedAt": "2026-11-27T07:00:00.000Z",
        }


@pytest.mark.parametrize("french", [[], [200], [0], [503], [0, 502, 0]])
async def test_a_locale_that_is_not_answered_for_is_written_later_and_the_movement_counts_once(
    french: list[int],
) -> None:
    strapi, misses = Localized(french), len([status for status in french if status != 200])
    async with StrapiClient(StrapiSettings(token="t"), httpx.MockTransport(strapi)) as client:
        rest = PlainRest(client, Documents(client))
        for _ in range(misses):
            with pytest.raises(UnreachableError):
                await rest.apply(JOURNEYS, documents=True)
        (decision,) = await rest.apply(JOURNEYS, documents=True)
    assert (decision.outcome, decision.stock_after) == (Outcome.APPLIED, 15)
    assert strapi.stocks == {"en": 15, "fr": 15}


async def test_a_locale_that_strapi_refuses_is_said_and_the_movement_counts(caplog: pytest.LogCaptureFixture) -> None:
    strapi = Localized([400])
    async with StrapiClient(StrapiSettings(token="t"), httpx.MockTransport(strapi)) as client:
        (decision,) = await PlainRest(client, Documents(client)).apply(JOURNEYS, documents=True)
    assert (decision.outcome, strapi.stocks) == (Outcome.APPLIED, {"en": 15, "fr": 10})
    assert "name is required" in caplog.text
