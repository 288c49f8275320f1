"""The line of keys at the bottom, for screens that stay."""

from __future__ import annotations

from textual.widgets import Footer

__all__ = ["KeysFooter"]


class KeysFooter(Footer):
    """Textual's footer, which lets go of the keys that it showed before.

    Textual makes the keys anew whenever the focus moves, and each stays bound to the footer's `compact`, which drops
    what is gone only when it changes: it never does, and an hour of walking through the panes kept all of them.
    """

    async def recompose(self) -> None:
        """Show the keys of the focus, and forget the earlier ones."""
        await super().recompose()
        self.mutate_reactive(Footer.compact)
