"""Presets: found by typing, previewed, and sent with Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.journal import Server, State
from bridge.settings import Preset, ScreenSettings, Settings
from tests.tui.looking import SIZES, main_screen, screen_text, until
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp
from tui.screens.presets import PresetScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

PRESETS = [
    Preset("a box of gloves", 20, "12"),
    Preset("one sold", -1),
    Preset("towels by barcode", 3, "0417620608"),
    Preset("gone", 3, "999"),
    Preset("too many", -500, "13"),
]


@pytest.fixture
def stocked() -> ScriptedEngine:
    made = ScriptedEngine(Settings(screen=ScreenSettings(frames=30, presets=PRESETS)))
    made.stock_up()
    for server in Server:
        made.connect(server, State.UP)
    return made


def payloads(engine: ScriptedEngine) -> list[bytes]:
    return [payload for payload, _ in engine.published]


@pytest.mark.parametrize("size", SIZES)
async def test_a_preset_shows_its_plan_and_then_sends(stocked: ScriptedEngine, size: tuple[int, int]) -> None:
    app = OpsciApp(stocked)
    async with app.run_test(size=size) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: screen.stock.rows == 3)
        await pilot.press("p")
        await until(pilot, lambda: "▸ a box of gloves" in screen_text(app))
        assert "12 Licensed Concrete Gloves" in screen_text(app)
        assert "the selected or marked rows" in screen_text(app)
        await pilot.press(*"barcode")
        await until(pilot, lambda: "▸ towels by barcode" in screen_text(app) and "gloves" not in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "sends +3  5 → 8" in screen_text(app))
        assert not stocked.published
        await pilot.press("enter")
        await until(pilot, lambda: payloads(stocked) == [b'{"id":13,"amount":3,"type":"IN"}'])


async def test_a_preset_without_a_product_moves_the_marked_rows(stocked: ScriptedEngine) -> None:
    app = OpsciApp(stocked)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: screen.stock.rows == 3)
        await pilot.press("3", "g", "space", "space", "p", "down", "enter")
        await until(pilot, lambda: "2 products" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(stocked.published) == 2)
        assert payloads(stocked) == [b'{"id":%d,"amount":1,"type":"OUT"}' % identity for identity in (12, 13)]


async def test_a_refusal_is_said_before_and_a_product_that_is_gone(stocked: ScriptedEngine) -> None:
    app = OpsciApp(stocked)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        await pilot.press("p", "up", "enter")
        await until(pilot, lambda: "▲ only 5 in stock: Strapi would" in screen_text(app))
        await pilot.press("escape", "p", *"gone", "enter")
        await until(pilot, lambda: "no product that is shown has the id or barcode 999" in screen_text(app))
        assert not stocked.published


async def test_a_preset_is_clicked(stocked: ScriptedEngine) -> None:
    app = OpsciApp(stocked)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        await pilot.press("p")
        await until(pilot, lambda: "▸ a box" in screen_text(app))
        await pilot.click("#presets", offset=(5, 2))
        await until(pilot, lambda: "▸ towels by barcode" in screen_text(app))
        await pilot.click("#presets", offset=(5, 2), times=2)
        await until(pilot, lambda: "sends +3  5 → 8" in screen_text(app))


@pytest.mark.parametrize("size", SIZES)
async def test_without_presets_it_says_how_to_make_one(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("p")
    await until(pilot, lambda: "presets = [" in screen_text(app))
    await pilot.press("enter")
    assert isinstance(app.screen, PresetScreen)
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is main_screen(app))
