"""A page of another site in a real Chromium tries to use the broker: it can't open a websocket, on any port."""

from __future__ import annotations

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.web.browser import Browser
from tests.web.conftest import chromium

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack.local import LocalStack

_TRY = """
window.said = {};
for (const url of %s) {
  const socket = new WebSocket(url, 'mqtt');
  socket.onopen = () => { said[url] = 'open'; };
  socket.onerror = () => { said[url] ??= 'refused'; };
}
"""


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><title>a page</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    """The port of a server with a foreign page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser for which another site's name resolves to this machine, as its owner could arrange at any time."""
    with Browser(chromium(), tmp_path / "profile", "en", ("--host-resolver-rules=MAP evil.test 127.0.0.1",)) as opened:
        yield opened


async def _tried(browser: Browser, page: str, *urls: str) -> list[str]:
    def said() -> dict[str, str]:
        found: dict[str, str] = browser.run("return window.said")
        return found

    await asyncio.to_thread(browser.open, page)
    await asyncio.to_thread(browser.run, _TRY % json.dumps(urls))
    await browser.until(lambda: len(said()) == len(urls))
    found = said()
    return [found[url] for url in urls]


async def test_the_broker_is_open_to_pages_of_this_machine_and_to_no_others(
    stack: LocalStack, browser: Browser, port: int
) -> None:
    ports = stack.ports
    by_address, by_name = f"ws://127.0.0.1:{ports.mqtt_ws}/", f"ws://localhost:{ports.mqtt_ws}/mqtt"
    behind, rebound = f"ws://127.0.0.1:{ports.mqtt_tcp}/", f"ws://evil.test:{ports.mqtt_ws}/"
    for page in (f"http://localhost:{port}/", f"http://127.0.0.1:{port}/", stack.addresses.web):
        urls = (by_address,) if page == stack.addresses.web else (by_address, by_name)
        assert set(await _tried(browser, page, *urls)) == {"open"}, page
    for page in (f"http://evil.test:{port}/", f"http://evil.localhost:{port}/"):
        assert set(await _tried(browser, page, by_address, by_name, behind, rebound)) == {"refused"}, page
    # Pages without an origin: `null`.
    browser.open("data:text/html,<title>nobody's</title>")
    browser.run(_TRY % json.dumps([by_address]))
    await browser.until(lambda: browser.run("return Object.keys(window.said).length") == 1)
    assert browser.run("return window.said") == {by_address: "refused"}
