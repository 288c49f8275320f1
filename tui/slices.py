"""Long work on the screen's own loop, a few milliseconds at a time, so that keys and frames come in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.message_pump import MessagePump

__all__ = ["SLICE", "Slices"]

SLICE: Final = 0.01
"""Seconds that work may hold the screen at once."""

PAUSE: Final = 0.02
"""Seconds that the screen then has for everything else."""


class Slices:
    """Goes on with a piece of work until it is done.

    Args:
        owner: the widget whose work it is; it ends with it.
        step: goes on with the work for so many seconds, and says whether some is left.
    """

    def __init__(self, owner: MessagePump, step: Callable[[float], bool]) -> None:
        self._owner = owner
        self._step = step
        self._waiting = False

    def go(self) -> None:
        """Work for one slice at once, and for as many later ones as it takes."""
        if not self._waiting:
            self._go_on()

    def _go_on(self) -> None:
        self._waiting = self._step(SLICE)
        if self._waiting:
            self._owner.set_timer(PAUSE, self._go_on)
