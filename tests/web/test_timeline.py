"""The way of a sent movement on the page, and its colours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import pytest

from tests.chain.engine import engine
from tests.web.test_page import pick

if TYPE_CHECKING:
    from tests.chain.lane import Lane
    from tests.web.browser import Browser

pytestmark = pytest.mark.timeout(300)

HOPS: Final = {"--mqtt": "#6cb6ff", "--kafka": "#d2a8ff", "--strapi": "#4fd6be"}
"""The colours of the three systems in the dark theme: those of the screen's panes."""

LEAST: Final = 4.5
"""The contrast of text that WCAG 2.2 asks for, 1.4.3."""

CONTRASTS: Final = """
    const channels = (text) => text.match(/[\\d.]+/g).map(Number);
    const over = ([r, g, b, a = 1], [x, y, z]) => [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a)];
    const light = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
    const behind = (one) =>
      one ? over(channels(getComputedStyle(one).backgroundColor), behind(one.parentElement)) : [255, 255, 255];
    const opaque = (one) => !one || (getComputedStyle(one).opacity === '1' && opaque(one.parentElement));
    const found = [];
    const measure = (one, style, what) => {
      const back = behind(one);
      const [dark, bright] = [luminance(over(channels(style.color), back)), luminance(back)].sort((a, b) => a - b);
      found.push([(bright + 0.05) / (dark + 0.05), what, style.color, back.join(), opaque(one)]);
    };
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const one = walk.currentNode.parentElement;
      const text = walk.currentNode.data.trim();
      if (text && one.checkVisibility() && !one.closest('noscript, .unseen')) measure(one, getComputedStyle(one), text);
    }
    for (const one of document.querySelectorAll('input:not([type=radio])')) {
      measure(one, getComputedStyle(one), `#${one.id}`);
      measure(one, getComputedStyle(one, '::placeholder'), `#${one.id}::placeholder`);
    }
    return found;
"""


def way(browser: Browser, css: str = "#way") -> list[list[str]]:
    """The stations after `sent`: state, name and detail."""
    found: list[list[str]] = browser.run(
        f"return [...document.querySelectorAll('{css} li')].slice(1).map((one) => "
        "[one.dataset.state, ...['.station', '.detail'].map((part) => one.querySelector(part).textContent)])"
    )
    return found


def legible(browser: Browser) -> None:
    """Check that every visible text has enough contrast."""
    found = browser.run(CONTRASTS)
    assert len(found) > 20
    assert all(opaque for *_, opaque in found)
    assert not [text for text in found if text[0] < LEAST]


async def test_the_way_advances_to_the_place_in_kafka_and_the_new_stock(
    lane: Lane, address: str, browser: Browser
) -> None:
    product = await lane.make_product(28)
    async with engine(lane.settings()) as chain:
        chain.apply.pause()
        await pick(browser, address, lane, product)
        assert not browser.find("#way").is_displayed()
        browser.type("#amount", "+5\n")
        # What waits for long is sent again by itself, which shows for a moment.
        waits = [["now", "Kafka", "waits…"], ["later", "Strapi", "not yet"]]
        await browser.until(lambda: way(browser)[1:] == way(browser, "#sent .way")[1:] == waits)
        chain.apply.resume()
        await browser.until(lambda: way(browser)[1:] and way(browser)[2][0] == "done")
        record, *_ = chain.journal.kafka.slice(0, chain.journal.kafka.next)
        mqtt, *arrived = way(browser)
        assert mqtt[:2] == ["done", "at the broker"]
        assert mqtt[2].endswith("s")
        assert arrived == [["done", "in Kafka", record.position], ["done", "in Strapi", "28 → 33"]]
        assert not browser.find("#sent .way").is_displayed()
        browser.click("#sent summary")
        assert browser.find("#sent .way").is_displayed()
        assert way(browser, "#sent .way") == [mqtt, *arrived]
        browser.type("#amount", "-50\n")
        await browser.until(lambda: way(browser)[2] == ["bad", "refused", "only 33 in stock"])
        assert way(browser)[1][:2] == ["done", "in Kafka"]
        dots = browser.run(
            "return [...document.querySelectorAll('#sent .dots')]"
            ".map((row) => [...row.children].map((dot) => dot.dataset.state))"
        )
        assert dots == [["done", "done", "bad"], ["done", "done", "done"]]
    assert browser.complaints() == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_every_text_is_legible_in_each_theme(lane: Lane, address: str, browser: Browser, scheme: str) -> None:
    product = await lane.make_product(3)
    await lane.make_product(0)
    browser.scheme(scheme)
    await asyncio.to_thread(browser.open, address)
    await browser.until(lambda: browser.text(".row"))
    legible(browser)
    async with engine(lane.settings()) as chain:
        await pick(browser, address, lane, product)
        browser.type("#amount", "x\n")
        await browser.sees("#problem", "whole number")
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        legible(browser)
        for amount, outcome in (("+2", "3 → 5"), ("-50", "only 5 in stock")):
            browser.type("#amount", f"{amount}\n")
            await browser.sees("#sent .outcome", outcome)
        chain.apply.pause()
        browser.type("#amount", "+1\n")
        await browser.until(lambda: way(browser)[1:] and way(browser)[1][0] == "now")
        browser.type("#amount", "-90")
        browser.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        legible(browser)
        lane.stack.pause_server("mosquitto")
        try:
            browser.type("#amount", "+1\n")
            await browser.sees("#send", "Sending")
            legible(browser)
        finally:
            lane.stack.resume_server("mosquitto")
        chain.apply.resume()
    found = browser.run(
        "const style = getComputedStyle(document.documentElement); "
        f"return {list(HOPS)}.map((one) => style.getPropertyValue(one))"
    )
    assert len(set(found)) == len(HOPS)
    if scheme == "dark":
        assert found == list(HOPS.values())


@pytest.mark.parametrize("browser", ["fr"], indirect=True)
async def test_a_phone_shows_the_whole_way_in_french(lane: Lane, address: str, browser: Browser) -> None:
    product = await lane.make_product(2_147_483_600)
    browser.phone()
    async with engine(lane.settings()):
        await asyncio.to_thread(browser.open, address)
        await browser.sees("#brokerState", "connecté")
        await browser.until(lambda: browser.text(".row"))
        browser.type("#search", lane.name)
        browser.click(f".row input[value='{product['id']}']")
        browser.type("#amount", "+5\n")
        await browser.until(lambda: way(browser)[2:] == [["done", "dans Strapi", "2147483600 → 2147483605"]])
    assert way(browser)[0][1] == "chez le broker"
    browser.click("#sent summary")
    assert browser.run("return document.documentElement.scrollWidth") == 390
    # Nothing is cut, and nothing stands beside the screen.
    boxes = browser.run(
        "return [...document.querySelectorAll('.way .station, .way .detail')].map((one) => {"
        " const { left, right } = one.getBoundingClientRect();"
        " return [one.scrollWidth <= Math.ceil(right - left), left, right]; })"
    )
    assert len(boxes) == 16
    assert all(whole and 0 <= left < right <= 390 for whole, left, right in boxes)
    assert browser.run("return document.querySelector('#sent summary').getBoundingClientRect().height >= 44")
