"""The footer: its keys at each width, and the effect of the mouse on it."""

from __future__ import annotations

import re
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
    line = key_line(KEYS, [PALETTE], 60, STYLES)
    assert line.content.plain == " f Follow  12 Panes  ⏎ Öffnen " + " " * 18 + " ^p palette "
    assert [line.at(x) for x in (1, 4, 9, 11, 12, 14, 21)] == [
        KEYS[0], KEYS[0], None, KEYS[1], KEYS[2], KEYS[2], KEYS[3]
    ]  # fmt: skip
    assert line.at(58) is PALETTE


@pytest.mark.parametrize("width", range(40))
def test_a_line_is_as_wide_as_there_is_room_and_says_where_keys_are_cut_off(width: int) -> None:
    line = key_line(KEYS, [], width, STYLES)
    assert cell_len(line.content.plain) == max(width, 1)
    whole = " f Follow  12 Panes  ⏎ Öffnen "
    assert line.content.plain.endswith(CUT) == (width < len(whole))
    assert {key.key for _, _, key in line.places} <= {key.key for key in KEYS}


async def test_moving_the_focus_makes_no_widgets(engine: ScriptedEngine) -> None:
    mounted: list[Widget] = []
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        footer = app.screen.query_one(KeysFooter)
        await until(pilot, lambda: "follow" in widget_text(footer))
        before = set(app.screen.walk_children(Widget))
        await pilot.press("3")
        await until(pilot, lambda: "follow" not in widget_text(footer))
        mounted = [widget for widget in app.screen.walk_children(Widget) if widget not in before]
    assert mounted == []


async def test_a_click_on_a_key_is_the_key_and_the_mouse_over_it_says_more(app: OpsciApp, pilot: Pilot[None]) -> None:
    footer = app.screen.query_one(KeysFooter)
    await until(pilot, lambda: "filter" in widget_text(footer))
    x = widget_text(footer).index("filter")
    await pilot.hover(footer, offset=(x, 0))
    await until(pilot, lambda: footer.tooltip)
    assert footer.tooltip == "Show only what matches"
    await pilot.click(footer, offset=(x, 0))
    await until(pilot, lambda: main_screen(app).panes[0].has_class("filtering"))


def test_at_most_seven_entries_stand_before_those_at_the_end() -> None:
    many = [KeyShown(str(key), str(key), f"RouteKind {key}", "") for key in range(9)]
    line = key_line(many, [PALETTE], 200, STYLES)
    assert "RouteKind 6" in line.content.plain
    assert "RouteKind 7" not in line.content.plain


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 40)])
@pytest.mark.parametrize("keys", [("1",), ("2",), ("3",), ("4",), ("3", "slash"), ("3", "g", "plus")])
async def test_help_and_quit_stand_at_the_end_of_the_line_whatever_has_the_focus(
    app: OpsciApp, pilot: Pilot[None], keys: tuple[str, ...]
) -> None:
    footer = app.screen.query_one(KeysFooter)
    await pilot.press(*keys)
    await until(pilot, lambda: re.search(r"\S+ help +\S+ quit *$", widget_text(footer)))


async def test_help_opens_from_a_field_too(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("4")
    await until(pilot, lambda: "F1 help  ^q quit" in widget_text(app.screen.query_one(KeysFooter)))
    await pilot.press("f1")
    await until(pilot, lambda: app.screen is not main_screen(app))
