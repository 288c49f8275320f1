"""The pictures of a filmed tour: what changed on the screen since the last one, taken while the application draws.

Unlike a session's recording this isn't the application's output: a chapter's picture is taken when the chapter begins,
however late the application draws, so that what a chapter promises is in the film before its marker.
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
"""Seconds without drawing after which the screen is complete: half of the refresh interval."""

MOST_MOMENTS: Final = 5
"""Moments by which a picture is delayed at most."""

_NOTHING: Final[list[Segment]] = []


def changed_part(number: int, old: Sequence[Segment], new: Sequence[Segment], console: Console) -> str:
    """Write the changed part of a row.

    Args:
        number: the row, from 1.
        old: the row on the terminal; empty if unknown.
        new: the row to show.
        console: determines the available colours.

    Returns:
        The output for the terminal; empty if nothing changed.
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
    """Records the screen of an application.

    Args:
        app: the application.
        camera: notices that it draws.
        tape: records the pictures.
    """

    def __init__(self, app: App[Any], camera: Camera, tape: CastWriter) -> None:
        self._app = app
        self._camera = camera
        self._tape = tape
        self._drawn = asyncio.Event()
        self._before: list[list[Segment]] = []

    def take(self) -> str:
        """Record a picture and return its text, one line per row."""
        drawn = strips(self._app)
        rows = [list(strip) for strip in drawn]
        pairs = enumerate(zip_longest(self._before, rows, fillvalue=_NOTHING), 1)
        console = self._app.console
        self._tape.output("".join(changed_part(number, old, new, console) for number, (old, new) in pairs))
        self._before = rows
        return "\n".join(strip.text for strip in drawn)

    async def go_on(self) -> None:
        """Record a picture whenever the application has drawn, until cancelled."""
        self._camera.output = lambda _: self._drawn.set()
        self._drawn.set()
        while True:
            await self._drawn.wait()
            await self.come_to_rest()
            self.take()

    async def come_to_rest(self) -> None:
        """Wait until nothing is drawn for a moment, as a part of the screen may be in the middle of a rebuild."""
        for _ in range(MOST_MOMENTS):
            self._drawn.clear()
            await asyncio.sleep(MOMENT)
            if not self._drawn.is_set() and not rebuilds(self._app):
                break
