"""Keys as a terminal delivers them: all in one read, or one by one with time between them."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from textual import events
from textual.keys import _character_to_key

from tests.tui.looking import until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.pilot import Pilot

    from tui.app import OpsciApp

_CHARACTERS = {"enter": "\r", "tab": "\t", "space": " "}


def key_event(key: str) -> events.Key:
    """A key event as created by the terminal's parser."""
    if len(key) == 1:
        return events.Key(_character_to_key(key), key)
    return events.Key(key, _CHARACTERS.get(key))


async def type_at_once(pilot: Pilot[None], app: OpsciApp, keys: Sequence[str], load: float = 0.001) -> None:
    """Type all keys in one burst, on a loop that is busy for a number of seconds in each iteration."""
    over = asyncio.Event()

    async def busy() -> None:
        while not over.is_set():
            time.sleep(load)  # noqa: ASYNC251 - it is what holds the loop
            await asyncio.sleep(0)

    hog = asyncio.create_task(busy())
    try:
        for key in keys:
            app.post_message(key_event(key))
        # The application takes the last of them over before it can be idle.
        await pilot.pause(0)
        await until(pilot, lambda: app.type_ahead.is_idle)
    finally:
        over.set()
        await hog
    await pilot.pause()


async def type_slowly(pilot: Pilot[None], app: OpsciApp, keys: Sequence[str]) -> None:
    """Type keys one by one, each once the screen has handled the one before."""
    for key in keys:
        app.post_message(key_event(key))
        await pilot.pause(0)
        await until(pilot, lambda: app.type_ahead.is_idle)
        await pilot.pause()
