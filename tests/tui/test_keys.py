"""Every key of the main screen and its windows, in wide and narrow terminals."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast

import pytest
from msgspec.structs import replace

from bridge.journal import WATCHES, DeadLetter, Server, State
from bridge.movement import Reason
from tests.tui.looking import SIZES, main_screen, screen_text, until, widget_text
from tests.tui.marks import NARROW
from tests.tui.scripted import ScriptedEngine
from tui.actions import key_of
from tui.app import OpsciApp
from tui.dead_letters import Handled, handled_file
from tui.screens.help import HelpScreen
from tui.screens.record import RecordScreen
from tui.widgets.footer import KeysFooter
from tui.widgets.pane import PaneTabs

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.widget import Widget


async def settled(pilot: Pilot[None]) -> str:
    """The terminal's text once the screen has read the journal again."""
    main_screen_of = main_screen(cast("OpsciApp", pilot.app))
    main_screen_of.pull()
    await pilot.pause()
    return screen_text(pilot.app)


async def test_numbers_focus_the_panes_and_the_form(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    places: dict[str, Widget] = {"2": screen.kafka, "3": screen.stock, "1": screen.mqtt, "4": screen.form.product}
    for key, widget in places.items():
        await pilot.press(key)
        assert widget.has_focus


@pytest.mark.parametrize("size", SIZES)
async def test_tab_goes_round(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    round_trip: list[Widget] = [screen.kafka, screen.stock, screen.form.product, screen.form.amount, screen.mqtt]
    for widget in round_trip:
        await pilot.press("tab")
        assert widget.has_focus
    for widget in reversed(round_trip[:-1]):
        await pilot.press("shift+tab")
        assert widget.has_focus


@NARROW
async def test_a_narrow_terminal_shows_one_pane_and_names_the_others(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    for number in (1, 2, 3):
        await pilot.press(str(number))
        assert [pane.number for pane in screen.panes if pane.display] == [number]
        await settled(pilot)
        tab = next(span for span in screen.query_one(PaneTabs).render().spans if "$background on" in str(span.style))
        assert f" {number} " in screen.query_one(PaneTabs).render().plain[tab.start : tab.end]
    await pilot.resize_terminal(120, 40)
    await until(pilot, lambda: all(pane.display for pane in screen.panes))
    assert not screen.query_one(PaneTabs).display


@NARROW
async def test_a_tab_can_be_clicked(app: OpsciApp, pilot: Pilot[None]) -> None:
    tabs = main_screen(app).query_one("#tabs")
    await until(pilot, lambda: "2 Kafka" in widget_text(tabs))
    await pilot.click(tabs, offset=(widget_text(tabs).index("2 Kafka"), 0))
    await until(pilot, lambda: main_screen(app).kafka.has_focus)


async def test_z_maximises_and_gives_back(app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    await pilot.press("2", "z")
    assert [pane.display for pane in screen.panes] == [False, True, False]
    await pilot.press("3")
    assert [pane.display for pane in screen.panes] == [False, False, True]
    await pilot.press("z")
    assert all(pane.display for pane in screen.panes)
    await pilot.press("z", "escape")
    assert all(pane.display for pane in screen.panes)


async def test_enter_opens_a_record_that_stays_up_to_date(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    journeys = engine.receive()
    await until(pilot, lambda: main_screen(app).mqtt.rows == 1)
    await pilot.press("k", "enter")
    assert isinstance(app.screen, RecordScreen)
    await until(pilot, lambda: journeys[0].movement_id in screen_text(app))
    assert '"amount": 5' in screen_text(app)
    engine.acknowledge(journeys)
    engine.apply(journeys)
    await until(pilot, lambda: "41 → 46" in screen_text(app))
    await pilot.press("escape")
    await until(pilot, lambda: len(app.screen_stack) == 1)


@NARROW
async def test_enter_opens_a_product(app: OpsciApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: main_screen(app).stock.rows == 3)
    await pilot.press("3", "g", "enter")
    await until(pilot, lambda: "1839282045" in screen_text(app))
    await pilot.press("q")
    assert len(app.screen_stack) == 1
    assert app.is_running


async def test_a_click_selects_and_a_second_opens(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    screen = main_screen(app)
    engine.receive(3)
    await until(pilot, lambda: screen.mqtt.rows == 3)
    await pilot.click(screen.mqtt, offset=(4, 2))
    assert screen.mqtt.cursor == 1
    await pilot.click(screen.mqtt, offset=(4, 2), times=2)
    await until(pilot, lambda: isinstance(app.screen, RecordScreen))


@pytest.mark.parametrize("size", SIZES)
async def test_help_names_every_key(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("question_mark")
    assert isinstance(app.screen, HelpScreen)
    said = widget_text(app.screen.query_one("#help Static"))
    for wanted in ("Space", "PgUp", "all three", "+ ", "✗ rejected", "/ "):
        assert wanted in said or wanted.lower() in said.lower(), wanted
    await pilot.press("escape")
    await until(pilot, lambda: len(app.screen_stack) == 1)


@pytest.mark.parametrize("key", ["q", "ctrl+q"])
@NARROW
async def test_quit(key: str, app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press(key)
    await until(pilot, lambda: not app.is_running)


@NARROW
async def test_ctrl_q_quits_from_a_field(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("4", "ctrl+q")
    await until(pilot, lambda: not app.is_running)


@pytest.mark.parametrize(
    ("key", "there", "not_there"),
    [
        ("1", {"follow", "filter", "open", "view", "sensors", "refused"}, {"product", "send"}),
        ("3", {"product", "undo", "filter", "open"}, {"follow", "send"}),
        ("3 plus", {"send", "drop"}, {"product", "mark"}),
        ("4", {"send", "leave", "F1", "^q"}, {"follow", "product"}),
    ],
)
async def test_the_footer_has_the_keys_of_the_focus(
    key: str, there: set[str], not_there: set[str], app: OpsciApp, pilot: Pilot[None]
) -> None:
    await pilot.press(*key.split())
    footer = app.screen.query_one(KeysFooter)

    def shown() -> set[str]:
        return set(widget_text(footer).split())

    await until(pilot, lambda: there <= shown() and not (not_there & shown()))


@NARROW
async def test_the_help_is_made_once_and_begins_at_the_top_each_time(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("question_mark")
    first = app.screen
    await until(pilot, lambda: "Everywhere" in screen_text(app))
    await pilot.press("j", "j", "j", "j")
    await until(pilot, lambda: "Everywhere" not in screen_text(app))
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is main_screen(app))
    await pilot.press("question_mark")
    await until(pilot, lambda: "Everywhere" in screen_text(app))
    assert app.screen is first


async def test_every_binding_has_an_id_and_a_text(engine: ScriptedEngine) -> None:
    from textual.binding import Binding

    from tui.screens.main import MainScreen
    from tui.widgets.form import MovementForm
    from tui.widgets.log import LogView
    from tui.widgets.stock import StockView

    for owner in (MainScreen, LogView, StockView, MovementForm, HelpScreen, RecordScreen, OpsciApp):
        for binding in owner.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.id
            assert binding.description


async def test_connections_are_told_in_words_a_glyph_and_advice(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    banner = app.screen.query_one("#banner")
    await until(pilot, lambda: "1 MQTT ●" in screen_text(app))
    engine.connect(Server.KAFKA, State.DOWN, "connection refused", "is Kafka running?")
    engine.connect(Server.STRAPI, State.REFUSED, "401", "check the token file")
    await until(pilot, lambda: "✗ Kafka: connection refused: is Kafka running?" in screen_text(app))
    assert re.search(r"Kafka  DOWN \d+ ", screen_text(app))
    assert "Kafka does not answer since" in screen_text(app)
    assert "Strapi lets us not in." in screen_text(app)
    assert "⊘ Strapi: 401: check the token file" in screen_text(app)
    assert banner.size.height == 4
    engine.connect(Server.KAFKA, State.UP)
    engine.connect(Server.STRAPI, State.UP)
    await until(pilot, lambda: not banner.display)


@pytest.mark.parametrize(
    ("refused", "said"), [("", "12 applied, 3 applied before, 1 can't be applied"), ("no ledger", "no ledger")]
)
async def test_the_palette_applies_what_strapi_lacks(engine: ScriptedEngine, refused: str, said: str) -> None:
    engine.replay_refused = refused
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("ctrl+p", *"strapi lacks")
        await until(pilot, lambda: "After a restored backup" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: said in screen_text(app))
        assert engine.calls == ["apply_missing"]


async def test_the_palette_pauses_the_chain(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("ctrl+p", *"pause appl")
    await until(pilot, lambda: "Movements wait in Kafka" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: engine.calls == ["pause_apply"])


def offered(app: OpsciApp) -> dict[str, str]:
    """What the palette offers, by its title."""
    commands = list(app.get_system_commands(app.screen))
    assert len({(command.title, command.help) for command in commands}) == len(commands)
    return {command.title: command.help for command in commands}


async def test_the_palette_offers_what_has_a_key_once_and_only_what_is_possible(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    engine.connect(Server.STRAPI, State.UP)
    engine.connect(Server.MQTT, State.UP)
    await pilot.press("3", "g")
    found = offered(app)
    assert {"View", "Zoom", "Refused", "Settings", "Film", "Picture", "Undo", "Add", "Help", "Quit", "Theme"} <= {
        *found
    }
    assert found["Zoom"].endswith(" · z")
    assert not {"Keys", "Maximize", "Screenshot", "Take over", "Follow", "Resume applying", "Resume ingest"} & {*found}
    await pilot.press("1")
    assert "Follow" in offered(app)
    assert "Undo" not in offered(app)
    engine.connect(Server.STRAPI, State.PAUSED)
    assert "Resume applying" in offered(app)
    assert "Pause applying" not in offered(app)
    engine.connect(Server.STRAPI, State.DOWN)
    assert "Apply what Strapi lacks" not in offered(app)


async def test_the_palette_that_is_open_offers_what_the_screen_below_can_do(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("1")
    before = offered(app)
    below = app.screen
    await pilot.press("ctrl+p")
    assert {command.title for command in app.get_system_commands(below)} == {*before}


async def test_the_palette_does_what_the_key_does(app: OpsciApp, pilot: Pilot[None]) -> None:
    await pilot.press("2", "ctrl+p", *"zoom")
    await until(pilot, lambda: "Give one pane the room" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: [pane.display for pane in main_screen(app).panes] == [False, True, False])


async def test_counters_begin_anew_for_the_next_lesson(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    journeys = engine.receive(3)
    engine.acknowledge(journeys)
    engine.apply(journeys[:2])
    engine.reject(journeys[2:], Reason.UNKNOWN_PRODUCT, "no product has this id")
    engine.old_letters = [DeadLetter(journeys[2], "kafka stock/3@2", 1_700_000_000.0, 0, 0)]
    app.letters.read()
    await until(pilot, lambda: "2 applied" in screen_text(app) and len(app.letters) == 1)
    await pilot.press("ctrl+p", *"reset count")
    await until(pilot, lambda: "counts to zero" in screen_text(app))
    await pilot.press("enter")
    await until(pilot, lambda: "archived" in screen_text(app))
    await pilot.press("y")
    await until(pilot, lambda: "applied" not in screen_text(app).splitlines()[0] and len(app.letters) == 0)
    # The records and the stock are as they were, and what comes is counted from one.
    assert main_screen(app).mqtt.rows == 3
    assert engine.journal.stock.get(12) is not None
    more = engine.receive()
    engine.acknowledge(more)
    engine.apply(more)
    await until(pilot, lambda: "1 applied" in screen_text(app))
    assert journeys[2].movement_id in Handled(handled_file())


async def test_a_log_is_sorted_as_it_stands_and_follows_again(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    view = main_screen(app).mqtt
    for amount in (5, 9, 1):
        engine.receive(amount=amount)
    await until(pilot, lambda: view.rows == 3)
    await pilot.press("1", ">", ">")

    def amounts() -> list[int]:
        return [item.delta for row in range(view.rows) if (item := view.item_of(view.key_at(row))) is not None]

    await until(pilot, lambda: amounts() == [9, 5, 1])
    await pilot.press("o")
    await until(pilot, lambda: amounts() == [1, 5, 9])
    engine.receive(amount=3)
    await until(pilot, lambda: "sorted, 1 held back" in screen_text(app))
    await pilot.press("slash", *"amount>1", "enter")
    await until(pilot, lambda: amounts() == [5, 9])
    await pilot.press("ctrl+f", *"12", "enter")
    await until(pilot, lambda: not main_screen(app).is_looking)
    await pilot.press("escape", "1", "f")
    await until(pilot, lambda: amounts() == [5, 9, 3])
    await pilot.press("escape")
    await until(pilot, lambda: amounts() == [5, 9, 1, 3])


@NARROW
async def test_with_all_servers_away_a_small_screen_says_why_of_each(
    engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]
) -> None:
    for server in Server:
        engine.connect(server, State.DOWN, f"{server} refused", f"is {server} there?")
    await until(pilot, lambda: "MQTT, Kafka, Strapi do not answer. What is sent from here is kept." in screen_text(app))
    for server in Server:
        assert f"{server} refused" in screen_text(app)


@NARROW
async def test_notes_are_said_in_full(engine: ScriptedEngine, app: OpsciApp, pilot: Pilot[None]) -> None:
    engine.journal.notes["mode"] = "plain REST: a crash can count a movement twice"
    await until(pilot, lambda: "▲ plain REST: a crash can count a movement twice" in screen_text(app))
    del engine.journal.notes["mode"]
    await until(pilot, lambda: "plain REST" not in screen_text(app))


async def test_a_text_names_the_key_that_the_settings_give(engine: ScriptedEngine) -> None:
    keys = {"settings.open": "f4", "watch.take_over": "ctrl+w", "confirm.yes": "j", "pane.follow": "F"}
    engine.settings = replace(engine.settings, screen=replace(engine.settings.screen, keys=keys))
    engine.watches = True
    engine.journal.notes[WATCHES] = "watching: another engine carries this chain"
    engine.connect(Server.STRAPI, State.DOWN, "it does not answer", "start it")
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "another engine carries this chain; Ctrl+W takes over" in screen_text(app))
        await until(pilot, lambda: "press F4 for settings" in screen_text(app))
        engine.flow(50)
        await pilot.press("2", "home")
        await until(pilot, lambda: "holding still · F follo" in screen_text(app))
        await pilot.press("ctrl+w")
        await until(pilot, lambda: "j yes   n no" in screen_text(app))
    # The next screen of this process has the usual ones again.
    usual = OpsciApp(ScriptedEngine.ready())
    async with usual.run_test():
        assert key_of("settings.open") == "s"
