"""A film in steps: on a staged chain and by a given clock, so that it is the same at every run."""

from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING

from tui.recording.given_time import GivenClock, LeapingLoop, given_time
from tui.recording.servers import StagedServers
from tui.recording.staged import StagedEngine
from tui.recording.studio import Studio, full_colours

if TYPE_CHECKING:
    from bridge.settings import Settings
    from tui.recording.studio import Film, Script

__all__ = ["film_stepped"]


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
        return await Studio.of(engine, script.language, StagedServers(engine), clock.ticks).shoot(script)

    with (
        tempfile.TemporaryDirectory() as state,
        full_colours(XDG_STATE_HOME=state),
        given_time(clock),
        asyncio.Runner(loop_factory=lambda: LeapingLoop(clock)) as runner,
    ):
        return runner.run(film())
