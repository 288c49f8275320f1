"""A limit to what may take forever: Python's regular expressions, which backtrack without an end of their own.

`re` looks for signals every 4,096 steps, so the handler of one can end a search that nothing else can. The timer
counts the processor's time and not the clock's: a machine that is busy elsewhere is no reason to give up.

The signal may come anywhere, in a weak reference's callback too, where an exception is only printed and the search goes
on. So only `found`, which searches, is ended, and the timer goes on until it finds it there.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["LONGEST", "TooLongError", "found", "limited"]

LONGEST: Final = 0.1
"""Seconds of the processor's time: ten times what a slice of honest work takes."""

_AGAIN: Final = 0.005
"""Seconds of the processor's time until a signal that came elsewhere than in a search is sent again."""


class TooLongError(Exception):
    """It took too long and was given up in the middle."""


def found(pattern: re.Pattern[str], text: str) -> bool:
    """Whether a pattern is in a text: the search that `limited` ends."""
    return pattern.search(text) is not None


@contextlib.contextmanager
def limited(seconds: float = LONGEST) -> Iterator[None]:
    """End the searches that are done within, where they take too long. Only the main thread's; others go on.

    Args:
        seconds: of the processor's time, more than 0.

    Raises:
        TooLongError: one was ended.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    open_ = True

    def end(_: int, at: FrameType | None) -> None:
        # Not once the work is done: the signal may come while the timer is being put away.
        if open_ and at is not None and at.f_code is found.__code__:
            raise TooLongError

    before = signal.signal(signal.SIGVTALRM, end)
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds, _AGAIN)
        try:
            yield
        finally:
            open_ = False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
