"""A limit to what may take forever: Python's regular expressions, which backtrack without an end of their own.

`re` looks for signals every 4,096 steps, so the handler of one can end a search that nothing else can. The timer
counts the processor's time and not the clock's: a machine that is busy elsewhere is no reason to give up.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["LONGEST", "TooLongError", "limited"]

LONGEST: Final = 0.1
"""Seconds of the processor's time: ten times what a slice of honest work takes."""


class TooLongError(Exception):
    """It took too long and was given up in the middle."""


@contextlib.contextmanager
def limited(seconds: float = LONGEST) -> Iterator[None]:
    """End what is done within, where it takes too long. Only the main thread can be limited; others go on.

    Args:
        seconds: of the processor's time, more than 0.

    Raises:
        TooLongError: it was ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    open_ = True

    def end(_: int, __: FrameType | None) -> None:
        # Not once the work is done: the signal may come while the timer is being put away.
        if open_:
            raise TooLongError

    before = signal.signal(signal.SIGVTALRM, end)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
        try:
            yield
        finally:
            open_ = False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
