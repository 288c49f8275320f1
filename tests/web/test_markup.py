"""Names that contain markup are shown as text, in the web page and in the served screen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
import tomli_w
from selenium.webdriver.common.keys import Keys

from tests.web.serving import LISTEN, Served
from tui.recording.cast import Event
from tui.recording.terminal import Terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chain.lane import Lane
    from tests.web.browser import Browser

pytestmark = pytest.mark.timeout(180)

MARKUP = (
    "<img src=x onerror=window.bad=1>",
    "<script>window.bad=1</script>",
    "[@click=app.quit]q[/]",
    "[bold red]b[/bold red]",
    "{{bad}}${bad}&lt;",
)


async def test_markup_is_text_in_the_page_and_in_the_served_screen(
    lane: Lane, address: str, browser: Browser, tmp_path: Path
) -> None:
    for number, text in enumerate(MARKUP):
        await lane.make_product(number, name=f"{text} {lane.name}")
    await asyncio.to_thread(browser.open, address)
    await browser.until(lambda: browser.text(".row"))
    browser.type("#search", lane.name)
    await browser.until(lambda: browser.text(".row .name").count(lane.name) == len(MARKUP))
    assert {name.removesuffix(f" {lane.name}") for name in browser.text(".row .name").splitlines()} == set(MARKUP)
    assert browser.run("return [document.querySelectorAll('.row img').length, window.bad]") == [0, None]
    assert browser.complaints() == []
    toml = tomli_w.dumps(msgspec.to_builtins(lane.settings()))
    served = await asyncio.to_thread(Served, tmp_path, toml)
    try:
        browser._driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
        await asyncio.to_thread(browser.open, served.address)

        def screen() -> str:
            asked, seen = browser.run("return [window.asked, window.seen]")
            size = parse_qs(urlsplit(asked or "?width=80&height=24").query)
            terminal = Terminal(int(size["width"][0]), int(size["height"][0]))
            terminal.play(Event(0, "o", seen))
            return terminal.text

        async def shows(*texts: str) -> None:
            try:
                await browser.until(lambda: all(text in screen() for text in texts))
            except AssertionError:
                raise AssertionError(screen()) from None

        await shows("3 Strapi")
        browser.find("textarea").send_keys("3/", lane.name, Keys.ENTER)
        # As much of each as the column has room for.
        await shows(*(text[:13] for text in MARKUP))
        assert browser.run("return [document.querySelectorAll('img').length, window.bad]") == [0, None]
        assert await asyncio.to_thread(served.press_ctrl_c) == 0
    finally:
        served.close()
