"""The windows of servers and of charts in a screen that only watches, beside an engine on the real chain."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec
import pytest

from bridge.embedded import EmbeddedChain
from bridge.journal import Server, State
from bridge.kafka.reread import group_members, group_positions
from bridge.settings import ScreenSettings
from tests.chain.applying import movement
from tests.chain.engine import engine
from tests.chain.lane import Lane
from tests.tui.looking import main_screen, screen_text, until
from tui.app import OpsciApp
from tui.screens.charts import ChartsScreen
from tui.screens.infrastructure import InfrastructureScreen

if TYPE_CHECKING:
    from stack.local import LocalStack

pytestmark = pytest.mark.timeout(300)

MOVED = 12


@pytest.fixture
async def lane(stack: LocalStack) -> Lane:
    made = Lane(stack)
    await made.make_topics()
    return made


async def test_a_watcher_shows_what_the_servers_say_and_how_the_hops_went_and_moves_nothing(lane: Lane) -> None:
    product = await lane.make_product(100)
    settings = msgspec.structs.replace(lane.settings(), screen=ScreenSettings(frames=30))
    async with engine(settings) as carries:
        watcher = EmbeddedChain(settings, role="watch")
        app = OpsciApp(watcher)
        try:
            async with app.run_test(size=(160, 45)) as pilot:
                journal = watcher.journal
                await until(pilot, lambda: all(one.state is State.UP for one in journal.connections.values()))
                await until(pilot, lambda: all(carries.journal.connections[one].state is State.UP for one in Server))
                for _ in range(MOVED):
                    await carries.publish(movement(product["id"], 1))
                await until(pilot, lambda: journal.decided.total == MOVED)
                # The engine commits later than it tells the screen, and no more once all are committed.
                while sum((before := await group_positions(settings.kafka)).values()) < MOVED:
                    await pilot.pause(0.1)

                await pilot.press("i")
                await until(pilot, lambda: isinstance(app.screen, InfrastructureScreen))
                # What Kafka says is what the engine has done: of the watcher it knows nothing.
                await until(pilot, lambda: settings.kafka.group in screen_text(app) and "1 member" in screen_text(app))
                await until(pilot, lambda: "clients connected" in screen_text(app))
                await until(pilot, lambda: "Strapi 5 with the ledger" in screen_text(app))
                await until(pilot, lambda: settings.routes[0].kafka in screen_text(app))
                # The watcher has started no server, so it offers to stop none.
                await pilot.press("2", "S")
                await until(pilot, lambda: isinstance(app.screen, InfrastructureScreen))
                await pilot.press("escape")

                await pilot.press("l")
                await until(pilot, lambda: isinstance(app.screen, ChartsScreen))
                # Only the engine knows when its consumer had them, so two of the four hops are not measured.
                await until(pilot, lambda: screen_text(app).count(f"of {MOVED} movements") == 2)
                assert screen_text(app).count("nothing measured") == 2
                await until(pilot, lambda: "will be drawn here" not in screen_text(app))
                await pilot.press("escape")
                await until(pilot, lambda: app.screen is main_screen(app))

                assert await group_members(settings.kafka) == 1
                assert await group_positions(settings.kafka) == before
        finally:
            await asyncio.to_thread(watcher.stop)
