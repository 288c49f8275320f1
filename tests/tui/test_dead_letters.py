"""The dead letters' window: existing and new ones, resent, edited, dropped, and remembered."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from bridge.errors import PublishError
from bridge.journal import DeadLetter, Verdict
from bridge.movement import Movement, Reason, Rejection
from tests.tui.looking import SIZES, main_screen, screen_text, until, widget_text
from tui.app import OpsciApp
from tui.dead_letters import KEPT, Handled, handled_file
from tui.screens.dead_letters import DeadLettersScreen

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot

    from tests.tui.scripted import ScriptedEngine

PAYLOAD = b'{"id":12,"amount":500,"type":"OUT"}'


def letter(
    engine: ScriptedEngine, offset: int, payload: bytes = PAYLOAD, reason: Reason = Reason.INSUFFICIENT_STOCK
) -> DeadLetter:
    journey = engine.journey(payload)
    journey.rejection = Rejection(reason, "41 in stock, 500 to take")
    return DeadLetter(journey, f"kafka stock/0@{offset}", 1_700_000_000.0 + offset, 0, offset)


@pytest.mark.parametrize("size", SIZES)
async def test_letters_of_before_and_of_now_are_shown_once(engine: ScriptedEngine, size: tuple[int, int]) -> None:
    old, new = letter(engine, 0), letter(engine, 1)
    engine.old_letters = [old, new]
    app = OpsciApp(engine)
    async with app.run_test(size=size) as pilot:
        engine.journal.dead_lettered([new])
        await until(pilot, lambda: "refused 2" in screen_text(app))
        await pilot.press("d")
        await until(pilot, lambda: "Refused movements · errors · 2" in screen_text(app))
        assert "insufficient stock" in screen_text(app)
        await pilot.press("G", "enter")
        await until(pilot, lambda: old.journey.movement_id in screen_text(app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is main_screen(app))


async def test_sent_again_it_is_handled_once_the_broker_has_it(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, 0), letter(engine, 1)]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 2)
        await pilot.press("d", "G", "R", "R")
        await until(pilot, lambda: "… sending again" in screen_text(app))
        assert [payload for payload, _ in engine.published] == [PAYLOAD]
        engine.published[0][1].set_exception(PublishError("the broker is away"))
        await until(pilot, lambda: "▲ not sent: the broker is away" in screen_text(app))
        assert len(app.letters) == 2
        await pilot.press("R")
        await until(pilot, lambda: len(engine.published) == 2)
        engine.published[1][1].set_result(engine.journey(PAYLOAD))
        await until(pilot, lambda: len(app.letters) == 1)
    again = OpsciApp(engine)
    async with again.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "refused 1" in screen_text(again))


async def test_m_mends_and_says_what_it_would_be(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, 0, b'{"id":12,\n "amount":0,"type":"IN"}')]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 1)
        await pilot.press("d", "m")
        await until(pilot, lambda: "would be rejected: the amount is 0" in screen_text(app))
        await pilot.press("home", *("right",) * 19, "7")
        await until(pilot, lambda: "moves 12 by +70" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: engine.published)
        assert engine.published[0][0] == b'{"id":12, "amount":70,"type":"IN"}'
        engine.published[0][1].set_result(engine.journey(PAYLOAD))
        await until(pilot, lambda: "nothing refused waits" in screen_text(app))


async def test_all_again_and_drop_ask_first(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, number) for number in range(3)]
    app = OpsciApp(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.letters) == 3)
        await pilot.press("d", "x")
        await until(pilot, lambda: "Drop this refused movement?" in screen_text(app))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, DeadLettersScreen))
        assert len(app.letters) == 3
        await pilot.press("x", "y")
        await until(pilot, lambda: len(app.letters) == 2)
        await pilot.press("A")
        await until(pilot, lambda: "Send all 2 refused movements again?" in screen_text(app))
        assert not engine.published
        await pilot.press("y")
        await until(pilot, lambda: len(engine.published) == 2)


async def test_they_are_grouped_by_reason_and_one_answer_drops_all_of_one(engine: ScriptedEngine) -> None:
    unknown = [letter(engine, number, reason=Reason.UNKNOWN_PRODUCT) for number in range(2)]
    engine.old_letters = [*unknown, *(letter(engine, number) for number in range(2, 5))]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 5)
        await pilot.press("d")
        await until(pilot, lambda: " all 5   insufficient stock 3   unknown product 2" in screen_text(app))
        screen = app.screen
        assert isinstance(screen, DeadLettersScreen)
        # The newest stands on top.
        assert screen.view.key_at(0) == engine.old_letters[-1].journey.movement_id
        await pilot.press("tab", "tab")
        await until(pilot, lambda: screen.view.rows == 2)
        await pilot.press("X")
        await until(pilot, lambda: "Drop 2 refused movements?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: len(app.letters) == 3 and screen.view.rows == 3)
        assert not any(
            one.journey.movement_id in {u.journey.movement_id for u in unknown} for one in screen.view.shown()
        )
        await pilot.press("tab", "A", "y")
        await until(pilot, lambda: len(engine.published) == 3)


async def test_they_are_filtered_sorted_and_dropped_as_they_are_shown(engine: ScriptedEngine) -> None:
    unknown = [letter(engine, number, b'{"id":"Ecran","amount":%d,"type":"IN"}' % (number + 1)) for number in range(3)]
    for one in unknown:
        one.journey.rejection = Rejection(Reason.UNKNOWN_PRODUCT, "no product has this id")
        one.journey.movement = Movement("Ecran", one.offset + 1, "IN")
    engine.old_letters = [*unknown, *(letter(engine, number) for number in range(3, 6))]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 6)
        await pilot.press("d", "slash", *"reason:unknown", "enter")
        screen = app.screen
        assert isinstance(screen, DeadLettersScreen)
        await until(pilot, lambda: screen.view.rows == 3)
        await until(pilot, lambda: "Refused movements · errors · 3 of 6" in screen_text(app))
        names = [one.journey.movement_id for one in unknown]
        assert [screen.view.key_at(row) for row in range(3)] == names[::-1]
        # Age, reason, origin, product, amount: the largest first only where that is what one looks for.
        await pilot.press(*(">",) * 4)
        await until(pilot, lambda: "move▲" in screen_text(app))
        assert [screen.view.key_at(row) for row in range(3)] == names
        await pilot.press("o")
        assert [screen.view.key_at(row) for row in range(3)] == names[::-1]
        await pilot.press("X")
        await until(pilot, lambda: "Drop 3 refused movements?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: len(app.letters) == 3)
        await until(pilot, lambda: "nothing that the filter lets through" in screen_text(app))
        await pilot.press("slash", "escape")
        await until(pilot, lambda: screen.view.rows == 3)
        await pilot.press("slash", *"amount>x")
        await until(pilot, lambda: "▲ x is no whole number" in screen_text(app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is main_screen(app))


@pytest.mark.parametrize("size", SIZES)
async def test_the_count_at_the_top_leads_to_them(engine: ScriptedEngine, size: tuple[int, int]) -> None:
    engine.old_letters = [letter(engine, 0)]
    engine.journal.verdicts[Verdict.REJECTED] = 1
    app = OpsciApp(engine)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: re.search("opsci .* ✗ 1 refused $", screen_text(app).splitlines()[0]))
        await pilot.click(offset=(screen_text(app).splitlines()[0].index("refused"), 0))
        await until(pilot, lambda: isinstance(app.screen, DeadLettersScreen))


async def test_a_corrected_one_is_followed_like_any_other(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, 0)]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 1)
        await pilot.press("d", "m", "home", *("right",) * 20, "delete", "left", "backspace", "1", "enter")
        await until(pilot, lambda: engine.published)
        engine.carry()
        way = app.screen.query_one("#letters-way")
        await until(pilot, lambda: "41 → 31" in widget_text(way))
        await pilot.press("escape")
        # Its hops are in the timeline, and it stands among what was sent.
        await until(pilot, lambda: "41 → 31" in widget_text(app.screen.query_one("#way")))
        await until(pilot, lambda: "-10" in widget_text(app.screen.query_one("#sent")))


async def test_r_puts_one_into_the_form(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, 0)]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 1)
        await pilot.press("d", "r")
        await until(pilot, lambda: main_screen(app).form.fields.typed == ("12", "-500"))
        assert app.screen is main_screen(app)


async def test_a_click_shows_a_reason_and_marked_ones_are_dropped_together(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, 0, reason=Reason.UNKNOWN_PRODUCT), *(letter(engine, n) for n in range(1, 4))]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 4)
        await pilot.press("d")
        screen = app.screen
        assert isinstance(screen, DeadLettersScreen)
        await until(pilot, lambda: screen.view.rows == 4)
        await pilot.click("#letters-reasons", offset=(10, 0))
        await until(pilot, lambda: screen.view.rows == 3)
        await pilot.press("space", "space", "x")
        await until(pilot, lambda: "Drop 2 refused movements?" in screen_text(app))
        await pilot.press("y")
        await until(pilot, lambda: len(app.letters) == 2)


async def test_the_corrected_one_says_what_strapi_will_answer(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, 0)]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 1)
        await pilot.press("d", "m")
        await until(pilot, lambda: "▲ only 41 in stock: Strapi would refuse it" in screen_text(app))
        await pilot.press("home", *("right",) * 20, "delete")
        await until(pilot, lambda: "moves 12 by -50" in screen_text(app))
        await pilot.press("left", "backspace", "1")
        await until(pilot, lambda: "moves 12 by -10  Licensed Concrete Gloves" in screen_text(app))
        await until(pilot, lambda: "✓ 41 → 31" in screen_text(app))
        await pilot.press("home", *("right",) * 6, "9")
        await until(pilot, lambda: "▲ no product that is shown has this id or barcode" in screen_text(app))


async def test_all_again_goes_at_a_pace_and_escape_stops_it(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, number) for number in range(300)]
    app = OpsciApp(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(app.letters) == 300)
        await pilot.press("d", "A", "y")
        await until(pilot, lambda: len(engine.published) == 50)
        await until(pilot, lambda: "sending again: 0 of 300 · Esc stops" in screen_text(app))
        for _, answer in engine.published[:20]:
            answer.set_result(engine.journey(PAYLOAD))
        await until(pilot, lambda: len(engine.published) == 70 and len(app.letters) == 280)
        await until(pilot, lambda: "sending again: 20 of 300" in screen_text(app))
        await pilot.press("escape")
        await until(pilot, lambda: "stopped: 70 of 300 were sent again" in screen_text(app))
        assert isinstance(app.screen, DeadLettersScreen)
        for _, answer in engine.published[20:70]:
            answer.set_result(engine.journey(PAYLOAD))
        await until(pilot, lambda: len(app.letters) == 230)
        assert len(engine.published) == 70
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is main_screen(app))


async def test_all_again_ends_where_the_broker_is_away(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, number) for number in range(80)]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 80)
        await pilot.press("d", "A", "y")
        await until(pilot, lambda: len(engine.published) == 50)
        for _, answer in engine.published[:50]:
            answer.set_exception(PublishError("the broker is away"))
        await until(pilot, lambda: "▲ not sent: the broker is away" in screen_text(app))
        assert (len(engine.published), len(app.letters), app.letters.wanted) == (50, 80, 0)


async def test_letters_of_other_engines_come_while_one_looks(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    await pilot.press("d")
    await until(pilot, lambda: "nothing refused waits" in screen_text(app))
    engine.old_letters = [letter(engine, 0)]
    await until(pilot, lambda: "Refused movements · errors · 1" in screen_text(app))
    await pilot.press("escape")
    await until(pilot, lambda: "refused 1" in screen_text(app))


async def test_a_payload_cannot_drive_the_terminal(engine: ScriptedEngine) -> None:
    engine.old_letters = [letter(engine, 0, b"\x1b]0;evil\x07\xff\x9b31m")]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 1)
        for keys in (("d",), ("m",)):
            await pilot.press(*keys)
            await until(pilot, lambda: "\\x1b]0;evil\\x07\\xff" in screen_text(app))
            assert not {"\x1b", "\x07", "\x9b"} & set(screen_text(app))


def test_what_was_handled_survives_and_is_bounded(user_state: Path) -> None:
    path = handled_file()
    assert path.is_relative_to(user_state)
    Handled(path).add("a", "dropped")
    with path.open("ab") as file:
        file.write(b'{"movement_id": half a line\n')
    Handled(path).add("b", "mended")
    again = Handled(path)
    assert "a" in again
    assert "b" in again
    assert "c" not in again
    path.write_text("".join(f'{{"movement_id":"m{n}","how":"dropped","at":1.0}}\n' for n in range(KEPT)))
    full = Handled(path)
    full.add("last", "dropped")
    assert len(Handled(path)) == KEPT // 2
    assert "last" in Handled(path)
    assert "m0" not in Handled(path)


async def test_a_state_folder_that_cannot_be_written_is_said(engine: ScriptedEngine, user_state: Path) -> None:
    user_state.write_text("a file where the folder should be")  # noqa: ASYNC240 - before anything runs
    engine.old_letters = [letter(engine, 0)]
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: len(app.letters) == 1)
        await pilot.press("d", "x", "y")
        await until(pilot, lambda: "it will come back at the next start" in screen_text(app))
        assert len(app.letters) == 0


def test_a_damaged_file_of_handled_letters_is_moved_aside_and_its_whole_lines_stay(tmp_path: Path) -> None:
    path = tmp_path / "handled.jsonl"
    Handled(path).add("a", "dropped")
    content = path.read_bytes() + bytes(100)
    path.write_bytes(content)
    again = Handled(path)
    assert "a" in again
    assert again.damage is not None
    assert again.damage.read_bytes() == content
    assert Handled(path).damage is None


@pytest.mark.parametrize("size", [(60, 15)])
async def test_the_reason_is_whole_where_there_is_little_room(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    engine.old_letters = [letter(engine, 0)]
    await pilot.press("d")
    await until(pilot, lambda: "✗ insufficient stock " in screen_text(app))
