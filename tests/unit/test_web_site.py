"""The answers of the web client's server, without Strapi's part."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from bridge.http.message import Request
from stack.install import PAGE
from stack.webserver.site import Site, page_files
from stack.webserver.stock import MOST_VERDICTS, Stock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bridge.http.message import Response

HERE = "127.0.0.1:8000"
MOVEMENT = "0192aaaa-0000-7000-8000-000000000000"


def asked(site: Site, target: str, host: str = HERE, known: str = "") -> Response:
    """The answer to a GET."""
    return site.answer(Request("GET", target, host, {"if-none-match": known} if known else {}))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    script = tmp_path / "mqtt.esm.js"
    script.write_text("export default 1")
    stock = Stock("http://127.0.0.1:1", tmp_path / "no.token")
    yield Site(page_files(script), stock, "ws://127.0.0.1:1883", "topic")
    stock.close()


def test_all_that_the_page_asks_for_is_served_and_nothing_else(site: Site) -> None:
    wanted = {"/", "/live"}
    for file in PAGE.iterdir():
        if file.suffix in {".html", ".js"}:
            found = re.findall(r"""(?:href|src)="([^"]+)"|(?:^import .*|from )'\./([^']+)'""", file.read_text(), re.M)
            wanted |= {f"/{one or other}" for one, other in found}
    assert wanted == set(site.files)
    for path in wanted:
        assert asked(site, path).status == 200
    for path in (
        "/package.json",
        "/../needs.py",
        "/%2e%2e/needs.py",
        "//etc/passwd",
        "/index.html",
        "/app.js/",
        "http://[",
    ):
        assert asked(site, path).status in {400, 404}


def test_the_page_names_nothing_outside(site: Site) -> None:
    for path, answer in site.files.items():
        if path != "/mqtt.js":
            addresses = set(re.findall(rb"https?://[^\s\"']+", answer.body))
            assert addresses <= {b"http://www.w3.org/2000/svg"}
            assert b"<style" not in answer.body
            assert b"style=" not in answer.body
            assert b"innerHTML" not in answer.body


def test_the_policy_lets_the_page_reach_its_server_and_the_broker_alone(site: Site) -> None:
    for path in ("/", "/nothing", "/config.json"):
        policy = asked(site, path).headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy
        assert "connect-src 'self' ws://127.0.0.1:1883;" in policy
        assert "unsafe" not in policy


def test_a_known_version_is_not_sent_again(site: Site) -> None:
    first = asked(site, "/app.js")
    again = asked(site, "/app.js", known=first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert asked(site, "/app.js", known='"another"').body == first.body


@pytest.mark.parametrize("host", ["192.168.1.7", "pi.local", "[fe80::1]"])
def test_a_browser_elsewhere_is_sent_to_the_broker_beside_the_page(site: Site, host: str) -> None:
    published = Site(site.files, site.stock, "ws://{host}:1883", "topic")
    answer = asked(published, "/config.json", f"{host}:8000")
    assert json.loads(answer.body) == {"mqtt": f"ws://{host}:1883", "topic": "topic"}
    assert f"connect-src 'self' ws://{host}:1883;" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "target",
    [
        "/products?after=-1",
        "/products?after=1%26populate=*",
        "/products?after=1&order=id:desc",
        "/verdicts",
        "/verdicts?ids=1",
        "/movements?after=-1",
        "/movements?after=1%26populate=*",
        f"/verdicts?ids={MOVEMENT}]",
        f"/verdicts?ids={','.join([MOVEMENT] * (MOST_VERDICTS + 1))}",
    ],
)
def test_no_question_but_its_own_reaches_strapi(site: Site, target: str) -> None:
    assert asked(site, target).status == 400


def test_a_strapi_that_is_away_or_not_ready_is_said_without_its_address(site: Site, tmp_path: Path) -> None:
    not_ready = asked(site, "/products")
    (tmp_path / "no.token").write_text("secret-token")
    away = asked(site, f"/verdicts?ids={MOVEMENT}")
    assert (not_ready.status, away.status) == (503, 502)
    assert json.loads(away.body) == {"error": "Strapi does not answer"}
