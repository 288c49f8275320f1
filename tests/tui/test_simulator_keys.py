"""Simulated objects from the keyboard: started, shown in the status, stopped with the same key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from bridge.settings import MqttSettings, ScreenSettings, Settings
from bridge.simulator import SimulatorStatus
from tests.tui.looking import SIZES, main_screen, screen_text, until
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp
from tui.screens.simulator import SimulatorRequest, read_request
from tui.widgets.status import simulator_words

if TYPE_CHECKING:
    from textual.pilot import Pilot


@pytest.mark.parametrize("size", SIZES)
async def test_ctrl_g_asks_starts_says_and_stops(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("4", "ctrl+g")
    await until(pilot, lambda: "20 objects would send 10/s to topic" in screen_text(app))
    await pilot.press(*"50", "tab", *"2.5")
    await until(pilot, lambda: "50 objects would send 2.5/s" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: engine.calls == ["start_simulator 50 2.5"])
    engine.simulation = SimulatorStatus(True, 50, 2.5, 1_234, 2.4)
    await until(pilot, lambda: "50 sensors, 2.5/s" in screen_text(app))
    await pilot.press("ctrl+g")
    await until(pilot, lambda: engine.calls[1:] == ["stop_simulator"])
    await until(pilot, lambda: "50 sensors" not in screen_text(app))
    await pilot.press("ctrl+g")
    await until(pilot, lambda: "50 objects would send 2.5/s" in screen_text(app))
    await pilot.press("ctrl+g")
    await until(pilot, lambda: app.screen is main_screen(app))
    assert len(engine.calls) == 2


async def test_what_can_not_be_simulated_is_said(engine: ScriptedEngine) -> None:
    engine.simulation_refused = "there is no product to move yet"
    app = OpsciApp(engine)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("ctrl+g", *"2000", "enter")
        await until(pilot, lambda: "objects: type a whole number from 1 to 1,000" in screen_text(app))
        assert not engine.calls
        await pilot.press("home", "delete", "delete", "enter")
        await until(pilot, lambda: "0" in screen_text(app) and not engine.calls)
        await pilot.press("7", "enter")
        await until(pilot, lambda: engine.calls == ["start_simulator 700 10"])
        await until(pilot, lambda: "there is no product to move yet" in screen_text(app))


@pytest.mark.parametrize("size", SIZES)
async def test_the_share_of_errors_is_typed_said_and_shown(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    await pilot.press("ctrl+g")
    await until(pilot, lambda: app.screen.query("#errors"))
    assert app.screen.query_one("#errors", Input).value == "0"
    assert "can't be applied" not in screen_text(app)
    await pilot.press("tab", "tab", *"101")
    await until(pilot, lambda: "errors: type a percentage from 0 to 100" in screen_text(app))
    await pilot.press("home", "delete", "delete", "delete", *"5", "enter")
    await until(pilot, lambda: engine.calls == ["start_simulator 20 10 0.05"])
    await until(pilot, lambda: "20 sensors, 10/s, 5 % errors" in screen_text(app))


async def test_without_user_properties_it_says_that_nothing_is_marked() -> None:
    old = ScriptedEngine(Settings(mqtt=MqttSettings(version="3.1.1"), screen=ScreenSettings(frames=30)))
    app = OpsciApp(old)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "MQTT 3.1.1 carries no mark" in screen_text(app))


@pytest.mark.parametrize(
    ("objects", "rate", "found"),
    [
        ("20", "0.1", SimulatorRequest(20, 0.1)),
        ("1", "5000", SimulatorRequest(1, 5_000)),
        (" 3 ", "2,5", SimulatorRequest(3, 2.5)),
    ],
)
def test_what_is_typed_is_read(objects: str, rate: str, found: SimulatorRequest) -> None:
    assert read_request(objects, rate) == found


@pytest.mark.parametrize(
    ("objects", "rate"), [("", "1"), ("0", "1"), ("1001", "1"), ("x", "1"), ("1", ""), ("1", "0.05"), ("1", "5001")]
)
def test_what_is_no_number_of_objects_is_said(objects: str, rate: str) -> None:
    said = read_request(objects, rate)
    assert isinstance(said, str)
    assert "type" in said


def test_the_line_says_what_is_wrong() -> None:
    running = SimulatorStatus(True, 20, 50, 1_234, 31)
    assert simulator_words(running).plain == "20 sensors, 50/s"
    assert "only 31/s of it gets through" in simulator_words(running._replace(slow=True)).plain
    assert "▲ away" in simulator_words(running._replace(trouble="away")).plain
    assert simulator_words(SimulatorStatus()).plain == ""
    assert simulator_words(SimulatorStatus(trouble="no product left")).plain == "▲ no product left"
