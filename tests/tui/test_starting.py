"""The screen while its runner starts the servers: what each head says, and what is said where one does not start."""

from __future__ import annotations

import pytest

from bridge.journal import Server, State
from tests.tui.kinds import opened
from tests.tui.looking import SIZES, main_screen, screen_text, until, widget_text
from tui.app import OpsciApp
from tui.widgets.status import Banner

NOTE = (
    "kafka did not start: port 9092 is taken: java (pid 4711) answers there. Its log is "
    "/home/me/.local/share/opsci/logs/kafka.log. The other servers were stopped again; quit, fix it and run again"
)


async def test_each_head_says_that_its_server_starts_and_what_it_waits_for() -> None:
    async with opened("starting", (120, 40), "opsci-dark") as pilot:
        app = pilot.app
        assert isinstance(app, OpsciApp)
        panes = main_screen(app).panes
        labels = [pane.label().plain.rstrip("0123456789 s") for pane in panes]
        assert labels == ["◌ started", "◌ starting", "◌ starting"]
        assert [widget_text(pane._head).strip() for pane in panes] == [
            "answers, waits for others",
            "no answer yet on port 9092",
            "its files are prepared",
        ]
        assert not app.screen.query_one(Banner).display


@pytest.mark.parametrize("size", SIZES)
async def test_a_server_that_did_not_start_is_said_in_full(size: tuple[int, int]) -> None:
    async with opened("failed", size, "opsci-dark") as pilot:
        app = pilot.app
        banner = " ".join(widget_text(app.screen.query_one(Banner)).split())
        assert NOTE in banner
        assert "NOT STARTED" in screen_text(app)


async def test_quitting_does_not_ask_what_becomes_of_servers_that_did_not_start() -> None:
    async with opened("failed", (120, 40), "opsci-dark") as pilot:
        app = pilot.app
        assert isinstance(app, OpsciApp)
        app.asks_about_servers = True
        await pilot.press("q")
        await until(pilot, lambda: app._exit)


async def test_once_they_are_there_nothing_is_left_of_the_start() -> None:
    async with opened("starting", (120, 40), "opsci-dark") as pilot:
        app = pilot.app
        assert isinstance(app, OpsciApp)
        for server in Server:
            app.engine.journal.connection(server, State.UP)
        main_screen(app).pull()
        await until(pilot, lambda: "listening" in screen_text(app))
        assert "start" not in "".join(widget_text(pane._head) for pane in main_screen(app).panes)
