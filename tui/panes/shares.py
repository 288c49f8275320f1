"""How the panes share the width when one of them is given more of it, or less."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SHARES", "resized"]

SHARES: Final = (39, 38, 43)
"""The panes' shares of the width to start with, which the stylesheet explains."""

STEP: Final = 8
LEAST: Final = 18
"""No pane is made narrower than this share: the most important columns still have room."""


def resized(shares: Sequence[int], place: int, step: int) -> tuple[int, ...]:
    """Give one pane more of the width, or less, at the cost or in favour of the others.

    Args:
        shares: of each pane.
        place: which one, from 0.
        step: 1 for more, -1 for less.

    Returns:
        The new shares, of the same sum; the old ones where a pane would become too narrow.
    """
    others = len(shares) - 1
    each = step * STEP // others
    found = tuple(share + (each * others if here == place else -each) for here, share in enumerate(shares))
    return found if min(found) >= LEAST else tuple(shares)
