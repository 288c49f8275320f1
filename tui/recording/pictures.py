"""The pictures of a film by tour: what changed on the screen since the one before, taken while the application draws.

Not what the application writes, as in a session's recording: a chapter's picture is taken when the chapter begins,
however late the application is with its own drawing, so that what a chapter promises is in the film before its marker.
"""

from __future__ import annotations

import asyncio
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from tui.recording._textual import strips
from tui.recording.rows import changed_part

if TYPE_CHECKING:
    from rich.segment import Segment

    from tui.app import OpsciApp
    from tui.recording.driver import Camera
    from tui.recording.tape import Tape

__all__ = ["Pictures"]

FRAME: Final = 0.1
"""Seconds between two pictures: the application draws ten times a second."""

_NOTHING: Final[list[Segment]] = []


class Pictures:
    """Takes down what an application shows.

    Args:
        app: which.
        camera: what notices that it draws.
        tape: what takes it down.
    """

    def __init__(self, app: OpsciApp, camera: Camera, tape: Tape) -> None:
        self._app = app
        self._camera = camera
        self._tape = tape
        self._before: list[list[Segment]] = []

    def take(self) -> str:
        """Take one, and give its text, a line for each row."""
        drawn = strips(self._app)
        rows = [list(strip) for strip in drawn]
        pairs = enumerate(zip_longest(self._before, rows, fillvalue=_NOTHING), 1)
        console = self._app.console
        self._tape.output("".join(changed_part(number, old, new, console) for number, (old, new) in pairs))
        self._before = rows
        return "\n".join(strip.text for strip in drawn)

    async def go_on(self) -> None:
        """Take one whenever the application drew, until this is cancelled."""
        drawn = asyncio.Event()
        drawn.set()
        self._camera.output = lambda _: drawn.set()
        # Between the moments at which the application draws: on a given clock, what it does in one of them is over by
        # then, in whatever order its tasks ran.
        await asyncio.sleep(FRAME / 2)
        while True:
            await drawn.wait()
            drawn.clear()
            self.take()
            await asyncio.sleep(FRAME)
