"""A real Chromium on a foreign page that tries every port of the chain, and markup in the texts of the web page."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from stack.errors import StackError
from stack.install import BROWSER
from stack.paths import Paths
from stack.report import Report
from stack.system_packages import SystemPackages
from tests.faults.attacks.attack import Outcome, attack, impossible, judged
from tests.faults.attacks.target import listening

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.attacks.target import Target
    from tests.web.browser import Browser

_FLAGS: Final = ("--host-resolver-rules=MAP evil.example 127.0.0.1", "--ignore-certificate-errors")

_TRY: Final = """
const [base, paths, done] = arguments;
const within = (promise) =>
  Promise.race([promise, new Promise((resolve) => setTimeout(() => resolve("silent"), 4000))]);
const fetched = (path, init) => within(fetch(base + path, init).then(async (answer) =>
  answer.type === "opaque" ? "opaque" : `READ ${answer.status}`, () => "refused"));
const connect = new Uint8Array([16, 17, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 5, 101, 118, 105, 108, 50]);
const socket = (path, protocols) => within(new Promise((resolve) => {
  const opened = new WebSocket(base.replace("http", "ws") + path, protocols);
  opened.binaryType = "arraybuffer";
  opened.onopen = () => opened.send(connect);
  opened.onmessage = (event) => {
    const code = event.data instanceof ArrayBuffer ? new Uint8Array(event.data)[3] : -1;
    resolve(code === 0 || code === -1 ? `CONNECTED ${code}` : "mqtt refused");
  };
  opened.onclose = () => resolve("closed");
  opened.onerror = () => resolve("refused");
}));
const script = (path) => within(new Promise((resolve) => {
  const made = Object.assign(document.createElement("script"), {src: base + path});
  made.onload = () => resolve("LOADED");
  made.onerror = () => resolve("refused");
  document.body.append(made);
}));
const body = JSON.stringify({data: {name: "of evil", stock_available: 777777}});
const json = {"Content-Type": "application/json"};
const tries = {
  "mqtt socket": socket("/mqtt", ["mqtt"]), "bare socket": socket("/ws?width=80&height=24"), script: script(paths[1]),
  "post": fetched(paths[0], {method: "POST", body, mode: "no-cors", credentials: "include"}),
  "json": fetched(paths[0], {method: "POST", body, headers: json, credentials: "include"}),
};
for (const path of paths) {
  tries[`get ${path}`] = fetched(path, {});
  tries[`get ${path} as me`] = fetched(path, {credentials: "include"});
}
Promise.all(Object.entries(tries).map(async ([name, one]) => [name, await one])).then((all) =>
  done(Object.fromEntries(all)));
"""

_BREACHES: Final = ("READ", "LOADED", "CONNECTED")
_PATHS: Final = ("/", "/app.js", "/config.json", "/api/products", "/admin/init", "/metrics", "/static/js/textual.js")


class _Evil(BaseHTTPRequestHandler):
    """Serves an empty page."""

    def do_GET(self) -> None:
        body = b"<!DOCTYPE html><title>evil</title><body></body>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Do nothing."""


@contextlib.contextmanager
def _opened(target: Target) -> Iterator[Browser]:
    """Open a browser that resolves evil.example to this machine and accepts any certificate."""
    from tests.web.browser import Browser

    programs = SystemPackages(Paths.of().cache, Report(quiet=True)).programs(BROWSER)
    with (
        tempfile.TemporaryDirectory(prefix="opsci-profile-", dir=target.folder) as profile,
        Browser(programs, Path(profile), "en", _FLAGS) as browser,
    ):
        browser._driver.set_script_timeout(60)
        yield browser


@contextlib.contextmanager
def _served() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Evil) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _framed(browser: Browser, address: str) -> bool:
    """Return whether a frame on the open page shows that address."""
    driver = browser._driver
    driver.execute_async_script(
        "const [address, done] = arguments; const made = document.createElement('iframe'); made.src = address;"
        "made.onload = () => done(); document.body.replaceChildren(made); setTimeout(done, 4000)",
        address,
    )
    driver.switch_to.frame(0)
    try:
        return str(browser.run("return location.href")).startswith(address)
    finally:
        driver.switch_to.default_content()


def _visit(target: Target, ports: list[int]) -> tuple[list[str], list[str]]:
    """Try each port from the foreign page; return the breaches and all observations."""
    breaches: list[str] = []
    seen: list[str] = []
    page, screen = target.stack.ports.web, target.screen_port
    with _served() as port, _opened(target) as browser:
        for site in ("evil.example", "evil.localhost"):
            browser.open(f"http://{site}:{port}/")
            for one in ports:
                for scheme in ("http", "https") if target.is_secure else ("http",):
                    base = f"{scheme}://127.0.0.1:{one}"
                    found: dict[str, Any] = browser._driver.execute_async_script(_TRY, base, list(_PATHS))
                    seen += found.values()
                    bad = [f"{name}: {word}" for name, word in found.items() if str(word).startswith(_BREACHES)]
                    if one in {page, screen} and _framed(browser, f"{base}/"):
                        bad.append("its page in a frame")
                    breaches += [f"port {one} from {site}: {', '.join(dict.fromkeys(bad))}"] if bad else []
    return breaches, seen


@attack(
    "browser-foreign-page",
    "7",
    "In a real Chromium, a page of another site (two names of it) reads seven addresses of every port with and without "
    "credentials, posts, loads scripts, opens websockets with an MQTT CONNECT, and frames our pages",
    "nothing can be read, no script is loaded, no MQTT connection and no window is opened, no frame shows our pages",
    seconds=300,
)
async def foreign_page(target: Target) -> Outcome:
    await target.start_engine()
    await target.start_screen()
    product = (await target.make_product(5))["id"]
    ports = sorted({port for _, port in listening(target.processes())})
    try:
        breaches, seen = await asyncio.to_thread(_visit, target, ports)
    except StackError as error:
        return impossible(f"no Chromium: {error}")
    if (stock := target.stock_of(product)) != 5:
        breaches.append(f"the stock went from 5 to {stock}")
    words = ", ".join(f"{seen.count(word)} x {word}" for word in sorted(set(seen)))
    return judged(breaches, f"{len(ports)} ports, {len(seen)} tries: {words}")


@attack(
    "browser-markup",
    "7",
    "Name products with markup and script, and open our page in a real Chromium: an image with `onerror`, a script, an "
    "entity, a link",
    "the names stand there as text: no element is made of them, and no script runs",
    profiles=("plain",),
    seconds=120,
)
async def markup(target: Target) -> Outcome:
    names = [
        '<img src=x onerror="window.owned=1">',
        "<script>window.owned=1</script>",
        "&lt;b&gt;bold&lt;/b&gt;<b>bold</b>",
        '"><svg onload=window.owned=1>',
        "javascript:window.owned=1//<a href=javascript:window.owned=1>x</a>",
    ]
    for name in names:
        await target.make_product(5, name)

    def look() -> tuple[bool, int, int]:
        with _opened(target) as browser:
            browser.open(target.stack.addresses.web)
            deadline = threading.Event()
            for _ in range(100):
                shown = browser.run("return document.body.innerText + document.body.innerHTML.length")
                if "onerror" in str(shown):
                    break
                deadline.wait(0.1)
            deadline.wait(1)
            made = browser.run(
                "return document.querySelectorAll('img[src=x], svg[onload], b, a[href^=\"javascript\"]').length"
            )
            values = browser.run("return [...document.querySelectorAll('*')].map((one) => one.textContent).join(' ')")
            found = sum(name in str(values) for name in names)
            return bool(browser.run("return window.owned !== undefined")), int(made), found

    try:
        ran, made, found = await asyncio.to_thread(look)
    except StackError as error:
        return impossible(f"no Chromium: {error}")
    breaches = ["a script of a name ran"] if ran else []
    breaches += [f"{made} elements were made of names"] if made else []
    breaches += ["no name was shown, so that nothing was tried"] if not found else []
    return judged(breaches, f"{found} of {len(names)} names are shown as text")
