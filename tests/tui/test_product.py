"""The window of one product: its movements from the ledger, its chart, pending movements, and editing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from bridge.journal import Verdict
from bridge.movement import Movement, encode_movement
from tests.tui.looking import main_screen, screen_text, until, widget_text
from tests.tui.marks import NARROW
from tui.outcome import WAITS
from tui.screens.product import ProductScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from bridge.journal import Journey
    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp


def recorded(engine: ScriptedEngine, amount: int, before: int, ago: float) -> Journey:
    journey = engine.journey(encode_movement(Movement("12", amount, "IN")))
    journey.verdict, journey.product_id = Verdict.APPLIED, 12
    journey.stock_before, journey.stock_after = before, before + amount
    journey.decided_at = time.time() - ago
    journey.partition, journey.offset = 3, 100 + before
    engine.ledger.append(journey)
    return journey


async def opened(app: OpsciApp, pilot: Pilot[None]) -> ProductScreen:
    await pilot.press("3", "g", "enter")
    await until(pilot, lambda: isinstance(app.screen, ProductScreen))
    assert isinstance(app.screen, ProductScreen)
    return app.screen


async def test_movements_stand_newest_first_with_time_and_source(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    recorded(engine, 5, 30, 200)
    recorded(engine, 6, 35, 100)
    screen = await opened(app, pilot)
    await until(pilot, lambda: screen.view.rows == 2)
    lines = widget_text(screen.view).split("\n")
    assert "+6" in lines[1]
    assert "✓ 35 → 41" in lines[1]
    assert "stock p3@135" in lines[1]
    assert "+5" in lines[2]
    shown = screen_text(app)
    assert "Product · 12 Licensed Concrete Gloves" in shown
    assert "41 in stock · nothing is pending" in shown
    recorded(engine, 1, 41, 0)
    await until(pilot, lambda: screen.view.rows == 3)


async def test_what_is_on_its_way_stands_on_top_until_the_ledger_has_it(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    recorded(engine, 5, 36, 100)
    [journey] = engine.receive(1)
    screen = await opened(app, pilot)
    await until(pilot, lambda: "1 movement on its way: +5 → 46" in screen_text(app))
    assert WAITS in widget_text(screen.view).split("\n")[1]
    engine.acknowledge([journey])
    engine.apply([journey])
    await until(pilot, lambda: "46 in stock · nothing is pending" in screen_text(app))
    engine.ledger.append(journey)
    await until(pilot, lambda: screen.view.rows == 2 and not screen._found.unrecorded)


async def test_the_chart_has_axes_and_v_goes_through_its_periods(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    recorded(engine, 5, 10, 7_200)
    recorded(engine, 26, 15, 60)
    await opened(app, pilot)
    await until(pilot, lambda: "stock over the last hour" in screen_text(app))
    await until(pilot, lambda: " 15┤" in screen_text(app) and " 41┤" in screen_text(app))
    await pilot.press("z", "z")
    await until(pilot, lambda: "stock over all" in screen_text(app) and " 10┤" in screen_text(app))


async def test_an_amount_is_sent_from_there_and_followed_below(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    await opened(app, pilot)
    await pilot.press("minus", "4")
    await until(pilot, lambda: "sends -4  41 → 37" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: engine.published)
    assert engine.published[0][0] == b'{"id":12,"amount":4,"type":"OUT"}'
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is main_screen(app))
    assert "-4" in widget_text(main_screen(app).form.sent)


@NARROW
async def test_left_and_right_step_through_the_stock(app: OpsciApp, pilot: Pilot[None]) -> None:
    await opened(app, pilot)
    await pilot.press("right")
    await until(pilot, lambda: "Product · 13 " in screen_text(app))
    await pilot.press("q")
    await until(pilot, lambda: app.screen is main_screen(app))


@pytest.mark.parametrize("why", ["Strapi is away", "Strapi answers 404"])
async def test_where_the_ledger_cannot_be_read_it_says_why(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine, why: str
) -> None:
    engine.ledger_refused = why
    await opened(app, pilot)
    await until(pilot, lambda: f"the ledger can't be read: {why}" in screen_text(app))


async def test_a_product_without_movements_has_no_empty_chart(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    screen = await opened(app, pilot)
    await until(pilot, lambda: "no movement of this product yet" in screen_text(app))
    assert not screen.query_one("#stock-chart").display
    recorded(engine, 5, 36, 100)
    await until(pilot, lambda: screen.query_one("#stock-chart").display)
