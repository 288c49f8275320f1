"""The line of keys keeps only what it shows."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from textual.widgets._footer import FooterKey

from tests.tui.looking import main_screen
from tui.app import OpsciApp

if TYPE_CHECKING:
    from tests.tui.scripted import ScriptedEngine


def keys_alive() -> int:
    gc.collect()
    return sum(isinstance(one, FooterKey) for one in gc.get_objects())


async def test_keys_that_were_shown_before_are_let_go(engine: ScriptedEngine) -> None:
    app = OpsciApp(engine)
    async with app.run_test() as pilot:
        await pilot.press("1", "3", "4", "escape", "1")
        await pilot.pause()
        before = keys_alive()
        for _ in range(10):
            await pilot.press("3", "1")
        await pilot.pause()
        assert main_screen(app).mqtt.has_focus
        assert keys_alive() <= before + 20, "a round of focus shows some ten keys"
