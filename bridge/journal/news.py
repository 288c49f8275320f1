"""A bell: the engine's thread rings it when it wrote something down, and one reader hears it once until it looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["News"]


class News:
    """Tells a reader that there is something to read, so that it need not look for it again and again.

    The reader says `heard` before it looks and not after: what comes while it looks rings again.
    """

    __slots__ = ("_listener", "_rung")

    def __init__(self) -> None:
        self._listener: Callable[[], None] | None = None
        self._rung = False

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Have something called, on the thread that rings, or nothing any more.

        Args:
            listener: must be quick and raise nothing.
        """
        self._listener = listener
        self._rung = False

    def ring(self) -> None:
        """Something was written down; the second ring before it is heard costs nothing."""
        if not self._rung and (listener := self._listener) is not None:
            self._rung = True
            listener()

    def heard(self) -> None:
        """The reader is about to look."""
        self._rung = False
