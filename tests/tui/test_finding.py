"""Finding one movement across the panes, and following it there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from bridge.journal import Journey, Product
from tests.tui.looking import SIZES, main_screen, screen_text, until
from tests.tui.marks import NARROW, TOASTS
from tui.app import OpsciApp
from tui.widgets.find import FindBar, journey_is, product_is
from tui.widgets.footer import KeysFooter

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp


@pytest.mark.parametrize("size", SIZES)
async def test_ctrl_f_finds_by_offset_product_and_id(
    engine: ScriptedEngine, size: tuple[int, int], app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    journeys = engine.flow(1, product="13") + engine.flow(200, product="12") + engine.flow(1, product="13")
    await until(pilot, lambda: screen.kafka.rows == 202 or screen.kafka.shown.pull())
    await pilot.press("4", "ctrl+f", *"p3@0", "enter")
    await until(pilot, lambda: screen.followed is journeys[0])
    await until(pilot, lambda: "1 of 1" in screen_text(app))
    assert screen.mqtt.cursor_row() == 0
    assert screen.query_one(KeysFooter).region.bottom == size[1]
    screen.query_one(FindBar).input.value = "13"
    seen = []
    for _ in range(4):
        await pilot.press("enter")
        await pilot.pause()
        seen.append((screen.mqtt.cursor, screen.stock.cursor))
    assert seen == [(201, None), (0, None), (None, 13), (201, None)]
    screen.query_one(FindBar).input.value = journeys[5].movement_id.upper()
    await pilot.press("enter", "escape")
    await until(pilot, lambda: screen.followed is journeys[5])
    assert screen.mqtt.has_focus
    assert not screen.query_one(FindBar).display


@NARROW
@TOASTS
async def test_a_toast_leaves_the_count_in_sight(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    engine.flow(3)
    await until(pilot, lambda: screen.mqtt.rows == 3)
    app.notify(
        "a text that is long enough to stand over all of the line in which one types what to find " * 2, timeout=600
    )
    await pilot.press("ctrl+f", *"p3@1", "enter")
    await until(pilot, lambda: "a text that is long enough" in screen_text(app))
    await until(pilot, lambda: "1 of 1" in screen_text(app).splitlines()[-2])


async def test_what_is_not_there_is_said(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("ctrl+f", *"nothing", "enter")
    await until(pilot, lambda: "not found" in screen_text(app))


def test_what_is_looked_for() -> None:
    journey = Journey("019A-77-0", b"", partition=3, offset=128)
    journey.product_id, journey.product_name = 12, "Gloves 120"
    found = [
        wanted
        for wanted in ("019a-77-0", "019a-7", "019", "p3@128", "12", "120", "gloves")
        if journey_is(journey, wanted)
    ]
    assert found == ["019a-77-0", "019a-7", "p3@128", "12", "gloves"]
    product = Product(12, "DOC", "Gloves", 1, "0417")
    assert [product_is(product, wanted) for wanted in ("12", "doc", "0417", "glo", "1", "x")] == [True] * 4 + [
        False
    ] * 2


async def test_the_other_panes_scroll_to_what_is_selected(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.stock_up(*(Product(number, f"doc{number}", f"product {number}", 9) for number in range(1, 101)))
    engine.flow(1, product="90")
    engine.flow(200, product="5")
    await until(pilot, lambda: screen.kafka.rows == 201)
    await pilot.press("2", "k", "1", "g")
    await until(pilot, lambda: screen.kafka.linked == 0 and screen.kafka.top == 0)
    await until(pilot, lambda: screen.stock.top <= 89 < screen.stock.top + screen.stock.page_rows)


async def test_a_pane_that_follows_goes_on_and_says_how_far_up_it_is(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(200)
    await until(pilot, lambda: screen.kafka.rows == 200)
    await pilot.press("1", "g")
    await until(pilot, lambda: f"selected {screen.kafka.top} up" in str(screen.panes[1].border_subtitle))
    assert screen.kafka.following
