"""A rate over the last minute as a row of blocks, for the room that a title leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["sparkline"]

BLOCKS: Final = "▁▂▃▄▅▆▇█"

LEAST: Final = 10
"""Below so many cells a minute says nothing."""


def sparkline(counts: Sequence[int], room: int) -> str:
    """Draw counts, each block standing for as many of them, the highest as a full block and none as the lowest.

    Args:
        counts: what was counted in each second, oldest first.
        room: the cells there are.

    Returns:
        One cell for each count or for each two, three or more of them, whatever fits; empty where fewer than 10 cells
        would be left, or nothing was counted.
    """
    each = next((size for size in range(1, 7) if len(counts) % size == 0 and len(counts) // size <= room), 0)
    if not each or len(counts) // each < LEAST or not any(counts):
        return ""
    sums = [sum(counts[start : start + each]) for start in range(0, len(counts), each)]
    highest, steps = max(sums), len(BLOCKS) - 1
    # Rounded up: a second with one message is not one with none.
    return "".join(BLOCKS[-(-found * steps // highest)] for found in sums)
