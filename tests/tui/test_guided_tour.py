"""The guided tour in the program: what it explains, what it does not cover, and that it leaves everything as it was."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec
import pytest

from bridge.journal import State, Verdict
from bridge.movement import Movement, read_movement
from bridge.settings import ScreenSettings
from bridge.settings.load import Sources
from tests.tui.looking import SIZES, main_screen, screen_text, until, widget_text
from tui.language import speak
from tui.screens.guided_tour import GuidedTourScreen
from tui.screens.help import HelpScreen

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.widget import Widget

    from stack.local import LocalStack
    from tests.tui.scripted import ScriptedEngine
    from tui.app import OpsciApp


class Recorded:
    """Servers whose stops and starts are written down."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def stop(self, name: str) -> None:
        self.calls.append(f"stop {name}")

    async def start(self, name: str) -> None:
        self.calls.append(f"start {name}")


def said(app: OpsciApp) -> str:
    """The caption, without its lines; empty until it is drawn."""
    return " ".join(" ".join(map(widget_text, app.screen.query("#tour-caption"))).replace("│", " ").split())


def moved(engine: ScriptedEngine) -> list[tuple[str, int]]:
    found = [read_movement(payload) for payload, _ in engine.published]
    return [(one.product, one.delta) for one in found if isinstance(one, Movement)]


def is_drawn(widget: Widget) -> bool:
    return widget.region.area > 0


async def go_on_to(pilot: Pilot[None], app: OpsciApp, text: str) -> None:
    """Go on, step by step, until a caption has a text."""
    before = ""
    while text not in said(app):
        if said(app) != before:
            before = said(app)
            await pilot.press("enter")
        await pilot.pause()


async def move_and_back(pilot: Pilot[None], app: OpsciApp, engine: ScriptedEngine) -> None:
    """Go on from where it says that it adds one, until both movements are applied."""
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.published) == 1)
    engine.carry()
    await until(pilot, lambda: "Added:" in said(app))
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.published) == 2)
    engine.carry()


async def begin(pilot: Pilot[None], app: OpsciApp) -> None:
    await pilot.press("T")
    await until(pilot, lambda: isinstance(app.screen, GuidedTourScreen) and "Pane 1 is MQTT" in said(app))


@pytest.mark.parametrize("size", SIZES)
async def test_the_caption_does_not_cover_what_it_explains(app: OpsciApp, pilot: Pilot[None]) -> None:
    await begin(pilot, app)
    main = main_screen(app)
    for text, shown in zip(
        ("Pane 1 is MQTT", "Pane 2 is Kafka", "Pane 3 is the stock", "Below, you move stock"),
        (*(pane._head for pane in main.panes), main.form),
        strict=True,
    ):
        await go_on_to(pilot, app, text)
        await until(pilot, partial(is_drawn, shown))
        caption = app.screen.query_one("#tour-caption")
        assert not caption.region.overlaps(shown.region), text
        assert "…" not in said(app)


async def test_it_moves_a_stock_and_moves_it_back_and_says_so_first(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    await begin(pilot, app)
    await go_on_to(pilot, app, "adds one Licensed Concrete Gloves")
    assert not engine.published
    await move_and_back(pilot, app, engine)
    await until(pilot, lambda: "That is the whole chain" in said(app))
    await pilot.press("enter")
    await until(pilot, lambda: app.screen is main_screen(app))
    assert moved(engine) == [("12", 1), ("12", -1)]


async def test_escape_moves_back_what_it_moved(app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine) -> None:
    await begin(pilot, app)
    await go_on_to(pilot, app, "adds one")
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.published) == 1)
    await pilot.press("escape")
    await until(pilot, lambda: len(engine.published) == 2)
    assert "Everything is being put back" in said(app)
    engine.carry()
    await until(pilot, lambda: app.screen is main_screen(app))
    assert moved(engine) == [("12", 1), ("12", -1)]


async def test_escape_before_it_moves_anything_just_leaves(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    await begin(pilot, app)
    await pilot.press("escape")
    await until(pilot, lambda: app.screen is main_screen(app))
    assert not engine.published


async def test_the_end_of_the_program_moves_back_what_it_moved(app: OpsciApp, engine: ScriptedEngine) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await begin(pilot, app)
        await go_on_to(pilot, app, "adds one")
        await pilot.press("enter")
        await until(pilot, lambda: len(engine.published) == 1)
    assert moved(engine) == [("12", 1), ("12", -1)]


@pytest.mark.parametrize("key", ["escape", "ctrl+q"])
async def test_servers_of_ours_are_stopped_and_started_again(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine, key: str
) -> None:
    servers = Recorded()
    app.asks_about_servers = True
    app.push_screen(GuidedTourScreen(engine, servers, main_screen(app)))
    await until(pilot, lambda: isinstance(app.screen, GuidedTourScreen) and "Pane 1" in said(app))
    await go_on_to(pilot, app, "adds one")
    await move_and_back(pilot, app, engine)
    await until(pilot, lambda: "stops Strapi" in said(app))
    assert not servers.calls
    await pilot.press("enter")
    await until(pilot, lambda: len(engine.published) == 3)
    assert servers.calls == ["stop strapi"]
    await pilot.press(key)
    await until(pilot, lambda: servers.calls == ["stop strapi", "start strapi"])
    await until(pilot, lambda: len(engine.published) == 4)
    engine.carry()
    await until(pilot, lambda: app.screen is main_screen(app))
    assert sum(delta for _, delta in moved(engine)) == 0


async def test_without_a_product_it_says_that_it_moves_nothing(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.journal.stock.read([], complete=True)
    await begin(pilot, app)
    await go_on_to(pilot, app, "No product is known")
    await go_on_to(pilot, app, "That is the whole chain")
    assert not engine.published


async def test_a_screen_that_only_watches_says_so_and_moves_nothing(
    app: OpsciApp, pilot: Pilot[None], engine: ScriptedEngine
) -> None:
    engine.watches = True
    await begin(pilot, app)
    await go_on_to(pilot, app, "Another engine carries this chain")
    await go_on_to(pilot, app, "That is the whole chain")
    assert not engine.published


async def test_the_help_the_palette_and_the_empty_screen_offer_it(app: OpsciApp, pilot: Pilot[None]) -> None:
    assert "T  a guided tour" in " ".join(screen_text(app).split("\n")).replace("   ", "  ")
    assert "Tour" in [command.title for command in app.get_system_commands(app.screen)]
    await pilot.press("question_mark")
    await until(pilot, lambda: isinstance(app.screen, HelpScreen))
    await pilot.press("T")
    await until(pilot, lambda: isinstance(app.screen, GuidedTourScreen))


async def test_it_speaks_french(app: OpsciApp, pilot: Pilot[None]) -> None:
    speak("fr")
    try:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, GuidedTourScreen) and "Le volet 1, c'est MQTT" in said(app))
    finally:
        speak("en")


async def test_on_the_real_chain_stock_and_servers_are_as_before(stack: LocalStack) -> None:
    from bridge.embedded import EmbeddedChain
    from tests.chain.lane import Lane
    from tui.app import OpsciApp

    lane = Lane(stack)
    await lane.make_topics()
    await lane.make_product(5, f"{lane.name} tour")
    chain = EmbeddedChain(msgspec.structs.replace(lane.settings(), screen=ScreenSettings(frames=30)))
    try:
        app = OpsciApp(chain, Sources(stack.settings_file, {}, {}))
        app.asks_about_servers = True
        async with app.run_test(size=(120, 40)) as pilot:
            connections = chain.journal.connections
            await until(pilot, lambda: all(one.state is State.UP for one in connections.values()))
            await until(pilot, chain.journal.stock.products)
            product = chain.journal.stock.products()[0]
            await begin(pilot, app)
            await go_on_to(pilot, app, "Strapi is away")
            assert not stack.is_alive("strapi")
            await go_on_to(pilot, app, "That is the whole chain")
            await pilot.press("enter")
            await until(pilot, lambda: app.screen is main_screen(app))
            assert stack.is_alive("strapi")
            assert [journey.verdict for journey in chain.journal.strapi.slice(0, 10)].count(Verdict.APPLIED) == 4
            assert await lane.stock_of({"id": product.id, "documentId": product.document_id}) == product.stock
    finally:
        chain.stop()
