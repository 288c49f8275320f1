"""The live panes: they follow, hold still while they are read, pause, clear, filter, and show pending movements."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from textual.content import Content

from bridge.journal import Verdict
from bridge.movement import Reason
from bridge.settings import ScreenSettings, Settings
from tests.tui.looking import SIZES, main_screen, screen_text, shows, until, widget_lines, widget_text
from tests.tui.marks import TOASTS, WIDE
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp
from tui.outcome import Tone

if TYPE_CHECKING:
    from textual.pilot import Pilot


@pytest.mark.parametrize("size", SIZES)
async def test_a_movement_is_seen_in_all_three_panes(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    engine.flow()
    for key, view, wanted in (("1", screen.mqtt, "+5"), ("2", screen.kafka, "p3@0"), ("3", screen.stock, "46")):
        await pilot.press(key)
        await until(pilot, partial(shows, view, wanted))
    assert engine.started


async def test_an_empty_pane_says_so(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    await until(pilot, partial(shows, view, "Nothing has moved yet."))
    engine.receive()
    await until(pilot, lambda: "Nothing" not in widget_text(view) and view.rows == 1)


@WIDE
async def test_a_verdict_is_painted_when_it_comes(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    journeys = engine.receive()
    await until(pilot, lambda: "◌ waits" in widget_text(view))
    engine.acknowledge(journeys)
    await until(pilot, lambda: "◌ waits" in widget_text(view))
    engine.reject(journeys, Reason.INSUFFICIENT_STOCK, "not enough")
    await until(pilot, lambda: "✗ insufficient" in widget_text(view))


async def test_a_row_on_screen_is_repainted_without_a_new_record(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    journeys = engine.receive(3)
    await until(pilot, lambda: main_screen(app).mqtt.rows == 3)
    engine.acknowledge(journeys)
    engine.apply(journeys)
    await until(pilot, lambda: any("✓" in line for line in shown_lines(app)))


def shown_lines(app: OpsciApp) -> list[str]:
    """The text that the compositor put on the terminal, not what the widget would draw."""
    return [strip.text for strip in app.screen._compositor.render_strips()]


async def test_the_latest_record_is_followed(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    engine.receive(500, product="7")
    engine.receive(1, product="8")
    await until(pilot, lambda: " 8 " in widget_lines(view)[-1])
    assert view.following


@pytest.mark.parametrize("back", ["f", "end", "G"])
async def test_scrolling_up_holds_still_until_asked_to_follow(
    engine: ScriptedEngine, back: str, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view, pane = main_screen(app).mqtt, main_screen(app).panes[0]
    engine.receive(500)
    await until(pilot, lambda: view.rows == 500)
    await pilot.press("k")
    assert not view.following
    before = widget_lines(view)
    engine.receive(1_204, product="99")
    await until(pilot, lambda: "+1,204 new" in str(pane.border_subtitle))
    assert widget_lines(view) == before
    await pilot.press(back)
    await until(pilot, lambda: view.following)
    await until(pilot, lambda: " 99 " in widget_lines(view)[-1])
    await until(pilot, lambda: "following" in str(pane.border_subtitle))


async def test_the_wheel_leaves_following_too(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    engine.receive(500)
    await until(pilot, lambda: view.rows == 500)
    view.scroll_up(animate=False)
    await until(pilot, lambda: not view.following)
    top = view.top
    engine.receive(100)
    await until(pilot, lambda: view.waiting == 100)
    assert view.top == top


async def test_what_is_read_stays_put_while_rows_fall_off_a_full_ring(engine: ScriptedEngine) -> None:
    small = ScriptedEngine(Settings(screen=ScreenSettings(keep=200, frames=30)))
    app = OpsciApp(small)
    async with app.run_test(size=(120, 40)) as pilot:
        view = main_screen(app).mqtt
        for number in range(200):
            small.receive(1, product=str(1_000 + number))
        await until(pilot, lambda: view.rows == 200)
        await pilot.press("k")
        before = widget_lines(view)
        small.receive(50)
        await until(pilot, lambda: view.waiting == 50)
        assert view.rows == 200
        assert widget_lines(view) == before
        assert view.cursor == 199


async def test_the_cursor_stays_with_its_record(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    engine.receive(10)
    await until(pilot, lambda: view.rows == 10)
    await pilot.press("k", "k", "k")
    assert view.cursor_row() == 7
    engine.receive(500)
    await until(pilot, lambda: view.rows == 510)
    await pilot.press("j")
    assert view.cursor == 8


async def test_moving_keys(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    engine.receive(300)
    await until(pilot, lambda: view.rows == 300)
    await pilot.press("home")
    assert (view.cursor, view.top) == (0, 0)
    await pilot.press("pagedown")
    assert view.cursor == view.page_rows - 1
    await pilot.press("pageup")
    assert view.cursor == 0
    await pilot.press("j", "down", "k", "up", "down")
    assert view.cursor == 1
    await pilot.press("end", "pageup", "g")
    assert view.cursor == 0


async def test_pause_holds_the_display_and_counts(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    engine.receive(10)
    await until(pilot, lambda: screen.mqtt.rows == 10)
    await pilot.press("h")
    engine.receive(25)
    await until(pilot, lambda: "25 held back" in str(screen.panes[0].border_subtitle))
    assert screen.mqtt.rows == 10
    assert engine.journal.mqtt.next == 35
    await pilot.press("h")
    await until(pilot, lambda: screen.mqtt.rows == 35)


async def test_a_pause_outlives_the_ring(engine: ScriptedEngine) -> None:
    small = ScriptedEngine(Settings(screen=ScreenSettings(keep=100, frames=30)))
    app = OpsciApp(small)
    async with app.run_test(size=(120, 40)) as pilot:
        view = main_screen(app).mqtt
        small.receive(100, product="77")
        await until(pilot, lambda: view.rows == 100)
        await pilot.press("h")
        small.receive(1_000, product="88")
        await until(pilot, lambda: view.shown.held_back == 1_000)
        assert " 77 " in widget_text(view)
        assert " 88 " not in widget_text(view)
        await pilot.press("h")
        await until(pilot, lambda: " 88 " in widget_text(view))


async def test_clear_is_of_the_display_only(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    engine.receive(10)
    await until(pilot, lambda: view.rows == 10)
    await pilot.press("ctrl+l")
    await until(pilot, lambda: view.rows == 0)
    assert len(engine.journal.mqtt) == 10
    engine.receive(2)
    await until(pilot, lambda: view.rows == 2)


async def test_a_filter_applies_to_new_arrivals_and_is_dropped_by_escape(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.receive(5, product="13")
    engine.receive(5, product="12")
    await until(pilot, lambda: screen.mqtt.rows == 10)
    await pilot.press("slash", *"towels")
    await until(pilot, lambda: screen.mqtt.rows == 5)
    await pilot.press("enter")
    assert screen.mqtt.has_focus
    engine.receive(3, product="13")
    engine.receive(3, product="12")
    await until(pilot, lambda: screen.mqtt.rows == 8)
    await until(pilot, lambda: "8 of 16  /towels" in screen_text(app))
    await pilot.press("slash", "escape")
    await until(pilot, lambda: screen.mqtt.rows == 16)
    assert screen.mqtt.has_focus


async def test_a_filter_that_is_none_is_said_and_changes_nothing(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.receive(5)
    await until(pilot, lambda: screen.mqtt.rows == 5)
    await pilot.press("slash", *"re:[")
    await until(pilot, lambda: "not a regular expression" in str(screen.panes[0].border_subtitle))
    assert screen.mqtt.rows == 5


async def test_selecting_lights_up_the_movement_everywhere_and_shows_its_way(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(3, product="13", amount=1)
    journeys = engine.flow(1, product="12")
    await until(pilot, lambda: screen.kafka.rows == 4)
    await pilot.press("k")
    await until(pilot, lambda: screen.followed is journeys[0])
    await until(pilot, lambda: screen.kafka.linked == 3)
    assert screen.stock.linked == 12
    await until(pilot, lambda: "Kafka p3@3" in widget_text(screen.query_one("#way")))
    assert "41 → 46" in widget_text(screen.query_one("#way"))
    await pilot.press("escape")
    await until(pilot, lambda: screen.followed is None)
    await until(pilot, lambda: screen.kafka.linked is None)


@pytest.mark.usefixtures("pilot")
async def test_a_change_is_marked_in_its_cell_for_a_moment_and_not_where_much_changes(
    engine: ScriptedEngine, app: OpsciApp
) -> None:
    view = main_screen(app).stock
    engine.flow()
    product = engine.journal.stock.get(12)
    assert product is not None
    column = next(column for column in view.columns if column.id == "last")

    def tone(passed: float) -> Tone:
        assert product is not None
        assert view.state_of(product, product.changed_at + passed)[1] == "", "never the whole row"
        return column.cell(product, product.changed_at + passed).tone

    assert [tone(passed) for passed in (0.1, 2.9, 3.1)] == [Tone.FRESH_IN, Tone.FRESH_IN, Tone.IN]
    view.calm = False
    assert tone(0.1) is Tone.IN


@WIDE
async def test_a_foreign_record_stands_in_the_kafka_pane(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).kafka
    journey = engine.journey(b'{"id":12,"amount":1,"type":"IN"}')
    journey.mqtt_topic, journey.received_at = None, None
    journey.partition, journey.offset, journey.consumed_at = 1, 7, 1.0
    journey.verdict = Verdict.DUPLICATE
    engine.journal.consumed([journey])
    await until(pilot, lambda: "p1@7" in widget_text(view) and "≡" in widget_text(view))


async def test_a_filter_by_verdict_sees_what_is_decided_later(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    await pilot.press("slash", *"verdict:rejected amount>3", "enter")
    journeys = engine.receive(4)
    await until(pilot, lambda: screen.mqtt.shown.pull() is not None)
    assert screen.mqtt.rows == 0
    engine.reject(journeys[1:2], Reason.INSUFFICIENT_STOCK, "not enough")
    await until(pilot, lambda: screen.mqtt.rows == 1)
    assert screen.mqtt.key_at(0) == 1


@TOASTS
async def test_lower_and_upper_n_step_through_matches_among_all_records(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).mqtt
    for product in ("12", "13", "12", "13", "12"):
        engine.receive(1, product=product)
    await until(pilot, lambda: view.rows == 5)
    await pilot.press("n")
    assert view.cursor is None
    await pilot.press("slash", *"product=13", "enter")
    await until(pilot, lambda: view.rows == 2)
    await pilot.press("slash", "escape", "g")
    await until(pilot, lambda: view.rows == 5)
    seen: list[object] = []
    for key in ("n", "n", "n", "N", "N"):
        await pilot.press(key)
        seen.append(view.cursor)
    assert seen == [1, 3, 3, 1, 1]
    await until(pilot, lambda: "no earlier record matches" in screen_text(app))


async def test_half_pages(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    view = main_screen(app).mqtt
    engine.receive(300)
    await until(pilot, lambda: view.rows == 300)
    await pilot.press("g", "ctrl+d")
    assert view.cursor == (view.page_rows - 1) // 2
    await pilot.press("ctrl+u")
    assert view.cursor == 0


@pytest.mark.parametrize("size", SIZES)
async def test_the_title_has_a_sparkline_where_there_is_room(
    engine: ScriptedEngine, size: tuple[int, int], app: OpsciApp, pilot: Pilot[None]
) -> None:
    pane = main_screen(app).panes[0]
    engine.journal.received.add(4, time.monotonic() - 2)
    engine.journal.received.add(8, time.monotonic() - 1)
    head = pane.query_one(".head")
    await until(pilot, lambda: "12 received" in widget_text(head))
    await until(pilot, lambda: "█" in widget_text(head) or not pane.styles.border_top[0])
    assert Content.from_markup(pane.border_title or "").cell_length <= pane.size.width - 4


async def test_brackets_size_the_pane(app: OpsciApp, pilot: Pilot[None]) -> None:
    pane = main_screen(app).panes[1]
    before = pane.size.width
    await pilot.press("2", "right_square_bracket")
    await until(pilot, lambda: pane.size.width == before + 8)
    await pilot.press("left_square_bracket", "left_square_bracket")
    await until(pilot, lambda: pane.size.width == before - 8)
    await pilot.press(*["right_square_bracket"] * 20)
    assert all(pane.size.width >= 16 for pane in main_screen(app).panes)


async def test_t_says_times_as_ages_and_as_the_time_of_day(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow()
    await until(pilot, lambda: screen.mqtt.rows == 1)
    await pilot.press("t")
    assert " ago" in widget_lines(screen.mqtt)[0]
    await until(pilot, lambda: re.match(r" *(now|\d+s) ", widget_lines(screen.mqtt)[1]))
    await pilot.press("t")
    assert widget_lines(screen.mqtt)[0].startswith("time")
    assert " at " in widget_lines(screen.stock)[0]


async def test_m_rules_a_line_and_counts_what_comes_after(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view, pane = main_screen(app).mqtt, main_screen(app).panes[0]
    engine.receive(3)
    await until(pilot, lambda: view.rows == 3)
    await pilot.press("space")
    engine.receive(7)
    await until(pilot, lambda: "◀" in str(pane.border_subtitle) and "+7" in str(pane.border_subtitle))
    assert ["◀" in line for line in widget_lines(view)[1:6]] == [False, False, True, False, False]
    await pilot.press("g", "j", "j", "space")
    await until(pilot, lambda: "◀" not in widget_text(view))


async def test_a_regular_expression_without_an_end_is_given_up(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    engine.flow(3)
    engine.journal.arrived([engine.journey(b"a" * 60 + b"b")])
    await until(pilot, lambda: screen.mqtt.rows == 4)
    await pilot.press("1", "slash")
    screen.panes[0].filter_input.value = "re:(a|aa)+$"
    await until(pilot, lambda: "takes too long on one record" in screen_text(app))
    assert screen.mqtt.rows == 4
    screen.panes[0].filter_input.value = "re:a+b$"
    await until(pilot, lambda: screen.mqtt.rows == 1 and "too long" not in screen_text(app))
    screen.panes[0].filter_input.value = "re:(z|zz)+$"
    await until(pilot, lambda: screen.mqtt.rows == 0)
    engine.journal.arrived([engine.journey(b"z" * 60 + b"b")])
    await until(pilot, lambda: "takes too long on one record" in screen_text(app) and screen.mqtt.rows == 5)


async def test_a_filter_and_finding_among_very_many_records_leave_the_keys_alone() -> None:
    many = ScriptedEngine(Settings(screen=ScreenSettings(keep=20_000, frames=30)))
    many.receive(1, product="77")
    many.journal.mqtt.extend([many.journey(b'{"id":12,"amount":5,"type":"IN"}')] * 19_999)
    app = OpsciApp(many)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        view = screen.mqtt
        await until(pilot, lambda: view.rows == 20_000)
        view.set_filter("product=77")
        assert view.shown.left > 1_000
        screen.pull()
        assert "filtering, " in str(screen.panes[0].border_subtitle)
        await until(pilot, lambda: view.rows == 1 and not view.shown.left, 60)
        view.set_filter("")
        view.action_seek(-1)
        assert view.seeking.left > 1_000
        await until(pilot, lambda: view.cursor == 0, 60)
        view.action_last()
        await pilot.press("ctrl+f", *"77", "enter")
        await until(pilot, lambda: "1 of 1" in screen_text(app) and "to go" not in screen_text(app), 30)
        assert screen.followed is many.journal.mqtt.get(0)
