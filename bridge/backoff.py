"""Pauses between two tries: they grow, and chance keeps several engines from coming back at the same moment."""

from __future__ import annotations

import random

__all__ = ["Backoff"]


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
