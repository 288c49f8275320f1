"""The pictures of a film by tour: what changed on the screen since the one before, taken while the application draws.

Not what the application writes, as in a session's recording: a chapter's picture is taken when the chapter begins,
however late the application is with its own drawing, so that what a chapter promises is in the film before its marker.
"""

from __future__ import annotations

import asyncio
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from textual.strip import Strip

from tui._textual import rebuilds, strips

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.segment import Segment
    from textual.app import App

    from tui.recording.cast import CastWriter
    from tui.recording.driver import Camera

__all__ = ["Pictures", "changed_part"]

MOMENT: Final = 0.05
"""Seconds without drawing after which the screen is whole: half of the time between two looks for news."""

MOST_MOMENTS: Final = 5
"""How many moments a picture is put off at most."""

_NOTHING: Final[list[Segment]] = []


def changed_part(number: int, old: Sequence[Segment], new: Sequence[Segment], console: Console) -> str:
    """Write what changed of a row.

    Args:
        number: the row, from 1.
        old: what the terminal has there; nothing where that is unknown.
        new: what it is to have.
        console: the colours that there are.

    Returns:
        What the terminal is sent; empty where nothing changed.
    """
    most = min(len(old), len(new))
    first = next((place for place in range(most) if old[place] != new[place]), most)
    if first == len(old) == len(new):
        return ""
    last = len(new)
    if sum(part.cell_length for part in old) == sum(part.cell_length for part in new):
        end = next((place for place in range(1, most - first + 1) if old[-place] != new[-place]), most - first + 1)
        last = len(new) - end + 1
    column = sum(part.cell_length for part in new[:first]) + 1
    return f"\x1b[{number};{column}H{Strip(new[first:last]).render(console)}\x1b[0m"


class Pictures:
    """Takes down what an application shows.

    Args:
        app: which.
        camera: what notices that it draws.
        tape: what takes it down.
    """

    def __init__(self, app: App[Any], camera: Camera, tape: CastWriter) -> None:
        self._app = app
        self._camera = camera
        self._tape = tape
        self._drawn = asyncio.Event()
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
        self._camera.output = lambda _: self._drawn.set()
        self._drawn.set()
        while True:
            await self._drawn.wait()
            await self.come_to_rest()
            self.take()

    async def come_to_rest(self) -> None:
        """Wait a moment without drawing: between two, a part of the screen may be taken away and made again."""
        for _ in range(MOST_MOMENTS):
            self._drawn.clear()
            await asyncio.sleep(MOMENT)
            if not self._drawn.is_set() and not rebuilds(self._app):
                break
