"""Partial updates of the screen: the same as Textual's, and no more than is visible."""

from __future__ import annotations

import random
import re
import time
from typing import TYPE_CHECKING

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.screen import Screen

from tests.tui.looking import main_screen, until
from tui._textual import PartCompositor
from tui.app import OpsciApp
from tui.widgets.pane import Pane

if TYPE_CHECKING:
    import pytest
    from textual.pilot import Pilot
    from textual.widget import Widget

    from tests.tui.scripted import ScriptedEngine

_TRIES = 150
_MOVED_FOR_NOTHING = re.compile(r"\x1b\[\d+;\d+H(?=\x1b\[\d+;\d+H|\n|$)")


def update_of(app: OpsciApp, parts: set[Region], *, plain: bool) -> str:
    """The terminal output for some parts of the screen, from Textual's compositor or ours."""
    compositor = app.screen._compositor
    assert isinstance(compositor, PartCompositor)
    compositor._dirty_regions.clear()
    compositor._dirty_regions.update(parts)
    update = Compositor.render_partial_update(compositor) if plain else compositor.render_partial_update()
    assert isinstance(update, ChopsUpdate)
    # Textual also moves to what begins where a part ends, and writes nothing there.
    return _MOVED_FOR_NOTHING.sub("", update.render_segments(app.console))


async def test_a_part_is_drawn_as_textual_draws_it(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    app, chosen = OpsciApp(engine), random.Random(5)  # noqa: S311 - the same parts each time
    async with app.run_test(size=(120, 40)) as pilot:
        engine.flow(60)
        await until(pilot, lambda: main_screen(app).mqtt.rows == 60)
        await pilot.press("2", "slash", "r")
        app.notify("in front of everything")
        await pilot.pause()
        # Rows fade and grow older.
        now = time.time()
        monkeypatch.setattr("time.time", lambda: now)
        for _ in range(_TRIES):
            corners = [(chosen.randrange(120), chosen.randrange(40)) for _ in range(chosen.randint(1, 6))]
            parts = {
                Region(x, y, chosen.randint(1, 120 - x), chosen.choice((1, chosen.randint(1, 40 - y))))
                for x, y in corners
            }
            assert update_of(app, parts, plain=False) == update_of(app, parts, plain=True), parts


async def test_the_rows_of_a_pane_are_drawn_alone(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    engine.flow(60)
    view = main_screen(app).mqtt
    await until(pilot, lambda: view.rows == 60)
    await pilot.pause()
    compositor = app.screen._compositor
    assert isinstance(compositor, PartCompositor)
    rows = view.region
    compositor._parts = (Region(rows.x, rows.y, rows.width - 2, rows.height),)
    assert [widget for widget, _ in compositor._needed()] == [view]
    pane = main_screen(app).panes[0]
    compositor._parts = (Region(pane.region.x, pane.region.y, pane.region.width, 1),)
    assert [widget for widget, _ in compositor._needed()] == [pane]
    compositor._parts = ()


async def test_rows_of_the_same_columns_are_one_part(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.pause()
    parts: list[tuple[Region, ...]] = []

    class Noting(PartCompositor):
        def _needed(self):  # type: ignore[no-untyped-def]
            parts.append(self._parts)
            return super()._needed()

    app.screen._compositor.__class__ = Noting
    update_of(app, {Region(1, row, 30, 1) for row in (5, 7, 12)}, plain=False)
    assert parts == [(Region(1, 5, 30, 8),)]


async def test_lines_at_the_top_and_at_the_bottom_do_not_draw_what_is_between(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    await pilot.pause()
    compositor = app.screen._compositor
    assert isinstance(compositor, PartCompositor)
    rendered: list[Widget] = []

    class Noting(PartCompositor):
        def _needed(self):  # type: ignore[no-untyped-def]
            for widget, seen in super()._needed():
                rendered.append(widget)
                yield widget, seen

    compositor.__class__ = Noting
    top, bottom = Region(0, 0, app.size.width, 1), Region(0, app.size.height - 1, app.size.width, 1)
    update_of(app, {top, bottom}, plain=False)
    assert rendered
    assert not [one for one in rendered if isinstance(one, Pane)]


def test_textual_has_what_it_stands_in_for() -> None:
    assert {"render_partial_update", "_get_renders", "visible_widgets"} <= vars(Compositor).keys()
    assert type(Screen()._compositor) is Compositor
