"""Quitting: it asks once if that would stop servers, and only closes an open window."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.looking import main_screen, screen_text, until

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tui.app import OpsciApp


def is_left(app: OpsciApp) -> bool:
    return app._exit


@pytest.mark.parametrize(
    ("keys", "leaves"),
    [("qq", False), ("qb", True), (("ctrl+q", "ctrl+q"), False), (("q", "escape", "q", "q"), False)],
)
async def test_a_second_q_stops_the_servers_and_b_keeps_them(
    app: OpsciApp, pilot: Pilot[None], keys: tuple[str, ...], leaves: bool
) -> None:
    app.asks_about_servers = True
    for key in keys[:-1]:
        await pilot.press(key)
        assert not is_left(app)
    await until(pilot, lambda: "Quitting stops the servers that opsci started." in screen_text(app))
    await pilot.press(keys[-1])
    await until(pilot, lambda: is_left(app))
    assert app.leaves_servers is leaves


async def test_escape_stays(app: OpsciApp, pilot: Pilot[None]) -> None:
    app.asks_about_servers = True
    await pilot.press("q", "escape")
    await until(pilot, lambda: app.screen is main_screen(app))
    assert not is_left(app)


async def test_where_no_server_would_stop_q_quits_at_once(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("q")
    await until(pilot, lambda: is_left(app))
    assert not app.leaves_servers


@pytest.mark.parametrize("opened", ["question_mark", "l", "d", "s", "enter"])
@pytest.mark.parametrize("closed", ["q", "escape"])
async def test_in_a_window_q_and_escape_close_that_window_only(
    app: OpsciApp, pilot: Pilot[None], opened: str, closed: str
) -> None:
    app.asks_about_servers = True
    if opened == "enter":
        await pilot.press("3", "g")
    await pilot.press(opened)
    await until(pilot, lambda: app.screen is not main_screen(app))
    await pilot.press(closed)
    await until(pilot, lambda: app.screen is main_screen(app))
    assert not is_left(app)
