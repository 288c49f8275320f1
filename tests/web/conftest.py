"""The page in a real Chromium, served for one test's own lane."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from stack.install import BROWSER, web_modules
from stack.paths import Paths
from stack.report import Report
from stack.system_packages import SystemPackages
from stack.webserver.site import Site, page_files, web_server
from stack.webserver.stock import Stock
from tests.chain.lane import Lane
from tests.web.browser import Browser

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from stack.local import LocalStack


def pytest_collection_finish(session: pytest.Session) -> None:
    """Install the browser before the first test's timeout starts, if any test needs it."""
    wanted = any("browser" in getattr(item, "fixturenames", ()) for item in session.items)
    if wanted and not session.config.option.collectonly:
        chromium()


def chromium() -> dict[str, Path]:
    """The browser's programs."""
    return SystemPackages(Paths.of().cache, Report(sys.__stderr__)).programs(BROWSER)


@pytest.fixture
async def lane(stack: LocalStack) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    return made


@pytest.fixture
async def address(lane: Lane) -> AsyncIterator[str]:
    """The address of the page that publishes to the lane's topic."""
    stock = Stock(lane.stack.addresses.strapi, lane.stack.paths.read_token)
    script = web_modules(Paths.of()) / "mqtt" / "dist" / "mqtt.esm.js"
    site = Site(page_files(script), stock, lane.stack.addresses.mqtt_ws, lane.mqtt_topic)
    with web_server("127.0.0.1", 0, site) as server:
        yield server.url
    stock.close()


@pytest.fixture(params=["en"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Browser]:
    """A browser in a language, English by default."""
    with Browser(chromium(), tmp_path / "profile", language=request.param) as opened:
        yield opened
