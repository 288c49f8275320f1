"""How long to wait between two tries, and a pause that a cancelled task does not outlive."""

from __future__ import annotations

import asyncio
import random
from typing import Final

__all__ = ["Backoff", "pause", "pause_before"]

_PAUSES: Final = (15.0, 30.0, 60.0, 120.0, 300.0)

_LAST: Final = 600.0


async def pause(seconds: float) -> None:
    """Sleep, unless this task was cancelled before.

    `asyncio.wait_for` of Python 3.11 loses a cancellation that comes in the moment in which what it waits for ends, and
    the libraries of the servers use it to connect. A loop that goes on after such an error would never end.

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
    """The seconds between the last time that a movement was published, or asked for, and the next.

    They grow: a movement that waits for an hour because a server is away is published some ten times at most, and each
    of these is a record in Kafka.

    Args:
        tries: how often it was looked after already, 0 after the first publication.
    """
    return _PAUSES[tries] if tries < len(_PAUSES) else _LAST


class Backoff:
    """Growing pauses.

    Args:
        first: seconds before the first try again, above 0.
        longest: the seconds to which the pause grows.
    """

    __slots__ = ("_first", "_longest", "_next")

    def __init__(self, first: float = 0.5, longest: float = 15.0) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def pause(self) -> float:
        """The seconds to wait now, between half and the whole of a pause that doubles each time."""
        pause = self._next
        self._next = min(self._longest, pause * 2)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards nothing

    def reset(self) -> None:
        """Begin again at the first pause: something worked."""
        self._next = self._first
