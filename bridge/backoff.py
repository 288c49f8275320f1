"""Growing pauses between retries, and a sleep that respects earlier cancellations."""

from __future__ import annotations

import asyncio
import random
from typing import Final

__all__ = ["Backoff", "pause", "pause_before"]

_PAUSES: Final = (15.0, 30.0, 60.0, 120.0, 300.0)

_LAST: Final = 600.0


async def pause(seconds: float) -> None:
    """Sleep, unless this task was cancelled before.

    In Python 3.11, `asyncio.wait_for` loses a cancellation that arrives just as the awaited thing ends, and the
    servers' libraries use it to connect. A loop that continued after such an error would never end.

    Args:
        seconds: how long.

    Raises:
        asyncio.CancelledError: the task was cancelled, now or before.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
    await asyncio.sleep(seconds)


def pause_before(tries: int) -> float:
    """The seconds between the last publication or look-up of a movement and the next.

    They grow: a movement that waits for an hour because a server is away is published at most about ten times, and each
    of these is a record in Kafka.

    Args:
        tries: how many there were already, 0 after the first publication.
    """
    return _PAUSES[tries] if tries < len(_PAUSES) else _LAST


class Backoff:
    """Growing pauses.

    Args:
        first: the first pause in seconds, above 0.
        longest: the longest pause in seconds.
    """

    __slots__ = ("_first", "_longest", "_next")

    def __init__(self, first: float = 0.5, longest: float = 15.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def pause(self) -> float:
        """The next pause in seconds, between half and all of a time that doubles at each call."""
        pause = self._next
        self._next = min(self._longest, pause * 2)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """Start again at the first pause, after a success."""
        self._next = self._first
