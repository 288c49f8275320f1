"""The line of keys at the bottom of a screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tui.key_line import KeyLine, KeyShown, key_line

if TYPE_CHECKING:
    from textual import events
    from textual.binding import Binding
    from textual.screen import Screen

__all__ = ["KeysFooter"]

_STYLES = ("bold $footer-key-foreground", "$footer-description-foreground")


class KeysFooter(Widget, can_focus=False):
    """The keys of what has the focus, on one line that is drawn as one; a click is the key.

    Textual's own has a widget for each key and makes all of them anew whenever the focus moves, which takes longer than
    anything else that such a key does.

    Args:
        show_command_palette: whether the palette's key stands at the right end.
    """

    show_command_palette = reactive(default=True)

    def __init__(self, *, show_command_palette: bool = True) -> None:
        super().__init__()
        self.set_reactive(KeysFooter.show_command_palette, show_command_palette)
        self._line = KeyLine(Content(""), ())

    def on_mount(self) -> None:
        """Say others when the focus moves."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def render(self) -> Content:
        """Draw the line."""
        self._line = key_line(*self._keys(), self.size.width, _STYLES)
        return self._line.content

    def on_click(self, event: events.Click) -> None:
        """Do what the key does."""
        key = self._line.at(event.x)
        if key is not None:
            self.app.simulate_key(key.key)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Say in a sentence what the key under the mouse does."""
        key = self._line.at(event.x)
        self.tooltip = key.tooltip if key is not None else None

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and self.app.app_focus:
            self.refresh()

    def _keys(self) -> tuple[list[KeyShown], KeyShown | None]:
        active = self.screen.active_bindings
        found: dict[str, KeyShown] = {}
        for _, binding, enabled, tooltip in active.values():
            if binding.show and binding.action not in found:
                found[binding.action] = self._shown(binding, tooltip, enabled=enabled)
        palette = active.get(self.app.COMMAND_PALETTE_BINDING)
        if palette is None or not self.show_command_palette:
            return list(found.values()), None
        return list(found.values()), self._shown(palette.binding, palette.tooltip, enabled=palette.enabled)

    def _shown(self, binding: Binding, tooltip: str, *, enabled: bool) -> KeyShown:
        group = binding.group.description if binding.group is not None else ""
        display = self.app.get_key_display(binding)
        return KeyShown(binding.key, display, binding.description, tooltip or binding.description, enabled, group)
