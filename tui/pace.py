"""How often a screen may take over news: at once when the chain is quiet, seldom when drawing takes its time. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["Pace"]

EASY: Final = 0.02
"""Seconds within which taking news over and painting it is no burden: then half of the time may go into it, of twice as
long ones a third, and so on, as a key that comes meanwhile has to wait."""

LONGEST: Final = 0.2
"""Seconds between two looks at most: a reader who follows the panes takes more for a stop."""


ANSWER: Final = 0.06
"""Seconds after a key that are left to its answer where drawing is a burden: a frame in between doubles its time."""


class Pace:
    """Keeps the time between two looks as short as the settings have it, and as long as the last look asks for.

    Drawing takes longer where the machine is busy, by the clock and not only in work. So the fewer frames there are
    just then, the sooner a key gets its own.

    Args:
        frames: how often a second it may look at most, more than 0.
    """

    def __init__(self, frames: float) -> None:
        self._shortest = 1 / frames
        self._pause = self._shortest
        self._began = float("-inf")
        self._touched = float("-inf")

    def wait(self, now: float) -> float:
        """The seconds until the next look may begin, 0 or less where it may now.

        Args:
            now: seconds on the clock that the others of this object are told as well.
        """
        due = self._began + self._pause
        if self._pause > self._shortest:
            due = max(due, min(self._touched + ANSWER, self._began + LONGEST))
        return due - now

    def touched(self, now: float) -> None:
        """A key or the mouse wants to be answered."""
        self._touched = now

    def began(self, now: float) -> None:
        """A look begins."""
        self._began = now

    def took(self, took: float) -> None:
        """The last look, and painting what it found, kept the screen busy for so many seconds."""
        self._pause = min(LONGEST, max(self._shortest, took + took * took / EASY))
