"""The screen while it only watches: it says so, offers to take over, and can't pause what it does not carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.journal import WATCHES
from tests.tui.looking import screen_text, until

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp


async def test_a_watcher_takes_over_once_it_is_told_twice(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    engine.watches = True
    engine.journal.notes[WATCHES] = "watching: another engine carries this chain"
    app.refresh_bindings()
    await until(pilot, lambda: "another engine carries this chain; W takes over" in screen_text(app))
    await pilot.press("W")
    await until(pilot, lambda: "Carry this chain from here?" in screen_text(app))
    await pilot.press("n")
    assert "take_over" not in engine.calls
    await pilot.press("W")
    await until(pilot, lambda: "Carry this chain from here?" in screen_text(app))
    await pilot.press("y")
    await until(pilot, lambda: "take_over" in engine.calls)


async def test_an_engine_has_nothing_to_take_over(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    assert not engine.watches
    await pilot.press("W")
    await pilot.pause()
    assert "Carry this chain" not in screen_text(app)


async def test_who_watches_is_not_offered_to_pause(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    def offered() -> set[str]:
        return {command.title for command in app.get_system_commands(app.screen)}

    await pilot.pause()
    assert {"Pause applying", "Pause ingest"} <= offered()
    engine.watches = True
    assert not {"Pause applying", "Resume applying", "Pause ingest", "Resume ingest"} & offered()
