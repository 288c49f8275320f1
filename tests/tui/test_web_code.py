"""The QR code of the web page, shown only if a phone can reach the page."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
import segno
from msgspec.structs import replace

from tests.tui.kinds import lines_of
from tests.tui.looking import main_screen, screen_text, until
from tui.app import OpsciApp
from tui.screens import web_code
from tui.screens.web_code import phone_address, qr_code

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine

# Of the loopback block, which a server on 127.0.0.1 alone does not listen on.
OURS = "127.0.0.2"


class Page(BaseHTTPRequestHandler):
    """A page that names a broker, as ours does in config.json."""

    broker = ""

    def do_GET(self) -> None:
        body = json.dumps({"mqtt": self.broker}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def page(listens: str, broker: str) -> Iterator[int]:
    """Serve such a page; yields its port."""
    kind = type("Named", (Page,), {"broker": broker})
    with ThreadingHTTPServer((listens, 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("page_listens", "broker_listens", "found"),
    [
        ("0.0.0.0", "0.0.0.0", True),  # noqa: S104 - as with --lan
        ("127.0.0.1", "0.0.0.0", False),  # noqa: S104
        ("0.0.0.0", "127.0.0.1", False),  # noqa: S104
    ],
)
def test_a_loopback_address_becomes_ours_only_where_page_and_broker_answer_there(
    monkeypatch: pytest.MonkeyPatch, page_listens: str, broker_listens: str, found: bool
) -> None:
    monkeypatch.setattr(web_code, "own_address", lambda: OURS)
    # In a test both are of the loopback block.
    monkeypatch.setattr(web_code, "is_loopback", lambda host: host == "127.0.0.1")
    with socket.create_server((broker_listens, 0)) as broker:
        named = f"ws://{OURS}:{broker.getsockname()[1]}"
        with page(page_listens, named) as port:
            expected = f"http://{OURS}:{port}/fr" if found else ""
            assert phone_address(f"http://127.0.0.1:{port}/fr") == expected


def test_a_broker_on_loopback_is_no_phones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_code, "own_address", lambda: OURS)
    with page("0.0.0.0", "ws://127.0.0.1:1883") as port:  # noqa: S104 - as with --lan
        assert phone_address(f"http://127.0.0.1:{port}") == ""


def test_another_machines_address_stays_as_it_is() -> None:
    assert phone_address("https://shop.example.org/page") == "https://shop.example.org/page"


def test_the_code_is_what_the_library_makes_of_the_address() -> None:
    modules = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    lines = qr_code("http://192.168.1.20:8000").split("\n")
    rows = [[modules[cell][half] for cell in line] for line in lines for half in (0, 1)]
    expected = [list(row) for row in segno.make("http://192.168.1.20:8000", micro=False).matrix_iter(border=4)]
    assert rows[: len(expected)] == expected


def on_the_screen(app: OpsciApp) -> list[list[int]]:
    """The modules of the code as the terminal shows them, by their colours: 1 for black."""
    box = app.screen.query_one("#web-code-text").region
    rows: list[list[int]] = []
    for line in lines_of(app)[box.y : box.bottom]:
        cells = [(letter, segment.style) for segment in line for letter in segment.text]
        upper, lower = [], []
        for letter, style in cells[box.x : box.right]:
            if style is None or style.color is None or style.bgcolor is None:
                continue
            ink, ground = style.color.get_truecolor().hex, style.bgcolor.get_truecolor().hex
            if {ink, ground} != {"#000000", "#ffffff"}:
                continue
            upper.append(int((ink if letter in "▀█" else ground) == "#000000"))
            lower.append(int((ink if letter in "▄█" else ground) == "#000000"))
        rows += [upper, lower] if upper else []
    return rows


@pytest.mark.parametrize(("size", "border"), [((80, 24), 1), ((120, 40), 4)])
@pytest.mark.parametrize("theme", ["opsci-dark", "opsci-light"])
async def test_w_shows_the_code_whole_and_w_closes_it(
    engine: ScriptedEngine, size: tuple[int, int], border: int, theme: str
) -> None:
    address = "http://192.168.100.200:8000"
    engine.settings = replace(engine.settings, screen=replace(engine.settings.screen, web=address, theme=theme))
    app = OpsciApp(engine)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: "a page for phones, as a QR code" in screen_text(app))
        await pilot.press("w")
        await until(pilot, lambda: address in screen_text(app) and "▀" in screen_text(app))
        expected = [list(map(int, row)) for row in segno.make(address, micro=False).matrix_iter(border=border)]
        assert on_the_screen(app)[: len(expected)] == expected
        await pilot.press("w")
        await until(pilot, lambda: app.screen is main_screen(app))


async def test_where_phones_can_not_come_it_says_how_to_open_the_page(engine: ScriptedEngine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        web = f"http://127.0.0.1:{server.getsockname()[1]}"
        engine.settings = replace(engine.settings, screen=replace(engine.settings.screen, web=web))
        app = OpsciApp(engine)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("w")
            await until(pilot, lambda: "python3 -m stack run --lan" in screen_text(app))
            assert "▀" not in screen_text(app)


async def test_w_is_a_letter_in_a_field_and_nothing_without_a_page(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    assert not engine.settings.screen.web
    await pilot.press("w")
    await pilot.pause()
    assert app.screen is main_screen(app)
    assert "QR" not in screen_text(app)
    engine.settings = replace(engine.settings, screen=replace(engine.settings.screen, web="http://10.0.0.1:8000"))
    offered = [command.title for command in app.get_system_commands(app.screen)]  # type: ignore[arg-type]
    assert offered.count("Phones") == 1
    await pilot.press("4", "w")
    await until(pilot, lambda: main_screen(app).form.product.value == "w")
