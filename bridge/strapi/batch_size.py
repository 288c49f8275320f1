"""The number of movements in one request: as many as Strapi answers within a tenth of a second. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["BatchSize"]

_AIM: Final = 0.1
"""The intended duration of a request in seconds; new movements wait for it, and so does a rebalance."""

_SOON: Final = 0.001
_FIRST: Final = 100
_LEAST: Final = 64
"""Below this a request mostly takes its fixed time (a write to disk, TLS, other processes), so that a smaller one is
hardly answered sooner: with 8, a Strapi that takes 0.3 s for any request applied 28 movements/s.
"""

_TELLING: Final = 0.5
"""The part of a full batch from which its duration can be inferred: a small one takes as long as any request."""


class BatchSize:
    """The size of the next batch, from the durations of earlier ones.

    Args:
        most: the most movements in a batch, 1 or more.

    Attributes:
        now: the most movements in the next batch, 1 to `most`.
    """

    __slots__ = ("_most", "now")

    def __init__(self, most: int) -> None:
        self._most = most
        self.now = min(_FIRST, most)

    def took(self, movements: int, seconds: float) -> None:
        """Note how long Strapi took for a batch; the size at most doubles, as one quick answer proves little."""
        if movements >= self.now * _TELLING:
            wanted = min(movements * _AIM / max(seconds, _SOON), self.now * 2)
            self.now = min(self._most, max(_LEAST, int(wanted)))

    def waited(self, movements: int, seconds: float) -> None:
        """Note that a batch timed out: the next one has half its size at most."""
        if seconds > _AIM:
            self.now = max(1, min(self.now, movements // 2))
