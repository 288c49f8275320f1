"""Moving stock on rows of the stock pane: typed amounts, marks, undo, pending movements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual import events

from bridge.errors import PublishError
from bridge.journal import Product
from tests.tui.looking import SIZES, main_screen, screen_text, until, widget_text
from tests.tui.marks import WIDE
from tui.app import OpsciApp

if TYPE_CHECKING:
    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine

NOON = 1_700_000_000.0


def payloads(engine: ScriptedEngine) -> list[bytes]:
    return [payload for payload, _ in engine.published]


def carry_out(engine: ScriptedEngine, place: int) -> None:
    """Process a submitted movement through all hops."""
    payload, answer = engine.published[place]
    journey = engine.journey(payload)
    engine.journal.arrived([journey])
    answer.set_result(journey)
    engine.acknowledge([journey])
    engine.apply([journey])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("keys", "payload"),
    [
        (("plus", "enter"), b'{"id":13,"amount":1,"type":"IN"}'),
        (("minus", "1", "2", "enter"), b'{"id":13,"amount":12,"type":"OUT"}'),
        (("equals_sign", "9", "enter"), b'{"id":13,"amount":4,"type":"IN"}'),
    ],
)
async def test_an_amount_on_a_row(
    engine: ScriptedEngine, keys: tuple[str, ...], payload: bytes, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "g", "j", *keys)
    await until(pilot, lambda: payloads(engine) == [payload])
    assert screen.stock.has_focus
    assert not screen.panes[2].prompt.is_open


async def test_fast_fingers_type_into_the_line_and_not_past_it(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "g")
    # All at once, as a terminal hands over what was typed while a frame was drawn.
    for key, character in (
        ("minus", "-"), ("1", "1"), ("2", "2"), ("enter", "\r"), ("plus", "+"), ("3", "3"), ("enter", "\r"),
    ):  # fmt: skip
        app.post_message(events.Key(key, character))
    wanted = [b'{"id":12,"amount":12,"type":"OUT"}', b'{"id":12,"amount":3,"type":"IN"}']
    await until(pilot, lambda: payloads(engine) == wanted)


async def test_the_line_says_what_goes_before_it_goes(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    prompt = screen.panes[2].prompt
    await pilot.press("3", "g", "equals_sign", "6", "0")
    await until(pilot, lambda: "sends +19  41 → 60" in widget_text(prompt.query_one(".amount-meaning")))
    assert "12 Licensed Concre" in widget_text(prompt.query_one(".amount-target"))
    engine.flow(1, amount=5)
    await until(pilot, lambda: "sends +14  46 → 60" in widget_text(prompt.query_one(".amount-meaning")))
    await pilot.press("escape", "minus", *"100")
    await until(pilot, lambda: "▲ only 46 in stock" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: payloads(engine) == [b'{"id":12,"amount":100,"type":"OUT"}'])


async def test_escape_sends_nothing(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "g", "plus", "5", "escape")
    await until(pilot, lambda: screen.stock.has_focus)
    await pilot.press("plus", "0", "enter")
    assert screen.panes[2].prompt.is_open
    assert not engine.published


async def test_marked_rows_move_together(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "g", "space", "space")
    await until(pilot, lambda: "◆ 2 marked" in str(screen.panes[2].border_subtitle))
    assert widget_text(screen.stock).count("◆") == 2
    await pilot.press("plus", "7", "enter")
    await until(pilot, lambda: len(engine.published) == 2)
    assert payloads(engine) == [b'{"id":%d,"amount":7,"type":"IN"}' % identity for identity in (12, 13)]
    await until(pilot, lambda: "◆" not in screen_text(app))
    await pilot.press("space", "escape")
    await until(pilot, lambda: not screen.stock.marked)


@WIDE
async def test_what_is_pending_stays_on_the_row(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "g", "plus", "5", "enter", "minus", "enter")
    await until(pilot, lambda: "41 +4" in widget_text(screen.stock))
    carry_out(engine, 0)
    await until(pilot, lambda: "46 -1" in widget_text(screen.stock))
    engine.published[1][1].set_exception(PublishError("the broker is away"))
    await until(pilot, lambda: "46 -1" not in widget_text(screen.stock))
    assert "the broker is away" in widget_text(screen.form.sent)


async def test_undo_sends_the_opposite_and_goes_back(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "u")
    await until(pilot, lambda: any("left to undo" in said.message for said in app._notifications))
    await pilot.press("g", "plus", "5", "enter", "j", "minus", "2", "enter")
    await until(pilot, lambda: len(engine.published) == 2)
    carry_out(engine, 0)
    carry_out(engine, 1)
    await until(pilot, lambda: len(screen.sent_movements.undoable()) == 2)
    await pilot.press("u")
    await until(pilot, lambda: "sends +2  3 → 5" in screen_text(app))
    assert "undo 1 of 2: 13 Licensed" in screen_text(app)
    await pilot.press("9", "u")
    await until(pilot, lambda: "undo 2 of 2: 12 Licensed" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: payloads(engine)[2:] == [b'{"id":12,"amount":5,"type":"OUT"}'])
    carry_out(engine, 2)
    await pilot.press("u", "enter")
    await until(pilot, lambda: payloads(engine)[3:] == [b'{"id":13,"amount":2,"type":"IN"}'])


async def test_up_and_down_bring_back_amounts(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await until(pilot, lambda: screen.stock.rows == 3)
    await pilot.press("3", "g", "plus", "5", "enter", "equals_sign", *"70", "enter", "plus")
    seen = []
    for key in ("up", "up", "down", "down"):
        await pilot.press(key)
        seen.append(screen.panes[2].prompt.input.value)
    assert seen == ["=70", "+5", "=70", ""]


async def test_a_name_that_drives_terminals_stays_text_in_the_line(engine: ScriptedEngine) -> None:
    engine.stock_up(Product(1, "d", "\x1b]0;evil\x07[bold]", 4, changed_at=NOON))
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = main_screen(app)
        await until(pilot, lambda: screen.stock.rows == 1)
        await pilot.press("3", "g", "plus")
        await until(pilot, lambda: "\\x1b]0;evil" in screen_text(app))
        assert "\x1b" not in screen_text(app)
