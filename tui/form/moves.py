"""Everything that was sent from the keyboard: what is pending on each product, and what can be undone."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import StockBoard
    from tui.form.sent import Sent

__all__ = ["Moves"]

REMEMBERED: Final = 200
"""How many steps are kept. One step is what one Enter sent: one movement, or one for each marked row."""


class Moves:
    """What was sent, step by step.

    Args:
        board: the products that the movements mean.
    """

    def __init__(self, board: StockBoard) -> None:
        self._board = board
        self._steps: deque[Sequence[Sent]] = deque(maxlen=REMEMBERED)
        self._open: list[Sent] = []

    def add(self, step: Sequence[Sent]) -> None:
        """Note what one Enter sent."""
        self._steps.appendleft(step)
        self._open += step

    def pending(self) -> dict[int, int]:
        """The sum of what is sent and not decided, by the product's id."""
        self._open = [sent for sent in self._open if not sent.over]
        pending: dict[int, int] = {}
        for sent in self._open:
            product = self._board.find(sent.movement.product)
            if product is not None:
                pending[product.id] = pending.get(product.id, 0) + sent.movement.delta
        return pending

    def undoable(self) -> list[list[Sent]]:
        """What can be undone, the latest step first: movements that were applied and neither undone nor an undo."""
        steps = (
            [sent for sent in step if sent.applied and sent.undoes is None and not sent.undone] for step in self._steps
        )
        return [step for step in steps if step]
