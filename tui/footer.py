"""The line of keys at the bottom of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Footer, Static

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult

__all__ = ["KeysFooter"]


class KeysFooter(Footer):
    """Textual's footer, which says where keys are cut off, and lets go of the keys that it showed before.

    Textual makes the keys anew whenever the focus moves, and each stays bound to the footer's `compact`, which drops
    what is gone only when it changes: it never does, and an hour of walking through the panes kept all of them.
    """

    def compose(self) -> ComposeResult:
        """The keys, and the sign that there are more."""
        yield from super().compose()
        yield Static("…", classes="more", markup=False)

    async def recompose(self) -> None:
        """Show the keys of the focus, and forget the earlier ones."""
        await super().recompose()
        self.mutate_reactive(Footer.compact)
        self.call_after_refresh(self._say_more)

    def on_mount(self) -> None:
        """Look whether all keys fit."""
        self.call_after_refresh(self._say_more)

    def on_resize(self, event: events.Resize) -> None:
        """Look whether all keys fit."""
        self.call_after_refresh(self._say_more)

    def _say_more(self) -> None:
        # Beside the palette's key there is a line already at which the others end.
        cut = self.virtual_size.width > self.size.width and not self.show_command_palette
        self.set_class(cut, "cut")
