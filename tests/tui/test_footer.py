"""The line of keys: what it says in which width, and what a mouse does on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len
from textual.widget import Widget

from tests.tui.looking import main_screen, until, widget_text
from tui.app import OpsciApp
from tui.widgets.footer import CUT, KeysFooter, KeyShown, key_line

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine

STYLES = ("bold", "dim")
KEYS = [
    KeyShown("f", "f", "Follow", "Follow again"),
    KeyShown("1", "1", "MQTT", "Go to the messages", group="Panes"),
    KeyShown("2", "2", "Kafka", "Go to the records", group="Panes"),
    KeyShown("enter", "⏎", "Öffnen", "Open it", enabled=False),
]
PALETTE = KeyShown("ctrl+p", "^p", "palette", "Every command")


def test_keys_of_a_group_stand_together_before_one_word() -> None:
    line = key_line(KEYS, PALETTE, 60, STYLES)
    assert line.content.plain == "f Follow 12 Panes ⏎ Öffnen" + " " * 22 + "▏^p palette "
    assert [line.at(x) for x in (0, 3, 8, 9, 10, 12, 18)] == [
        KEYS[0], KEYS[0], None, KEYS[1], KEYS[2], KEYS[2], KEYS[3]
    ]  # fmt: skip
    assert line.at(58) is PALETTE


@pytest.mark.parametrize("width", range(40))
def test_a_line_is_as_wide_as_there_is_room_and_says_where_keys_are_cut_off(width: int) -> None:
    line = key_line(KEYS, None, width, STYLES)
    assert cell_len(line.content.plain) == max(width, 1)
    whole = "f Follow 12 Panes ⏎ Öffnen "
    assert line.content.plain.endswith(CUT) == (width < len(whole))
    assert {key.key for _, _, key in line.places} <= {key.key for key in KEYS}


async def test_moving_the_focus_makes_no_widgets(engine: ScriptedEngine) -> None:
    mounted: list[Widget] = []
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        footer = app.screen.query_one(KeysFooter)
        await until(pilot, lambda: "Follow" in widget_text(footer))
        before = set(app.screen.walk_children(Widget))
        await pilot.press("3")
        await until(pilot, lambda: "Follow" not in widget_text(footer))
        mounted = [widget for widget in app.screen.walk_children(Widget) if widget not in before]
    assert mounted == []


async def test_a_click_on_a_key_is_the_key_and_the_mouse_over_it_says_more(app: OpsciApp, pilot: Pilot[None]) -> None:
    footer = app.screen.query_one(KeysFooter)
    await until(pilot, lambda: "Filter" in widget_text(footer))
    x = widget_text(footer).index("Filter")
    await pilot.hover(footer, offset=(x, 0))
    await until(pilot, lambda: footer.tooltip)
    assert footer.tooltip == "Show only what matches"
    await pilot.click(footer, offset=(x, 0))
    await until(pilot, lambda: main_screen(app).panes[0].has_class("filtering"))
