"""Takes the README's pictures of the web page: `.venv/bin/python -m tests.web.picture tui/pictures`.

On the real chain, in a real browser: `page.png` on a desk in the dark theme, `phone.png` on a phone in the light one
and in French. `live.png` is the page for a whole class.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from bridge.embedded import EmbeddedChain
from bridge.settings.load import load_settings
from stack.install import web_modules
from stack.local import LocalStack
from stack.paths import Paths
from stack.report import Report
from stack.seed import seed
from stack.webserver.site import Site, page_files, web_server
from stack.webserver.stock import Stock
from tests.web.browser import Browser
from tests.web.conftest import chromium

SENT = (("3", "+5"), ("14", "-40"), ("2", "+5"))
"""By number of a product the amounts that are sent, the second of which is more than there is."""


async def take(browser: Browser, address: str) -> bytes:
    """Send some movements, and return a screenshot once all are decided."""
    await asyncio.to_thread(browser.open, address)
    await browser.until(lambda: browser.text(".row"))
    for product, amount in SENT:
        browser.type("#search", f"#{product}")
        browser.click(f".row input[value='{product}']")
        browser.type("#amount", f"{amount}\n")
        await browser.until(lambda: browser.run("return latest.dataset.tone !== 'wait' && amount.value === ''"))
    browser.run("search.value = ''; search.dispatchEvent(new Event('input')); document.activeElement.blur()")
    browser.run("document.querySelectorAll('#sent summary')[1].click()")
    # Until no changed stock is marked any more.
    await asyncio.sleep(3)
    if browser.run("return innerWidth < 600"):
        browser.run("form.scrollIntoView()")
    return browser.picture()


async def take_live(browser: Browser, address: str) -> bytes:
    """Open the page for a class, pass a few movements, and return a screenshot once all are decided."""
    await asyncio.to_thread(browser.open, f"{address}/live")
    await browser.until(lambda: "connected" in browser.text("#brokerState"))
    desk = browser._driver.current_window_handle
    browser._driver.switch_to.new_window("tab")
    await take(browser, address)
    browser._driver.switch_to.window(desk)
    await browser.until(lambda: browser.run("return document.querySelectorAll('#movements li').length >= 3"))
    await browser.until(lambda: browser.run("return !document.querySelector('#movements [data-tone=wait]')"))
    return browser.picture()


async def take_all(address: str, folder: Path, profiles: Path) -> None:
    """Write all pictures."""
    programs = chromium()
    with Browser(programs, profiles / "desk", "en") as browser:
        browser.scheme("dark")
        browser.resize(1200, 750)
        (folder / "page.png").write_bytes(await take(browser, address))
    with Browser(programs, profiles / "live", "en") as browser:
        browser.scheme("dark")
        browser.resize(1200, 500)
        (folder / "live.png").write_bytes(await take_live(browser, address))
    with Browser(programs, profiles / "phone", "fr") as browser:
        browser.scheme("light")
        browser.phone()
        (folder / "phone.png").write_bytes(await take(browser, address))


def main() -> None:
    """Start temporary servers, seed them, take the pictures, stop them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, LocalStack(Path(state), report=Report(sys.stderr)) as stack:
        seed(Paths.of(Path(state)), Report(sys.stderr))
        settings = load_settings(stack.settings_file, {})
        chain = EmbeddedChain(settings)
        chain.start()
        script = web_modules(Paths.of()) / "mqtt" / "dist" / "mqtt.esm.js"
        stock = Stock(stack.addresses.strapi, stack.paths.read_token)
        site = Site(page_files(script), stock, stack.addresses.mqtt_ws, settings.mqtt.publish_topic)
        try:
            with web_server("127.0.0.1", 0, site) as server:
                asyncio.run(take_all(server.url, folder, Path(state)))
        finally:
            chain.stop()
            stock.close()


if __name__ == "__main__":
    main()
