"""The screen's event loop, which is first in the queue for Python's lock: a person waits for it, the chain does not."""

from __future__ import annotations

import asyncio
import selectors
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Eager", "screen_loop"]

_ASKS: Final = 0.0005
"""Seconds that the screen waits for the lock before it asks whoever has it to let go."""

_KEEPS: Final = 0.02
"""Seconds that others wait for it while the screen works: about what a frame takes."""


class Eager(selectors.DefaultSelector):
    """A selector that tells Python how patient whoever wants the lock has to be.

    Python has one such figure for all threads (`sys.setswitchinterval`), 5 ms unless it is set. With it a key, whose
    answer takes a dozen turns of the loop, waits in each turn while the chain works, and a frame is painted by pieces.

    Args:
        patience: sets the figure, in seconds.
    """

    def __init__(self, patience: Callable[[float], None] = sys.setswitchinterval) -> None:
        super().__init__()
        self._patience = patience

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for something to do; see `selectors.BaseSelector.select`."""
        self._patience(_ASKS)
        try:
            return super().select(timeout)
        finally:
            self._patience(_KEEPS)


def screen_loop() -> asyncio.AbstractEventLoop:
    """Make the loop for `App.run`."""
    return asyncio.SelectorEventLoop(Eager())
