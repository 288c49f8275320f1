"""How the panes share the width of the main screen: each its share, or one of them everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.language import say
from tui.panes.shares import SHARES, resized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual.screen import Screen

    from tui.panes.pane import Pane

__all__ = ["Sizes"]


class Sizes:
    """The panes' widths.

    Args:
        screen: whose panes they are.
        panes: from the left.
    """

    def __init__(self, screen: Screen[None], panes: Sequence[Pane]) -> None:
        self._screen = screen
        self._panes = panes
        self._shares: tuple[int, ...] = SHARES

    @property
    def zoomed(self) -> bool:
        """Whether one pane has everything though there is room for all."""
        return self._screen.has_class("zoomed")

    def zoom(self) -> None:
        """Give the current pane all the room, or give it back."""
        self._screen.toggle_class("zoomed")

    def give_back(self) -> None:
        """Give the room back."""
        self._screen.remove_class("zoomed")

    def resize(self, number: int, step: int) -> None:
        """Give a pane more of the width, or less.

        Args:
            number: of the pane, from 1.
            step: 1 for more, -1 for less.
        """
        if not self._screen.has_class("-wide") or self.zoomed:
            self._screen.notify(say("one pane has all the width here"))
            return
        self._shares = resized(self._shares, number - 1, step)
        for pane, share in zip(self._panes, self._shares, strict=True):
            pane.styles.width = f"{share}fr"
