"""What the screen keeps for the next start: theme, order, widths, filters, what was sent, and how to take it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.tui.looking import main_screen, screen_text, until
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp
from tui.kept_state import screen_file

if TYPE_CHECKING:
    from pathlib import Path


def next_engine() -> ScriptedEngine:
    """The engine of the next start, on the same chain."""
    return ScriptedEngine.ready()


async def test_a_restart_goes_on_with_what_was_on_the_screen(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        app.theme = "opsci-light"
        await pilot.press("3", "]", ">", "o", "slash", *"stock>6", "enter", "g", "plus", "5", "enter")
        await until(pilot, lambda: engine.published)
        engine.carry()
        screen = main_screen(app)
        name, order, shares = screen.stock.key_at(0), screen.stock.order, screen._sizes.shares
        await until(pilot, screen.sent_movements.undoable)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    engine_again = next_engine()
    again = OpsciApp(engine_again)
    async with again.run_test(size=(120, 40)) as pilot:
        screen = main_screen(again)
        await until(pilot, lambda: screen.stock.rows == 2)
        assert (again.theme, screen.stock.order, screen._sizes.shares) == ("opsci-light", order, shares)
        assert (screen.stock.filter_text, screen.stock.key_at(0)) == ("stock>6", name)
        await until(pilot, lambda: "41 → 46" in screen_text(again))
        await pilot.press("3", "u")
        await until(pilot, lambda: screen.panes[2].prompt.is_open)
        await pilot.press("enter")
        await until(pilot, lambda: engine_again.published)
        assert b'"OUT"' in engine_again.published[0][0]


async def test_one_that_was_open_at_the_end_is_said_to_be_so_until_it_is_heard_of(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        await pilot.press("3", "g", "plus", "5", "enter")
        await until(pilot, lambda: engine.published)
        sent = engine.journey(engine.published[0][0])
        engine.published[0][1].set_result(sent)
        app.exit()
    engine_again = next_engine()
    again = OpsciApp(engine_again)
    async with again.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "open at the last end" in screen_text(again))
        # Nothing is said to be pending of which nobody knows whether it is.
        assert main_screen(again).sent_movements.pending() == {}
        engine_again.journal.arrived([sent])
        await until(pilot, lambda: main_screen(again).sent_movements.pending() == {12: 5})
        engine_again.acknowledge([sent])
        engine_again.apply([sent])
        await until(pilot, lambda: "open at the last end" not in screen_text(again) and "41 → 46" in screen_text(again))


async def test_what_was_sent_to_another_chain_is_not_undone_here(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    engine.answers_at_once = True
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        await pilot.press("3", "g", "plus", "5", "enter")
        await until(pilot, lambda: main_screen(app).sent_movements.steps)
        app.exit()
    file = screen_file()
    file.write_bytes(file.read_bytes().replace(b'"chain":"', b'"chain":"other '))
    again = OpsciApp(next_engine())
    async with again.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(again).stock.rows == 3)
        assert not main_screen(again).sent_movements.steps


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"\xff\x00 no JSON", "was damaged"),
        (b'{"version":1,"shares":"wide"}', "was damaged"),
        (b'{"version":0,"whatever":1}', "of another version of opsci"),
        (b'{"version":1,"shares":[1,2],"orders":{"stock":["gone",true]},"filters":{"stock":"stock>x"}}', ""),
    ],
)
async def test_a_file_that_says_nothing_of_use_hurts_nothing(
    written: bytes, said: str, engine: ScriptedEngine, user_state: Path
) -> None:
    screen_file().parent.mkdir(parents=True)
    screen_file().write_bytes(written)
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        if said:
            assert app.kept is not None
            assert said in app.kept.trouble
            await until(pilot, lambda: "anew" in screen_text(app))
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    damaged = list(user_state.rglob("screen.json.damaged-*"))  # noqa: ASYNC240 - nothing runs any more
    assert bool(damaged) is (said == "was damaged")
    again = OpsciApp(engine)
    assert again.kept is not None
    assert again.kept.trouble == ""


async def test_the_settings_theme_counts_where_it_was_changed_since(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)):
        app.theme = "opsci-light"
        app.exit()
    screen_file().write_bytes(
        screen_file().read_bytes().replace(b'"settings_theme":"opsci-dark"', b'"settings_theme":"nord"')
    )
    assert OpsciApp(engine).theme == "opsci-dark"
