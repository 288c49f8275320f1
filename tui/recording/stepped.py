"""A film in steps: on a staged chain, by a given clock, of whole pictures, so that it is the same at every run."""

from __future__ import annotations

import asyncio
import tempfile
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from tui.recording._textual import strips
from tui.recording.given_time import GivenClock, LeapingLoop, given_time
from tui.recording.rows import changed_part
from tui.recording.servers import StagedServers
from tui.recording.staged import StagedEngine
from tui.recording.studio import Studio, full_colours

if TYPE_CHECKING:
    from rich.segment import Segment

    from bridge.settings import Settings
    from tui.recording.studio import Film, Script

__all__ = ["film_stepped"]

_NOTHING: Final[list[Segment]] = []

FRAME: Final = 0.1
"""Seconds between two pictures."""


def film_stepped(script: Script, settings: Settings | None = None) -> Film:
    """Film a tour without servers: the same bytes at every run, faster than it plays.

    Args:
        script: what is filmed.
        settings: what the screen is shown with; the defaults where nothing is said.

    Raises:
        TourError: the file is no tour, or a step can't be done: which, and what the screen showed.
    """
    clock = GivenClock()

    async def film() -> Film:
        engine = StagedEngine(settings)
        studio = Studio.of(engine, script.language, StagedServers(engine), clock.ticks)
        return await studio.shoot(script, _take_pictures(studio))

    with (
        tempfile.TemporaryDirectory() as state,
        full_colours(XDG_STATE_HOME=state),
        given_time(clock),
        asyncio.Runner(loop_factory=lambda: LeapingLoop(clock)) as runner,
    ):
        return runner.run(film())


async def _take_pictures(studio: Studio) -> None:
    """Take down what changed since the last picture, whenever the application drew."""
    drawn = asyncio.Event()
    drawn.set()
    studio.camera.output = lambda _: drawn.set()
    # Between the moments at which the application draws: what it does in one of them is over by then, in whatever
    # order its tasks ran.
    await asyncio.sleep(FRAME / 2)
    before: list[list[Segment]] = []
    console = studio.app.console
    while True:
        await drawn.wait()
        drawn.clear()
        rows = [list(strip) for strip in strips(studio.app)]
        pairs = enumerate(zip_longest(before, rows, fillvalue=_NOTHING), 1)
        studio.tape.output("".join(changed_part(number, old, new, console) for number, (old, new) in pairs))
        before = rows
        await asyncio.sleep(FRAME)
