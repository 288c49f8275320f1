"""How many movements go into one request: as many as Strapi answers within a tenth of a second. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["BatchSize"]

_AIM: Final = 0.1
"""Seconds that a request may take: what comes meanwhile waits for it, and so does a rebalance."""

_SOON: Final = 0.001
_FIRST: Final = 100
_LEAST: Final = 64
"""Below it a request mostly takes its fixed time (a write to disk, TLS, a machine that is busy with others), so that a
smaller one is hardly answered sooner: with 8, a Strapi that takes 0.3 s for any request applied 28 movements/s."""

_TELLING: Final = 0.5
"""How much of a full batch tells how long a full one takes: a small one takes as long as a request by itself."""


class BatchSize:
    """The size of the next batch, by how long the ones before took.

    Args:
        most: the most movements in a batch, 1 or more.

    Attributes:
        now: movements in the next batch at most, 1 to `most`.
    """

    __slots__ = ("_most", "now")

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = min(_FIRST, most)

    def took(self, movements: int, seconds: float) -> None:
        """Note how long Strapi took for a batch; it grows to the double at most, as one quick answer tells little."""
        if movements >= self.now * _TELLING:
            wanted = min(movements * _AIM / max(seconds, _SOON), self.now * 2)
            self.now = min(self._most, max(_LEAST, int(wanted)))

    def waited(self, movements: int, seconds: float) -> None:
        """Note that a batch was waited for in vain: of a Strapi that answers too late to be heard, half is asked."""
        if seconds > _AIM:
            self.now = max(1, min(self.now, movements // 2))
