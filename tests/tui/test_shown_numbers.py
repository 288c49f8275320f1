"""Numbers and words in the panes are true: large ones, counts with a filter, a status beside its stock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.movement import Movement, Reason, encode_movement
from tests.tui.looking import main_screen, screen_text, until, widget_lines, widget_text
from tests.tui.scripted import BIKE, GLOVES, TOWELS
from tui.app import OpsciApp
from tui.language import speak

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine

SIZES = [(80, 24), (120, 36), (160, 45)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", ["en", "fr"])
async def test_large_numbers_stand_whole_in_their_rows(
    engine: ScriptedEngine, size: tuple[int, int], language: str
) -> None:
    engine.stock_up(
        GLOVES,
        GLOVES._replace(
            id=123_456_789, document_id="doc123456789", name="Bespoke Rubber Bike", stock=123_456_789, status=""
        ),
    )
    space = "," if language == "en" else "\u00a0"
    speak(language)
    try:
        app = OpsciApp(engine)
        async with app.run_test(size=size) as pilot:
            screen = main_screen(app)
            engine.offset = 123_456_789_012
            engine.flow(1, product="123456789", amount=1_607)
            taken = [engine.journey(encode_movement(Movement("12", 1_607, "OUT")))]
            engine.journal.arrived(taken)
            engine.acknowledge(taken)
            for number, texts in {
                "3": (f"123{space}458{space}396", f"+1{space}607"),
                "2": ("p3@123456789012",),
                "1": (f"+1{space}607", f"-1{space}607", "123456789"),
            }.items():
                await pilot.press(number)
                view = screen.panes[int(number) - 1].view
                for text in texts:
                    await until(pilot, lambda view=view, text=text: text in widget_text(view))  # type: ignore[misc]
    finally:
        speak("en")


async def test_a_small_number_takes_no_room_for_a_large_one(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).stock
    await until(pilot, lambda: view.rows == 3)
    # Alone, as the other products' numbers have widths of their own.
    await pilot.press("3", "slash", *"towels", "enter")
    await until(pilot, lambda: view.rows == 1)
    before = widget_lines(view)
    await pilot.press("escape")
    engine.stock_up(GLOVES._replace(stock=2_147_483_647), TOWELS, BIKE)
    await until(pilot, lambda: "2,147,483,647" in widget_text(view))
    assert widget_lines(view)[0] != before[0]
    await pilot.press("slash", *"towels", "enter")
    await until(pilot, lambda: widget_lines(view)[0] == before[0])


@pytest.mark.parametrize(
    ("stock", "stored", "shown", "absent"),
    [
        (0, "safe", "○ empty", "safe"),
        (0, "danger", "○ empty", "danger"),
        (18, "empty", "·", "empty"),
        (18, "safe", "● safe", "empty"),
        (18, "", "·", "empty"),
        (-3, "safe", "○ empty", "safe"),
    ],
)
async def test_the_status_does_not_contradict_the_stock(
    engine: ScriptedEngine, stock: int, stored: str, shown: str, absent: str
) -> None:
    engine.stock_up(GLOVES._replace(stock=stock, status=stored))
    app = OpsciApp(engine)
    async with app.run_test(size=(200, 60)) as pilot:
        view = main_screen(app).stock
        await until(pilot, lambda: shown in widget_lines(view)[1])
        assert absent not in widget_lines(view)[1]
        await pilot.press("3", "g", "enter")
        contradicted = bool(stored) and (stock <= 0 or stored == "empty")
        said = f"Strapi's attribute says {stored}"
        await until(pilot, lambda: "Gloves" in screen_text(app) and (not contradicted or said in screen_text(app)))
        assert contradicted or "Strapi's attribute" not in screen_text(app)


@pytest.mark.parametrize("size", SIZES)
async def test_a_title_says_how_many_of_all_a_filter_shows(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.reject(engine.receive(3, amount=-2), Reason.INSUFFICIENT_STOCK, "not enough")
    engine.flow(1_248)
    await until(pilot, lambda: screen.mqtt.rows == 1_251)
    await pilot.press("1", "slash", *"verdict:rejected", "enter")
    await until(pilot, lambda: "3 of 1,251" in screen_text(app))
    await pilot.press("3", "slash", *"gloves", "enter")
    await until(pilot, lambda: "1 of 3  /gloves" in screen_text(app))
    await pilot.press("escape")
    await until(pilot, lambda: "3 products" in screen_text(app) and "1 of 3" not in screen_text(app))


@pytest.mark.parametrize("number", ["1", "2", "3"])
async def test_esc_drops_a_filter_after_enter_kept_it(
    engine: ScriptedEngine, number: str, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(3)
    view = screen.panes[int(number) - 1].view
    await until(pilot, lambda: view.rows == 3)
    await pilot.press(number, "slash", *"nothing", "enter")
    await until(pilot, lambda: view.rows == 0)
    await pilot.press("escape")
    await until(pilot, lambda: view.rows == 3)
    assert view.filter_text == ""
    assert view.has_focus
    await pilot.press("slash", *"re:[", "enter")
    await until(pilot, lambda: "not a regular express" in screen_text(app))
    await pilot.press("escape")
    await until(pilot, lambda: "not a regular express" not in screen_text(app))


async def test_esc_closes_the_innermost_first(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    """The mark, the filter, the zoom, what is followed."""
    screen = main_screen(app)
    engine.flow(3)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "z", "slash", *"gloves", "enter", "g", "space")
    await until(pilot, lambda: screen.stock.marked == {12})
    await pilot.press("escape")
    assert not screen.stock.marked
    assert screen.stock.filter_text == "gloves"
    await pilot.press("escape")
    assert screen.stock.filter_text == ""
    assert not screen.mqtt.display or not screen.panes[0].display
    await pilot.press("escape")
    await until(pilot, lambda: screen.panes[0].display)
