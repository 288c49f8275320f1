"""The cost of a frame, counted and not timed: no layout for a new row, no pane repainted for a title, no line twice."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBarRender

from tests.tui.looking import main_screen, screen_text, until
from tui.app import OpsciApp
from tui.widgets.strips import PaintedRow
from tui.widgets.table import thumb_of

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.screen import Screen

    from tests.tui.scripted import ScriptedEngine


async def test_rows_that_come_lay_nothing_out_and_are_on_the_screen(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    laid_out: list[Screen[object]] = []
    async with app.run_test(size=(120, 40)) as pilot:
        view = main_screen(app).mqtt
        engine.flow(60)
        await until(pilot, lambda: view.rows == 60)
        await pilot.pause()
        app.screen.screen_layout_refresh_signal.subscribe(view, laid_out.append)
        for come in range(1, 11):
            engine.flow(1, amount=come)
            await until(pilot, lambda come=come: view.rows == 60 + come)  # type: ignore[misc]
        await until(pilot, lambda: "70 received" in screen_text(app))
        assert "+10 Licensed" in screen_text(app)
        assert view.scroll_y == view.max_scroll_y == 71 - view.container_size.height
    assert laid_out == []


async def test_the_first_rows_and_none_any_more_lay_nothing_out_either(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    laid_out: list[Screen[object]] = []
    async with app.run_test(size=(120, 40)) as pilot:
        view = main_screen(app).mqtt
        await pilot.pause()
        app.screen.screen_layout_refresh_signal.subscribe(view, laid_out.append)
        engine.flow(3)
        await until(pilot, lambda: view.rows == 3)
        engine.flow(60)
        await until(pilot, lambda: view.scroll_y == view.max_scroll_y > 0)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: not view.rows and not view.scroll_y)
        await until(pilot, lambda: "Nothing has moved yet." in screen_text(app))
    assert laid_out == []


async def test_a_title_is_painted_by_its_own_line(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    pane = main_screen(app).panes[0]

    def is_shown() -> bool:
        engine.receive(5)
        return " 0/s" not in screen_text(app).splitlines()[pane.region.y][: pane.region.width]

    await until(pilot, is_shown)
    assert "MQTT ●" in screen_text(app).splitlines()[pane.region.y]
    await pilot.press("up")
    await until(pilot, lambda: "holding still" in screen_text(app).splitlines()[pane.region.bottom - 1])


async def test_rows_that_scrolled_away_are_freed_at_once(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).mqtt
    await pilot.pause()
    gc.collect()
    gc.disable()
    try:
        for come in range(1, 21):
            engine.flow(view.size.height, amount=come)
            await until(pilot, lambda come=come: f"+{come} L" in screen_text(app))  # type: ignore[misc]
        painted = sum(isinstance(found, PaintedRow) for found in gc.get_objects())
    finally:
        gc.enable()
    # Textual keeps the lines of the few regions that it drew last; 40 screens of rows went by.
    assert painted <= len(main_screen(app).panes) * 6 * view.size.height


async def test_a_row_that_moved_is_the_strip_that_it_was(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).mqtt
    engine.flow(60)
    await until(pilot, lambda: view.rows == 60)
    whole = Region(0, 0, view.size.width, view.size.height)
    before = view.render_lines(whole)
    engine.flow(1)
    await until(pilot, lambda: view.rows == 61)
    after = view.render_lines(whole)
    assert all(moved is was for moved, was in zip(after[1:-1], before[2:], strict=True))


async def test_lines_are_those_that_textual_would_make_of_them(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    for view in (main_screen(app).mqtt, main_screen(app).stock):
        engine.flow(60)
        await until(pilot, lambda view=view: view.rows)  # type: ignore[misc]
        whole = Region(0, 0, view.size.width, view.size.height)
        ours, theirs = view.render_lines(whole), ScrollView.render_lines(view, whole)
        width = view.scrollable_content_region.width
        assert [strip.crop(0, width) for strip in ours] == [strip.crop(0, width) for strip in theirs]
        assert all(strip.cell_length == whole.width for strip in ours)


@given(st.integers(1, 60), st.integers(1, 20_000), st.integers(1, 20_000), st.data())
def test_where_the_thumb_does_not_move_the_scrollbar_is_drawn_alike(
    window: int, rows: int, others: int, data: st.DataObject
) -> None:
    tops = [data.draw(st.integers(0, max(0, count - window))) for count in (rows, others)]
    drawn, thumbs = [], []
    for count, top in zip((rows, others), tops, strict=True):
        thumbs.append((count > window, thumb_of(count, window, top)))
        drawn.append(ScrollBarRender.render_bar(window, count, window, top).segments)
    if thumbs[0] == thumbs[1] and thumbs[0][0]:
        assert drawn[0] == drawn[1]


def test_a_thumb_that_moves_by_an_eighth_is_another() -> None:
    assert thumb_of(100, 25, 0) != thumb_of(100, 25, 3)
    assert thumb_of(10_000, 25, 9_975) == thumb_of(10_001, 25, 9_976)
    assert thumb_of(10, 25, 0) == (0, 200)
