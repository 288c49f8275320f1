"""What the server of the web client answers, apart from Strapi's part of it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from stack.needs import PAGE
from stack.webserver.files import page_files
from stack.webserver.site import Site
from stack.webserver.stock import MOST_VERDICTS, Stock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HERE = "127.0.0.1:8000"
MOVEMENT = "0192aaaa-0000-7000-8000-000000000000"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    script = tmp_path / "mqtt.esm.js"
    script.write_text("export default 1")
    stock = Stock("http://127.0.0.1:1", tmp_path / "no.token")
    yield Site(page_files(script), stock, "ws://127.0.0.1:1883", "topic")
    stock.close()


def test_all_that_the_page_asks_for_is_served_and_nothing_else(site: Site) -> None:
    asked = {"/"}
    for file in PAGE.iterdir():
        if file.suffix in {".html", ".js"}:
            found = re.findall(r"""(?:href|src)="([^"]+)"|(?:^import .*|from )'\./([^']+)'""", file.read_text(), re.M)
            asked |= {f"/{one or other}" for one, other in found}
    assert asked == set(site.files)
    for path in asked:
        assert site.answer(path, HERE).status == 200
    for path in (
        "/package.json",
        "/../needs.py",
        "/%2e%2e/needs.py",
        "//etc/passwd",
        "/index.html",
        "/app.js/",
        "http://[",
    ):
        assert site.answer(path, HERE).status in {400, 404}


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
        policy = site.answer(path, HERE).headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "connect-src 'self' ws://127.0.0.1:1883;" in policy
        assert "unsafe" not in policy
        assert site.answer(path, HERE).headers["X-Content-Type-Options"] == "nosniff"


def test_a_known_version_is_not_sent_again(site: Site) -> None:
    first = site.answer("/app.js", HERE)
    again = site.answer("/app.js", HERE, first.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert site.answer("/app.js", HERE, '"another"').body == first.body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"])
def test_a_name_that_was_made_to_mean_loopback_reads_nothing(site: Site, host: str) -> None:
    assert site.answer("/config.json", host).status == 421


@pytest.mark.parametrize("host", ["", "127.0.0.1:8000:1", "a b", "127.0.0.1; script-src *"])
def test_a_malformed_host_is_refused_and_stands_nowhere(site: Site, host: str) -> None:
    answer = site.answer("/", host)
    assert answer.status == 400
    assert "*" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["192.168.1.7", "pi.local", "[fe80::1]"])
def test_a_browser_elsewhere_is_sent_to_the_broker_beside_the_page(site: Site, host: str) -> None:
    published = Site(site.files, site.stock, "ws://{host}:1883", "topic", local=False)
    answer = published.answer("/config.json", f"{host}:8000")
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
        f"/verdicts?ids={MOVEMENT}]",
        f"/verdicts?ids={','.join([MOVEMENT] * (MOST_VERDICTS + 1))}",
    ],
)
def test_no_question_but_its_own_reaches_strapi(site: Site, target: str) -> None:
    assert site.answer(target, HERE).status == 400


def test_a_strapi_that_is_away_or_not_ready_is_said_without_its_address(site: Site, tmp_path: Path) -> None:
    not_ready = site.answer("/products", HERE)
    (tmp_path / "no.token").write_text("secret-token")
    away = site.answer(f"/verdicts?ids={MOVEMENT}", HERE)
    assert (not_ready.status, away.status) == (503, 502)
    assert json.loads(away.body) == {"error": "Strapi does not answer"}
