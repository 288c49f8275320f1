"""The QR code of the web page, shown only if a phone can reach the page."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import segno
from msgspec.structs import replace

from tests.tui.looking import main_screen, screen_text, until
from tui.screens import web_code
from tui.screens.web_code import phone_address, qr_code

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp

# Of the loopback block, which a server on 127.0.0.1 alone does not listen on.
OURS = "127.0.0.2"


@pytest.mark.parametrize(("listens", "found"), [("0.0.0.0", True), ("127.0.0.1", False)])  # noqa: S104 - as Docker does
def test_a_loopback_address_becomes_ours_only_where_the_page_answers_there(
    monkeypatch: pytest.MonkeyPatch, listens: str, found: bool
) -> None:
    monkeypatch.setattr(web_code, "own_address", lambda: OURS)
    with socket.create_server((listens, 0)) as server:
        port = server.getsockname()[1]
        expected = f"http://{OURS}:{port}/fr" if found else ""
        assert phone_address(f"http://127.0.0.1:{port}/fr") == expected


def test_another_machines_address_stays_as_it_is() -> None:
    assert phone_address("https://shop.example.org/page") == "https://shop.example.org/page"


def test_the_code_is_what_the_library_makes_of_the_address() -> None:
    modules = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    lines = qr_code("http://192.168.1.20:8000").split("\n")
    rows = [[modules[cell][half] for cell in line] for line in lines for half in (0, 1)]
    expected = [list(row) for row in segno.make("http://192.168.1.20:8000", micro=False).matrix_iter(border=2)]
    assert rows[: len(expected)] == expected


async def test_the_window_shows_the_code_and_the_address_and_q_closes_it(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    screen = replace(engine.settings.screen, web="http://192.168.1.20:8000")
    engine.settings = replace(engine.settings, screen=screen)
    app.action_web_code()
    await until(pilot, lambda: "http://192.168.1.20:8000" in screen_text(app) and "█▀▀▀▀▀█" in screen_text(app))
    await pilot.press("q")
    await until(pilot, lambda: app.screen is main_screen(app))
