"""The tape: what a terminal is sent, with the time, and nothing that would reach beyond its screen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tui.recording.cast import MARKER, OUTPUT, RESIZE, Event

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["BEGIN", "Tape", "ending"]

BEGIN: Final = "\x1b[0m\x1b[2J\x1b[H\x1b[?25l"
"""Clears the player's screen and hides its cursor."""

_UNWANTED: Final = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC: a player's clipboard, title and pointer are its own
    r"|\x1b\[\?2026[hl]"  # synchronised output, which the timing of a film does without
    r"|\x1b\[\?(?:1000|1002|1003|1004|1006|1015|1016|1049|2004|2048)[hl]"  # mouse, focus, paste and screen of the app
    r"|\x1b\[[<>=][0-9;]*u"  # the keyboard protocol
    r"|\x1b\[\?\d+\$p"  # questions to the terminal
    r"|\x07"
)


def ending(rows: int) -> str:
    """Leave the last picture on a player's screen of so many rows, its cursor in the last one."""
    return f"\x1b[0m\x1b[{rows};1H\x1b[?25h"


class Tape:
    """Takes down what happens from now on.

    Args:
        clock: seconds, never going back.
        keep: gets each event.
    """

    def __init__(self, clock: Callable[[], float], keep: Callable[[Event], None]) -> None:
        self._clock = clock
        self._keep = keep
        self._began = clock()

    @property
    def seconds(self) -> float:
        """How long it runs."""
        return self._clock() - self._began

    def output(self, text: str) -> None:
        """Take down what the terminal is sent."""
        shown = _UNWANTED.sub("", text)
        if shown:
            self._keep(Event(self.seconds, OUTPUT, shown))

    def mark(self, title: str) -> None:
        """Begin a chapter."""
        self._keep(Event(self.seconds, MARKER, title))

    def resize(self, width: int, height: int) -> None:
        """Take down another size of the terminal."""
        self._keep(Event(self.seconds, RESIZE, f"{width}x{height}"))
