"""The web client on the real servers, in a real browser, used as a person would."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import uuid
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest

from bridge.journal import Verdict
from tests.chain.engine import engine
from tests.chain.forgetting import forgetting
from tests.chain.lane import until
from tests.web.browser import Browser
from tests.web.conftest import chromium

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.chain.lane import Lane

pytestmark = pytest.mark.timeout(600)


async def pick(browser: Browser, address: str, lane: Lane, product: dict[str, Any]) -> None:
    """Open the page, search the product by its name and choose it."""
    await asyncio.to_thread(browser.open, address)
    await browser.sees("#brokerState", "connected")
    await browser.until(lambda: browser.text(".row"))
    browser.type("#search", lane.name)
    browser.click(f".row input[value='{product['id']}']")
    await browser.sees("#title", lane.name)


@contextlib.asynccontextmanager
async def listening(lane: Lane) -> AsyncIterator[list[tuple[str, bytes]]]:
    """The messages on the lane's topic, as movement-id and payload."""
    port = lane.stack.ports.mqtt_tcp
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        heard: list[tuple[str, bytes]] = []

        async def listen() -> None:
            async for message in client.messages:
                assert message.properties
                assert isinstance(message.payload, bytes)
                properties = dict(message.properties.json()["UserProperty"])
                heard.append((properties["movement-id"], message.payload))

        await client.subscribe(lane.mqtt_topic, qos=1)
        task = asyncio.create_task(listen())
        try:
            yield heard
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_a_movement_goes_from_the_page_to_the_new_stock(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(41)
    async with engine(lane.settings()) as chain:
        await pick(browser, address, lane, product)
        assert browser.text("#number") == "41"
        browser.type("#amount", "+5")
        assert browser.text("#forecast") == "41 → 46"
        assert f'{{"id":{product["id"]},"amount":5,"type":"IN"}}' in browser.run("return payload.textContent")
        words = browser.run(
            "const said = []; new MutationObserver(() => said.push(latest.textContent))"
            ".observe(latest, {childList: true}); window.said = said; send.click()"
        )
        await browser.sees("#sent .outcome", "41 → 46")
        words = browser.run("return window.said")
        words = [word.partition(": ")[2].partition(" (")[0] for word in words]
        # Where Strapi takes its time, the page says more than once that the broker has it.
        assert [word for word, _ in itertools.groupby(words)] == ["sent…", "the broker has it", "41 → 46"]
        await browser.sees("#number", "46")
        await browser.sees(".row .number", "46")
        assert browser.value("#amount") == ""
        assert chain.journal.verdicts[Verdict.APPLIED] == 1
    assert await lane.stock_of(product) == 46
    assert browser.complaints() == []


async def test_the_keyboard_alone_will_do(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(10)
    async with engine(lane.settings()):
        await pick(browser, address, lane, product)
        browser.type("#amount", "-4\n")
        await browser.sees("#sent .outcome", "10 → 6")
    # From the search the Tab key reaches the list, the amount's parts, what is sent and the way of what was.
    reached = browser.run(
        "return [...document.querySelectorAll('input, button, summary')]"
        ".filter((one) => one.checkVisibility() && one.tabIndex === 0).map((one) => one.id || one.type || one.tagName)"
    )
    assert reached == ["search", "radio", "take", "put", "turn", "amount", "send", "SUMMARY", "SUMMARY"]


async def test_quick_buttons_move_one_and_leave_what_is_typed(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(10)
    async with engine(lane.settings()) as chain:
        await pick(browser, address, lane, product)
        browser.type("#amount", "1")
        browser.click("#put")
        browser.click("#put")
        browser.click("#take")
        await until(lambda: chain.journal.verdicts[Verdict.APPLIED] == 3)
        await browser.until(lambda: browser.text("#sent .outcome").count("→") == 3)
        assert browser.value("#amount") == "1"
    assert await lane.stock_of(product) == 11


async def test_what_would_go_below_zero_is_said_before_and_can_be_sent(
    lane: Lane, address: str, browser: Browser
) -> None:
    product = await lane.make_product(3)
    async with engine(lane.settings()):
        await pick(browser, address, lane, product)
        browser.type("#amount", "-5")
        assert "below zero, so Strapi will refuse it" in browser.text("#forecast")
        browser.click("#send")
        await browser.sees("#sent .outcome", "refused: only 3 in stock")
    assert await lane.stock_of(product) == 3


async def test_each_movement_has_an_identity_and_a_reload_makes_no_other(
    lane: Lane, address: str, browser: Browser
) -> None:
    product = await lane.make_product(41)
    async with listening(lane) as heard:
        await pick(browser, address, lane, product)
        for amount in ("+5", "+5"):
            browser.type("#amount", amount)
            browser.click("#send")
            await browser.until(lambda: browser.value("#amount") == "")
        browser.type("#amount", "-7")
        await asyncio.to_thread(browser.reload)
        await browser.sees("#brokerState", "connected")
        await browser.sees("#title", lane.name)
        assert browser.value("#amount") == "-7"
        browser.click("#send")
        await until(lambda: len({name for name, _ in heard}) >= 3)
    # No engine runs: on a slow machine the first ones may have been sent again meanwhile, under their identities.
    assert [json.loads(payload)["amount"] for payload in dict(heard).values()] == [5, 5, 7]


async def test_a_lost_broker_keeps_what_was_typed_and_nothing_is_sent_when_it_is_back(
    lane: Lane, address: str, browser: Browser
) -> None:
    product = await lane.make_product(41)
    await pick(browser, address, lane, product)
    browser.type("#amount", "+5")
    lane.stack.stop_server("mosquitto")
    try:
        await browser.sees("#brokerState", "away since")
        browser.click("#send")
        await browser.sees("#problem", "Not sent: the broker is away. What you typed stays here.")
        browser.click("#put")
        assert browser.value("#amount") == "+5"
    finally:
        lane.stack.start_server("mosquitto")
    async with listening(lane) as heard:
        await browser.sees("#brokerState", "connected")
        assert browser.value("#amount") == "+5"
        browser.click("#send")
        await until(lambda: heard)
    assert [json.loads(payload)["amount"] for _, payload in heard] == [5]
    assert browser.text("#sent .what").count(lane.name) == 1


async def test_a_silent_broker_is_said_and_sending_again_counts_once(
    lane: Lane, address: str, browser: Browser
) -> None:
    product = await lane.make_product(41)
    async with engine(lane.settings()) as chain:
        await pick(browser, address, lane, product)
        browser.type("#amount", "+5")
        lane.stack.pause_server("mosquitto")
        try:
            browser.click("#send")
            browser.click("#send")
            for state in ("sent…", "Sending…", "no word from the broker for 10 s", "Send again"):
                await browser.has_shown(state)
            assert browser.value("#amount") == "+5"
            browser.click("#send")
        finally:
            lane.stack.resume_server("mosquitto")
        await browser.sees("#sent .outcome", "41 → 46")
        assert browser.value("#amount") == ""
        # Two, and on a slow machine those that the page sent by itself.
        await until(lambda: chain.journal.decided.total >= 2)
        assert chain.journal.verdicts[Verdict.APPLIED] == 1
        assert chain.journal.verdicts[Verdict.DUPLICATE] == chain.journal.decided.total - 1
    assert await lane.stock_of(product) == 46


async def test_what_broke_before_the_word_is_sent_again_by_itself(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(41)
    await pick(browser, address, lane, product)
    browser.type("#amount", "+5")
    lane.stack.pause_server("mosquitto")
    browser.click("#send")
    lane.stack.kill_server("mosquitto")
    lane.stack.start_server("mosquitto")
    async with listening(lane) as heard, engine(lane.settings()):
        await browser.sees("#sent .outcome", "41 → 46")
        assert browser.value("#amount") == ""
        assert not browser.find("#sent button").is_displayed()
    assert len({name for name, _ in heard}) == 1
    assert await lane.stock_of(product) == 46


async def test_what_the_broker_forgot_is_sent_again_and_said(
    lane: Lane, address: str, browser: Browser, tmp_path: Path
) -> None:
    product = await lane.make_product(41)
    async with engine(lane.settings()):
        """From now on the broker keeps what comes while no engine is there."""
    await pick(browser, address, lane, product)
    with forgetting(lane.stack, tmp_path):
        browser.type("#amount", "+5")
        browser.click("#send")
        await browser.has_shown("the broker has it")
    async with engine(lane.settings()) as chain:
        await browser.sees("#sent .outcome", "41 → 46")
        assert chain.journal.verdicts[Verdict.APPLIED] == 1
    await browser.has_shown("sent again, ")
    assert await lane.stock_of(product) == 46


async def test_a_browser_that_was_closed_sends_what_the_broker_forgot(
    lane: Lane, address: str, browser: Browser, tmp_path: Path
) -> None:
    product = await lane.make_product(41)
    async with engine(lane.settings()):
        """From now on the broker keeps what comes while no engine is there."""
    await pick(browser, address, lane, product)
    with forgetting(lane.stack, tmp_path):
        browser.type("#amount", "+5")
        browser.click("#send")
        await browser.has_shown("the broker has it")
        await asyncio.to_thread(browser.quit)
    async with engine(lane.settings()) as chain:
        with Browser(chromium(), tmp_path / "profile", language="en") as later:
            await asyncio.to_thread(later.open, address)
            await later.sees("#sent .outcome", "41 → 46")
        assert chain.journal.verdicts[Verdict.APPLIED] == 1
    assert await lane.stock_of(product) == 46


async def test_a_movement_that_no_bridge_hears_is_said(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(41)
    await pick(browser, address, lane, product)
    browser.type("#amount", "+5")
    browser.click("#send")
    await browser.sees("#sent .outcome", "no bridge listens to the broker, which threw it away")
    await browser.sees("#sent .outcome", "It is sent again by itself, and counts once.")
    assert browser.value("#amount") == "+5"
    async with engine(lane.settings()):
        browser.click("#send")
        await browser.sees("#sent .outcome", "41 → 46")


async def test_a_strapi_that_is_away_is_said_and_the_stock_comes_when_it_is_back(
    lane: Lane, address: str, browser: Browser
) -> None:
    product = await lane.make_product(41)
    async with engine(lane.settings()):
        await pick(browser, address, lane, product)
        lane.stack.stop_server("strapi")
        try:
            await browser.sees("#stockState", "Strapi does not answer")
            browser.type("#amount", "+5")
            browser.click("#send")
            await browser.has_shown("Strapi has not changed yet")
            assert browser.text("#number") == "41"
        finally:
            lane.stack.start_server("strapi")
        await browser.sees("#sent .outcome", "41 → 46")
        await browser.sees("#stockState", "up to date")


async def test_what_can_not_be_sent_is_said_and_stays(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(41)
    await asyncio.to_thread(browser.open, address)
    await browser.sees("#brokerState", "connected")
    browser.type("#amount", "+5\n")
    await browser.sees("#problem", "Choose a product first.")
    await pick(browser, address, lane, product)
    for typed, problem in [("", "Type an amount"), ("0", "Zero changes nothing"), ("1.5", "whole number")]:
        browser.type("#amount", typed or "\ue017")
        browser.click("#send")
        await browser.sees("#problem", problem)
        assert browser.value("#amount") == typed
    assert browser.text("#sent") == ""


async def test_products_are_found_by_name_number_and_barcode(lane: Lane, address: str, browser: Browser) -> None:
    barcode = str(uuid.uuid4().int)[:13]
    product = await lane.make_product(41, name=f"Détecteur <b>{lane.name}</b>", barcode=barcode)
    await asyncio.to_thread(browser.open, address)
    await browser.until(lambda: browser.text(".row"))
    for search in (f"detecteur {lane.name.upper()}", f"#{product['id']}", barcode):
        browser.type("#search", search)
        # Shown as text: what a product is called is no markup.
        await browser.until(lambda: browser.text(".row .name") == f"Détecteur <b>{lane.name}</b>")
    browser.type("#search", "nothing is called so")
    await browser.sees("#found", "No product matches")


async def test_more_products_than_one_answer_has_are_all_there(lane: Lane, address: str, browser: Browser) -> None:
    for _ in range(105):
        await lane.make_product(1)
    await asyncio.to_thread(browser.open, address)
    await browser.until(lambda: browser.text(".row"))
    browser.type("#search", lane.name)
    await browser.sees("#found", "105 of ")


@pytest.mark.parametrize("browser", ["fr"], indirect=True)
async def test_the_page_speaks_french(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(3)
    async with engine(lane.settings()):
        await asyncio.to_thread(browser.open, address)
        await browser.sees("#brokerState", "Broker : connecté")
        await browser.sees("#title", "Choisissez un produit")
        assert browser.run("return document.documentElement.lang") == "fr"
        await browser.until(lambda: browser.text(".row"))
        browser.type("#search", lane.name)
        browser.click(f".row input[value='{product['id']}']")
        browser.type("#amount", "-5")
        assert "sous zéro, Strapi le refusera" in browser.text("#forecast")
        browser.click("#send")
        await browser.sees("#latest", "refusé : seulement 3 en stock")


async def test_a_phone_shows_it_all_without_scrolling_sideways(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(2_147_483_647, name=f"{lane.name} {'Verylongwordwithoutend' * 6}")
    browser.phone()
    await pick(browser, address, lane, product)
    browser.type("#amount", "+2147483647")
    assert "more than Strapi holds" in browser.text("#forecast")
    assert browser.run("return document.documentElement.scrollWidth") == 390
    # The list scrolls in its own box, and what is only read out makes the page no longer.
    assert browser.run("return document.documentElement.scrollHeight < 1600")
    small = browser.run(
        "return [...document.querySelectorAll('button, label.row, input:not([type=radio])')]"
        ".filter((one) => one.checkVisibility() && one.getBoundingClientRect().height < 44).map((one) => one.id)"
    )
    assert small == []


async def test_every_control_has_a_name(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(41)
    await pick(browser, address, lane, product)
    controls = browser.find("body").find_elements("css selector", "input, button, fieldset")
    assert all(control.accessible_name for control in controls if control.is_displayed())
    assert browser.find("#take").accessible_name == f"Take 1 out of {product['name']}"
