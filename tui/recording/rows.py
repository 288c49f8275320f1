"""A row of the screen as a terminal is sent it: only the part that differs from what the terminal has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.segment import Segment

__all__ = ["changed_part"]


def changed_part(number: int, old: Sequence[Segment], new: Sequence[Segment], console: Console) -> str:
    """Write what changed of a row.

    Args:
        number: the row, from 1.
        old: what the terminal has there; nothing where that is unknown.
        new: what it is to have.
        console: the colours that there are.

    Returns:
        What the terminal is sent; empty where nothing changed.
    """
    most = min(len(old), len(new))
    first = next((place for place in range(most) if old[place] != new[place]), most)
    if first == len(old) == len(new):
        return ""
    last = len(new)
    if sum(part.cell_length for part in old) == sum(part.cell_length for part in new):
        end = next((place for place in range(1, most - first + 1) if old[-place] != new[-place]), most - first + 1)
        last = len(new) - end + 1
    column = sum(part.cell_length for part in new[:first]) + 1
    return f"\x1b[{number};{column}H{Strip(new[first:last]).render(console)}\x1b[0m"
