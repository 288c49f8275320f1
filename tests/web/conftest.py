"""The page in a real Chromium, served for a lane of one test's own."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest

from stack.machine import Machine
from stack.needs import BROWSER, web_modules
from stack.places import Places
from stack.report import Report
from stack.webserver.files import page_files
from stack.webserver.server import WebServer
from stack.webserver.site import Site
from stack.webserver.stock import Stock
from tests.chain.lane import Lane
from tests.web.browser import Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from stack.local import LocalStack


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install the browser before the first test's clock runs, if any test needs it."""
    wanted = any("browser" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        _programs()


def _programs() -> dict[str, Path]:
    return Machine(Places.of().cache, Report(sys.__stderr__)).programs(BROWSER)


@pytest.fixture
async def lane(stack: LocalStack) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    return made


@pytest.fixture
async def address(lane: Lane) -> AsyncIterator[str]:
    """Where the page is served that publishes to the lane's topic."""
    stock = Stock(lane.stack.addresses.strapi, lane.stack.places.read_token)
    script = web_modules(Places.of()) / "mqtt" / "dist" / "mqtt.esm.js"
    site = Site(page_files(script), stock, lane.stack.addresses.mqtt_ws, lane.mqtt_topic)
    with WebServer("127.0.0.1", 0, site) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
    stock.close()


@pytest.fixture(params=["en"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    """A browser in a language, English by default."""
    with Browser(_programs(), tmp_path / "profile", language=request.param) as opened:
        yield opened
