"""The mouse: rows, titles, the wheel, buttons and tabs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events

from tests.tui.looking import SIZES, main_screen, until, widget_lines, widget_text
from tests.tui.marks import NARROW
from tui.screens.product import ProductScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.widget import Widget

    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp


async def wheel(pilot: Pilot[None], widget: Widget, *, up: bool) -> None:
    """One notch of the wheel over a widget."""
    kind = events.MouseScrollUp if up else events.MouseScrollDown
    x, y = widget.region.center
    widget.post_message(kind(widget, int(x), int(y), 0, -1 if up else 1, 0, False, False, False))
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
async def test_a_click_on_a_title_sorts_and_turns(app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).stock
    await pilot.press("3")
    await until(pilot, lambda: view.rows == 3 and "stock" in widget_lines(view)[0])
    place = widget_lines(view)[0].index("stock")
    for arrow, ids in (("▲", [13, 120, 12]), ("▼", [12, 120, 13])):
        await pilot.click(view, offset=(place + 1, 0))
        await until(pilot, lambda arrow=arrow: f"stock{arrow}" in widget_lines(view)[0])  # type: ignore[misc]
        assert [view.key_at(row) for row in range(3)] == ids
    assert view.cursor is None
    await pilot.click(view, offset=(1, 0))
    await until(pilot, lambda: "#▲" in widget_lines(view)[0])


async def test_a_click_on_a_title_of_a_log_sorts_it_until_it_follows_again(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).mqtt
    engine.receive(3)
    await until(pilot, lambda: view.rows == 3)
    await pilot.click(view, offset=(3, 0))
    await until(pilot, lambda: not view.following and any(sign in widget_lines(view)[0] for sign in "▲▼"))
    await pilot.press("1", "f")
    await until(pilot, lambda: view.following and not any(sign in widget_lines(view)[0] for sign in "▲▼"))


async def test_a_click_selects_in_another_pane_and_a_double_click_opens(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(3)
    await until(pilot, lambda: screen.kafka.rows == 3)
    await pilot.click(screen.kafka, offset=(4, 2))
    await until(pilot, lambda: screen.kafka.cursor == 1 and screen.kafka.has_focus)
    assert screen.mqtt.linked == 1
    await pilot.click(screen.stock, offset=(4, 2), times=2)
    await until(pilot, lambda: isinstance(app.screen, ProductScreen))


async def test_the_wheel_scrolls_and_holds_still(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    engine.receive(500)
    await until(pilot, lambda: view.rows == 500 and view.top > 400)
    before = view.top
    await wheel(pilot, view, up=True)
    await until(pilot, lambda: not view.following and view.top < before)
    top = view.top
    engine.receive(100)
    await until(pilot, lambda: view.waiting == 100)
    assert view.top == top
    await wheel(pilot, view, up=False)
    await until(pilot, lambda: view.top > top)


@pytest.mark.parametrize("size", SIZES)
async def test_the_button_and_the_suggestions_take_clicks(
    engine: ScriptedEngine, size: tuple[int, int], app: OpsciApp, pilot: Pilot[None]
) -> None:
    form = main_screen(app).form
    await until(pilot, lambda: main_screen(app).stock.rows == 3)
    # The form's height is that of the terminal's size once the screen knows it.
    await until(pilot, lambda: form.region.height == {24: 1, 40: 10, 60: 16}[size[1]])
    await pilot.click("#product")
    await pilot.press(*"towels")
    await until(pilot, lambda: form.suggestions.is_open)
    await pilot.click("#suggestions", offset=(6, 1))
    await until(pilot, lambda: form.product.value == "13" and form.amount.has_focus)
    await pilot.press(*"+2")
    await pilot.click("#send")
    await until(pilot, lambda: [payload for payload, _ in engine.published])
    assert engine.published[0][0] == b'{"id":13,"amount":2,"type":"IN"}'


@NARROW
async def test_every_tab_takes_a_click(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    for pane in (screen.panes[2], screen.panes[1], screen.panes[0]):
        tabs = screen.query_one("#tabs")
        await until(pilot, lambda: screen.query_one("#tabs").size.width > 0)
        at = widget_text(tabs).index(f"{pane.number} ")
        await pilot.click("#tabs", offset=(at + 2, 0))
        await until(pilot, lambda pane=pane: pane.view.has_focus)  # type: ignore[misc]
