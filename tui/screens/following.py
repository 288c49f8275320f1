"""Following one movement: lit up in all panes, and its way drawn on the line under them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content

from tui.language import say
from tui.panes.log_view import LogView
from tui.steady import Steady
from tui.way import way_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.journal import Journey, StockBoard
    from tui.panes.pane import Pane
    from tui.panes.stock import StockView

__all__ = ["Following", "WayLine"]


class WayLine(Steady):
    """The way of the movement that is followed."""

    def __init__(self) -> None:
        super().__init__(id="way", markup=False)

    def pull(self, followed: Journey | None) -> None:
        """Draw how far it has come, or how to follow one."""
        if followed is None:
            said = Content.styled(
                say("↑ ↓ select a record to follow its movement through the panes"), "$foreground-disabled"
            )
        else:
            said = way_line(followed, max(20, self.screen.size.width - 4))
        self.update(said, layout=False)


class Following:
    """Which movement is followed.

    Args:
        panes: where it is lit up.
        stock: the pane of them that shows products.
        board: the products.
    """

    def __init__(self, panes: Sequence[Pane], stock: StockView, board: StockBoard) -> None:
        self.movement: Journey | None = None
        self._panes = panes
        self._stock = stock
        self._board = board

    def follow(self, journey: Journey | None) -> None:
        """Light up a movement in all panes, None none; a pane that no one reads shows where it is."""
        self.movement = journey
        for pane in self._panes:
            view = pane.view
            if isinstance(view, LogView):
                view.light_up(None if journey is None else view.shown.find(journey))
        self._stock.light_up(self._product_of(journey))
        for pane in self._panes:
            follows = isinstance(pane.view, LogView) and pane.view.following
            if not follows and pane.view.cursor is None:
                pane.view.reveal(pane.view.linked)

    def _product_of(self, journey: Journey | None) -> int | None:
        if journey is None:
            return None
        if journey.product_id is not None:
            return journey.product_id
        product = None if journey.movement is None else self._board.find(journey.movement.product)
        return product.id if product else None
