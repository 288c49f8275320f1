"""What the screen keeps for the next start: theme, order, widths, filters, what was sent, and how to take it back."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from bridge.journal import Server, State
from bridge.known_servers import KnownServers
from tests.tui.looking import main_screen, screen_text, until
from tests.tui.scripted import ScriptedEngine
from tui.app import OpsciApp
from tui.kept_state import KeptChain, KeptScreen, KeptState, chain_of, screen_file
from tui.settings.screen import SettingsScreen

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from textual.pilot import Pilot


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


@contextlib.asynccontextmanager
async def chain_screen(
    cluster: str, state: State = State.UP
) -> AsyncIterator[tuple[Pilot[None], OpsciApp, ScriptedEngine]]:
    """The screen of a chain; its Kafka cluster is the one that answers at the usual addresses now."""
    engine = next_engine()
    engine.answers_at_once = True
    engine.connect(Server.KAFKA, state)
    if cluster:
        note_cluster(engine, cluster)
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows)
        yield pilot, app, engine
        app.exit()


def note_cluster(engine: ScriptedEngine, cluster: str) -> None:
    servers = KnownServers.of("")
    servers.path.parent.mkdir(parents=True, exist_ok=True)
    servers.note("kafka", engine.settings.kafka.brokers, cluster)


def amounts_sent(app: OpsciApp) -> list[int]:
    sent = main_screen(app).sent_movements
    shown = [one.movement.delta for one in main_screen(app).form.sent.entries]
    assert shown == [one.movement.delta for step in sent.steps for one in step]
    return shown


async def test_each_chain_shows_what_was_sent_to_it_and_its_filters(user_state: Path) -> None:
    async with chain_screen("a") as (pilot, app, _):
        await pilot.press("3", "g", "plus", "5", "enter", "slash", *"glov", "enter")
        await until(pilot, lambda: amounts_sent(app) == [5])
        app.theme = "opsci-light"
    # Another cluster answers at the same addresses: after a reset, or from another folder.
    async with chain_screen("b") as (pilot, app, _):
        assert (amounts_sent(app), main_screen(app).stock.filter_text, app.theme) == ([], "", "opsci-light")
        await pilot.press("3", "g", "plus", "7", "enter")
        await until(pilot, lambda: amounts_sent(app) == [7])
    async with chain_screen("a") as (_, app, _):
        assert (amounts_sent(app), main_screen(app).stock.filter_text) == ([5], "glov")
    async with chain_screen("b") as (_, app, _):
        assert (amounts_sent(app), main_screen(app).stock.filter_text) == ([7], "")
    # The same cluster on another port of this machine is the same chain.
    engine = next_engine()
    kafka = replace(engine.settings.kafka, brokers=["127.0.0.1:9192"])
    strapi = replace(engine.settings.strapi, url="http://127.0.0.1:1437")
    engine.settings = replace(engine.settings, kafka=kafka, strapi=strapi)
    note_cluster(engine, "b")
    app = OpsciApp(engine)
    async with app.run_test(size=(120, 40)):
        assert amounts_sent(app) == [7]


async def test_what_was_sent_before_the_cluster_was_known_is_its_own(user_state: Path) -> None:
    async with chain_screen("", State.DOWN) as (pilot, app, _):
        await pilot.press("3", "g", "plus", "5", "enter")
        await until(pilot, lambda: amounts_sent(app) == [5])
    async with chain_screen("", State.DOWN) as (pilot, app, engine):
        assert amounts_sent(app) == [5]
        note_cluster(engine, "a")
        engine.connect(Server.KAFKA, State.UP)
        engine.journal.news.ring()
        await until(pilot, lambda: app.kept is not None and app.kept.chain.chain.startswith("a "))
        assert amounts_sent(app) == [5]
    async with chain_screen("a") as (_, app, _):
        assert amounts_sent(app) == [5]
    async with chain_screen("b") as (_, app, _):
        assert amounts_sent(app) == []


async def test_a_cluster_that_is_accepted_later_shows_its_own(user_state: Path) -> None:
    async with chain_screen("a") as (pilot, app, _):
        await pilot.press("3", "g", "plus", "5", "enter")
        await until(pilot, lambda: amounts_sent(app) == [5])
    async with chain_screen("a", State.CONNECTING) as (pilot, app, engine):
        assert amounts_sent(app) == [5]
        await pilot.press("3", "g", "plus", "7", "enter")
        await until(pilot, lambda: amounts_sent(app) == [7, 5])
        app.keep_state()
        note_cluster(engine, "b")
        engine.connect(Server.KAFKA, State.UP)
        engine.journal.news.ring()
        await until(pilot, lambda: amounts_sent(app) == [7])
    async with chain_screen("a") as (_, app, _):
        assert amounts_sent(app) == [5]


async def test_a_file_of_all_in_one_is_read_without_loss(user_state: Path) -> None:
    async with chain_screen("") as (pilot, app, engine):
        await pilot.press("3", "g", "plus", "5", "enter", "slash", *"glov", "enter", "o")
        await until(pilot, lambda: amounts_sent(app) == [5])
        order = main_screen(app).stock.order
        addresses = chain_of(engine.settings)
    chains = screen_file().parent / "chains"
    (file,) = chains.iterdir()
    together = json.loads(screen_file().read_bytes()) | json.loads(file.read_bytes())
    assert together["chain"] == addresses
    file.unlink()
    screen_file().write_text(json.dumps(together))
    async with chain_screen("a") as (_, app, _):
        assert (amounts_sent(app), main_screen(app).stock.filter_text) == ([5], "glov")
        assert main_screen(app).stock.order == order
    # Once: a chain that is new at these addresses starts without it.
    async with chain_screen("b") as (_, app, _):
        assert (amounts_sent(app), main_screen(app).stock.filter_text) == ([], "")
        assert main_screen(app).stock.order == order
    async with chain_screen("a") as (_, app, _):
        assert amounts_sent(app) == [5]


async def test_settings_of_another_chain_leave_what_was_sent_behind(engine: ScriptedEngine) -> None:
    note_cluster(engine, "a")
    engine.answers_at_once = True
    app = OpsciApp(engine)
    elsewhere = replace(engine.settings, strapi=replace(engine.settings.strapi, url="http://strapi.example:1337"))
    same = replace(engine.settings, drain=engine.settings.drain + 1)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: main_screen(app).stock.rows == 3)
        await pilot.press("3", "g", "plus", "5", "enter")
        await until(pilot, lambda: amounts_sent(app) == [5])
        app.on_settings_screen_kept(SettingsScreen.Kept(same, []))
    for settings, amounts in ((same, [5]), (elsewhere, [])):
        following = next_engine()
        following.settings = settings
        again = OpsciApp(following, before=app.carried_over(settings))
        async with again.run_test(size=(120, 40)):
            assert amounts_sent(again) == amounts
            again.exit()


def test_the_files_of_chains_that_were_not_used_for_long_are_dropped(user_state: Path) -> None:
    kept = KeptState(screen_file())
    sent = {"stock": "glov"}
    for number in range(60):
        kept.keep(KeptScreen(), KeptChain(chain=str(number), filters=sent))
        for file in (screen_file().parent / "chains").iterdir():
            os.utime(file, (file.stat().st_mtime - 1,) * 2)
    files = [json.loads(file.read_bytes()) for file in (screen_file().parent / "chains").iterdir()]
    assert sorted(int(one["chain"]) for one in files) == list(range(10, 60))


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
            await until(pilot, lambda: "anew" in screen_text(app))
            assert any(said in notification.message for notification in app._notifications)
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
