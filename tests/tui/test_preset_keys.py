"""Presets: found by typing, previewed, and sent with Enter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.journal import Server, State
from bridge.movement import Movement
from bridge.settings import Preset, ScreenSettings, Settings
from bridge.settings.load import Sources, load
from tests.tui.looking import SIZES, main_screen, screen_text, until
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp
from tui.screens.presets import PresetScreen, as_preset

if TYPE_CHECKING:
    from pathlib import Path

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


def told(app: OpsciApp, text: str) -> bool:
    """Whether a notification contains a text."""
    return any(text in one.message for one in app._notifications)


async def send(pilot: Pilot[None], engine: ScriptedEngine, product: str, amount: str) -> None:
    """Send a movement from the form; the broker gets it."""
    before = len(engine.published)
    await pilot.press("4")
    main_screen(pilot.app).form.fields.put(product, amount)  # type: ignore[arg-type]
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.published) == before + 1)
    payload, answer = engine.published[-1]
    answer.set_result(engine.journey(payload))
    await pilot.press("escape")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_was_sent_becomes_a_preset_that_survives(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "mine.toml"
    file.write_text('# mine\n[screen]\npresets = [{ name = "old", amount = 1 }] # kept\n')
    engine.settings = load(Sources(file)).settings
    app = OpsciApp(engine, Sources(file))
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        await pilot.press("P")
        await until(pilot, lambda: told(app, "nothing was sent from here yet"))
        await send(pilot, engine, "12", "+5")
        await send(pilot, engine, "13", "-2")
        await pilot.press("P")
        await until(pilot, lambda: len(engine.settings.screen.presets) == 2)
        assert engine.settings.screen.presets[1] == Preset("Licensed Plastic Towels -2", -2, "13")
        await pilot.press("p")
        await until(pilot, lambda: "▸ old" in screen_text(app))
        assert "sent: Licensed Con" in screen_text(app)
        assert "sent: Licensed Pl" not in screen_text(app), "a preset sends that already"
        await pilot.press("f2")
        assert len(engine.settings.screen.presets) == 2, "old is a preset already"
        await pilot.press(*"gloves", "f2")
        await until(pilot, lambda: len(engine.settings.screen.presets) == 3)
        await until(pilot, lambda: "sent: " not in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: "sends +5" in screen_text(app))
        await pilot.press("escape", "P")
        await until(pilot, lambda: told(app, "a preset sends the same: p shows it"))
        assert not app.starts_anew
    saved = load(Sources(file)).settings.screen.presets
    assert [(one.name, one.product, one.amount) for one in saved] == [
        ("old", "", 1),
        ("Licensed Plastic Towels -2", "13", -2),
        ("Licensed Concrete Gloves +5", "12", 5),
    ]
    assert "# mine" in file.read_text()
    assert "# kept" in file.read_text()


async def test_a_preset_that_can_not_be_saved_says_what_to_do(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    app = OpsciApp(engine, Sources(None, {"OPSCI_SCREEN_PRESETS": "[]"}))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        await send(pilot, engine, "12", "+5")
        await pilot.press("P")
        await until(pilot, lambda: told(app, "OPSCI_SCREEN_PRESETS in the environment sets it"))
        assert not engine.settings.screen.presets


async def test_who_may_only_look_saves_nothing(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    await send(pilot, engine, "12", "+5")
    assert "Save as preset" in {one.title for one in app.get_system_commands(app.screen)}
    engine.read_only = True
    assert "Save as preset" not in {one.title for one in app.get_system_commands(app.screen)}


@pytest.mark.parametrize(
    ("name", "others", "called"),
    [
        ("Gloves", [], "Gloves +5"),
        ("Gloves", ["Gloves +5", "Gloves +5 (2)"], "Gloves +5 (3)"),
        ("", [], "12 +5"),
        ("x" * 80, [], "x" * 57 + " +5"),
        ("a\x1bb", [], "a\\x1bb +5"),
    ],
)
def test_a_preset_is_called_by_product_and_amount(name: str, others: list[str], called: str) -> None:
    made = as_preset(Movement("12", 5, "IN"), name, [Preset(other, 1) for other in others])
    assert made == Preset(called, 5, "12")
