"""The charts window: the last ten minutes, percentiles, and what it says while there is nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.tui.looking import main_screen, screen_text, until
from tests.tui.marks import NARROW
from tui.screens.charts import ChartsScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp


async def opened(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("l")
    await until(pilot, lambda: isinstance(app.screen, ChartsScreen))


def drawn(app: OpsciApp) -> bool:
    return any("⠀" <= character <= "⣿" for character in screen_text(app))


async def test_while_nothing_came_it_says_what_will_be_there(app: OpsciApp, pilot: Pilot[None]) -> None:
    await opened(app, pilot)
    await until(pilot, lambda: screen_text(app).count("will be drawn here") == 3)
    assert screen_text(app).count("nothing measured") == 4
    assert not drawn(app)


async def test_movements_of_before_it_was_opened_are_drawn_with_their_percentiles(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.flow(10)
    engine.journal.lag = 3
    engine.journal.sample(2)
    await opened(app, pilot)
    # The current second is drawn once it is over.
    await until(pilot, lambda: "will be drawn here" not in screen_text(app) and drawn(app))
    shown = screen_text(app)
    # No one told when the consumer had them.
    assert (shown.count("of 10 movements"), shown.count("nothing measured")) == (3, 1)
    assert "p50    12 ms   p95    12 ms" in shown
    assert "Waiting  ━ for Kafka" in shown


async def test_its_keys_close_it_and_nothing_else(app: OpsciApp, pilot: Pilot[None]) -> None:
    for key in ("q", "escape", "l"):
        await opened(app, pilot)
        await pilot.press(key)
        await until(pilot, lambda: app.screen is main_screen(app))
    assert app.is_running


@NARROW
async def test_where_there_is_no_room_one_chart_stands_at_a_time_and_v_goes_on(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    now = time.monotonic()
    for passed in range(30):
        engine.journal.to_strapi.note(passed, now - passed)
    engine.flow(10)
    await opened(app, pilot)
    await until(pilot, lambda: " Rate  ━ MQTT" in screen_text(app))
    shown = screen_text(app)
    assert "Waiting" not in shown
    assert "from end to end" in shown
    assert "p95" in shown
    await pilot.press("v")
    await until(pilot, lambda: " Waiting  ━ for Kafka" in screen_text(app) and drawn(app))
    await pilot.press("v")
    await until(pilot, lambda: " Latency  ━ to Kafka 12 ms" in screen_text(app))
    await pilot.press("v")
    await until(pilot, lambda: " Rate  ━ MQTT" in screen_text(app))
