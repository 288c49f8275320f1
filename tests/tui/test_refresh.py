"""The screen refreshes when the engine signals a change, not only by the clock."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

import tui.scheduler
from tests.tui.looking import main_screen, screen_text, until
from tui.app import OpsciApp
from tui.widgets.status import StatusBar

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine


@pytest.fixture
def no_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable the clock, leaving only the signal."""
    monkeypatch.setattr(tui.scheduler, "_TICK", 3600.0)


@pytest.mark.usefixtures("no_tick")
async def test_what_comes_is_seen_without_a_tick(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    for _ in range(3):
        engine.receive()
        await until(pilot, lambda: view.rows == engine.journal.mqtt.next)


@pytest.mark.usefixtures("no_tick")
async def test_what_another_thread_writes_down_is_seen(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    thread = threading.Thread(target=engine.receive, args=(5,))
    thread.start()
    await until(pilot, lambda: main_screen(app).mqtt.rows == 5)
    thread.join()


@pytest.mark.usefixtures("no_tick")
async def test_the_last_of_many_is_not_left_out_between_two_looks(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    for _ in range(200):
        engine.receive()
        await asyncio.sleep(0)
    await until(pilot, lambda: main_screen(app).mqtt.rows == 200)


@pytest.mark.usefixtures("no_tick")
async def test_what_is_counted_last_is_not_left_to_the_tick(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    for come in range(1, 11):
        engine.receive()
        await until(pilot, lambda come=come: screen.mqtt.rows == come)  # type: ignore[misc]
    await until(pilot, lambda: "10 received" in screen_text(app))


@pytest.mark.usefixtures("no_tick")
async def test_rows_come_between_two_looks_at_figures_and_a_key_has_them_looked_at(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tui.scheduler, "_COUNTS", 3600.0)
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        screen, pulled = main_screen(app), list[int]()
        monkeypatch.setattr(screen.query_one(StatusBar), "pull", lambda: pulled.append(1))
        # The screen draws itself once more when it knows its size.
        await pilot.pause()
        pulled.clear()
        for come in range(1, 6):
            engine.receive()
            await until(pilot, lambda come=come: screen.mqtt.rows == come)  # type: ignore[misc]
        assert len(pulled) <= 1
        before = len(pulled)
        screen.touched()
        engine.receive()
        await until(pilot, lambda: screen.mqtt.rows == 6)
        assert len(pulled) == before, "looked before the key had done what it does"
        await pilot.press("2")
        await until(pilot, lambda: len(pulled) > before)


@pytest.mark.usefixtures("no_tick")
async def test_behind_another_screen_it_catches_up_when_it_is_in_front_again(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).mqtt
    await pilot.press("question_mark")
    await until(pilot, lambda: app.screen is not main_screen(app))
    engine.receive()
    await pilot.pause()
    assert view.rows == 0
    await pilot.press("escape")
    await until(pilot, lambda: view.rows == 1)


async def test_a_bell_that_rings_after_the_screen_is_gone_is_heard_by_no_one(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)):
        pass
    engine.receive()
    await asyncio.sleep(0)
