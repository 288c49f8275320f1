"""A page of another site in the same browser gets nothing from any of our ports."""

from __future__ import annotations

import asyncio
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from bridge.command.health import HealthServer
from bridge.journal import Journal
from tests.chain.engine import engine
from tests.web.browser import Browser
from tests.web.conftest import chromium
from tests.web.serving import Served

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.chain.lane import Lane

pytestmark = pytest.mark.timeout(180)

PATHS = {
    "page": ("/config.json", "/app.js", "/icon.svg"),
    "screen": ("/", "/static/js/textual.js", "/static/images/background.png"),
    "health": ("/metrics", "/readyz", "/healthz"),
    "strapi": ("/api/products", "/admin/init", "/uploads/x.png"),
    "mqtt_ws": ("/", "/mqtt", "/"),
    "mqtt_tcp": ("/", "/", "/"),
    "kafka": ("/", "/", "/"),
}
"""What is asked of each port: what a fetch reads, what a script is taken from, what an image is taken from."""

ATTACK = """
const [bases, paths, done] = arguments;
const silence = () => new Promise((resolve) => setTimeout(() => resolve("nothing in 5 s"), 5000));
const attack = (base, [read, script, image]) => {
const ws = base.replace("http", "ws");
const within = (promise) => Promise.race([promise, silence()]);
const fetched = (init) => within(fetch(base + read, init).then(async (answer) =>
  answer.type === "opaque" ? "opaque" : `read ${answer.status}`, () => "refused"));
const element = (tag, more) => within(new Promise((resolve) => {
  const made = Object.assign(document.createElement(tag), more);
  made.onload = () => resolve("loaded");
  made.onerror = () => resolve("refused");
  document.body.append(made);
}));
const socket = (path, protocols) => within(new Promise((resolve) => {
  const opened = new WebSocket(ws + path, protocols);
  opened.onopen = () => resolve("open");
  opened.onerror = () => resolve("refused");
}));
const events = () => within(new Promise((resolve) => {
  const source = new EventSource(base + read, {withCredentials: true});
  source.onopen = () => resolve("open");
  source.onerror = () => { source.close(); resolve("refused"); };
}));
const post = (kind) => {
  const target = document.body.appendChild(document.createElement("iframe"));
  target.name = `post${kind}`;
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action: base + read, target: target.name, enctype: kind});
  form.append(Object.assign(document.createElement("input"), {name: "{\\"data\\":{\\"stock_available\\":777777}}"}));
  document.body.append(form);
  form.submit();
};
["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"].forEach(post);
const body = JSON.stringify({data: {name: "of evil", stock_available: 777777}});
const json = {"Content-Type": "application/json"};
return Promise.all(Object.entries({
  get: fetched({}),
  "get with credentials": fetched({credentials: "include"}),
  "get without cors": fetched({mode: "no-cors", credentials: "include"}),
  post: fetched({method: "POST", body}),
  "post of json": fetched({method: "POST", body, headers: json, credentials: "include"}),
  "post without cors": fetched({method: "POST", body, mode: "no-cors", credentials: "include"}),
  put: fetched({method: "PUT", body, headers: json}),
  delete: fetched({method: "DELETE"}),
  script: element("script", {src: base + script}),
  image: element("img", {src: base + image}),
  "socket at /": socket("/"),
  "socket at /ws": socket("/ws?width=80&height=24"),
  "socket of mqtt": socket("/", ["mqtt"]),
  events: events(),
}).map(async ([name, promise]) => [name, await promise])).then(Object.fromEntries);
};
Promise.all(Object.entries(bases).map(async ([name, base]) => [name, await attack(base, paths[name])]))
  .then((all) => done(Object.fromEntries(all)));
"""


class _Evil(BaseHTTPRequestHandler):
    """Serves one empty page, under any name."""

    def do_GET(self) -> None:
        body = b"<!DOCTYPE html><title>evil</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def evil() -> Iterator[int]:
    """The port of a foreign server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Evil) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    """A browser for which evil.example is this machine."""
    flags = ("--host-resolver-rules=MAP evil.example 127.0.0.1",)
    with Browser(chromium(), tmp_path / "profile", "en", flags) as opened:
        yield opened


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    running = Served(tmp_path)
    yield running
    running.close()


def framed(browser: Browser, address: str) -> str:
    """The content of a frame with that address on the open page."""
    driver = browser._driver
    driver.execute_async_script(
        "const [address, done] = arguments; const made = document.createElement('iframe'); made.src = address;"
        "made.onload = () => done(); document.body.replaceChildren(made); setTimeout(done, 5000)",
        address,
    )
    driver.switch_to.frame(0)
    try:
        return str(browser.run("return location.href + ' ' + document.body.innerText"))
    finally:
        driver.switch_to.default_content()


def what_it_gets(browser: Browser, origin: str, bases: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a page of an origin gets from each server, by kind of attempt."""
    browser.open(origin)
    got: dict[str, dict[str, str]] = browser._driver.execute_async_script(ATTACK, dict(bases), PATHS)
    for name, base in bases.items():
        got[name]["frame"] = framed(browser, base + PATHS[name][0])
    return got


async def test_a_foreign_page_gets_nothing_and_changes_nothing(
    lane: Lane, address: str, served: Served, browser: Browser, evil: int
) -> None:
    product = await lane.make_product(41)
    browser._driver.set_script_timeout(30)
    async with engine(lane.settings()) as chain:
        with HealthServer(lane.settings(watch={"port": 0}), Journal(10)) as watch:
            ports = lane.stack.ports
            bases = {"page": address, "screen": served.address, "health": watch.url}
            others = {name: f"http://127.0.0.1:{getattr(ports, name)}" for name in PATHS.keys() - bases.keys()}
            # Another port of the same host, another site, and a site whose name leads here.
            for host in ("127.0.0.1", "evil.localhost", "evil.example"):
                got = await asyncio.to_thread(what_it_gets, browser, f"http://{host}:{evil}/", bases | others)
                for name in bases:
                    assert "chrome-error:" in got[name].pop("frame"), (name, host)
                    assert set(got[name].values()) == {"refused"}, (name, host, got[name])
                for name in others:
                    # An answer that may be read says no; who may open the broker's websockets is another test's.
                    told = {kind: said for kind, said in got[name].items() if not kind.startswith("socket")}
                    wrong = [said for said in told.values() if said.startswith(("read 2", "read 3", "open", "loaded"))]
                    assert not wrong, (name, host, got[name])
                    assert lane.name not in got[name]["frame"]
            for name, base in bases.items():
                rebound = base.replace("127.0.0.1", "evil.example") + PATHS[name][0]
                await asyncio.to_thread(browser.open, rebound)
                refused = "this server does not answer to that name", "only this machine's own page may connect here"
                assert any(text in browser.text("body") for text in refused), rebound
        assert chain.journal.received.total == 0
    assert served.windows() == []
    assert await lane.stock_of(product) == 41
    async with lane.strapi() as strapi:
        answer = await strapi.get("/api/products", params={"filters[name][$eq]": "of evil"})
    assert answer.json()["data"] == []
