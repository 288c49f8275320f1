"""The footer: one line with the keys of a screen and what each does, as far as there is room."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from rich.cells import cell_len
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from tui.actions import key_cap
from tui.language import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events
    from textual.binding import ActiveBinding, Binding

__all__ = ["CUT", "KeyLine", "KeyShown", "KeysFooter", "TranslatedKeys", "key_line"]

Result = TypeVar("Result")


CUT = "…"
"""The end of a line without room for all keys."""

MOST: Final = 7
"""The most entries in a line, besides those at its right end."""

_LAST: Final = (
    "help",
    "settings.help",
    "letters.help",
    "letters.close",
    "settings.close",
    "record.close",
    "product.close",
    "servers.close",
    "charts.close",
    "web_code.close",
    "quit",
    "quit.anywhere",
)
"""The actions at the right end, by their ids; the last is there where a field takes the key of the one before."""

_STYLES = ("bold $footer-key-foreground", "$footer-description-foreground")


class TranslatedKeys(Screen[Result]):
    """A screen whose keys are described in the user's language, in its footer and where Textual lists them."""

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """The translated bindings of the focused widget; see `Screen`."""
        return {key: _said(active) for key, active in super().active_bindings.items()}


def _said(active: ActiveBinding) -> ActiveBinding:
    binding = active.binding
    title, tooltip = say(binding.description), say(binding.tooltip)
    if title is binding.description and tooltip is binding.tooltip:
        return active
    return active._replace(binding=replace(binding, description=title, tooltip=tooltip), tooltip=tooltip)


_NAMED: Final = ("f1",)
"""Keys that are shown by their own name where the action's usual key is typed into a field."""


def _lowered(title: str) -> str:
    """Convert a title for use within a line: `Move stock` becomes `move stock`, `MQTT` stays."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


class KeyShown(NamedTuple):
    """A key.

    Attributes:
        key: Textual's name.
        display: its name for the user.
        does: what it does, in a word; for a group, what the group does.
        tooltip: what it does, in a sentence.
        enabled: whether its action is enabled.
        group: the same text for keys that are shown together before one `does`; empty for none.
    """

    key: str
    display: str
    does: str
    tooltip: str
    enabled: bool = True
    group: str = ""


class KeyLine(NamedTuple):
    """A laid out line.

    Attributes:
        content: what is drawn.
        places: for each key from the left, its first cell, the cell after its last, and the key.
    """

    content: Content
    places: tuple[tuple[int, int, KeyShown], ...]

    def at(self, x: int) -> KeyShown | None:
        """The key at a cell."""
        return next((key for start, end, key in self.places if start <= x < end), None)


def key_line(keys: Sequence[KeyShown], last: Sequence[KeyShown], width: int, styles: tuple[str, str]) -> KeyLine:
    """Lay out a line.

    Args:
        keys: in order; the first seven are shown, a group counting as one.
        last: those at the right end, which are always shown.
        width: the available cells.
        styles: the styles of a key and of its description.
    """
    # Each piece begins and ends with a space.
    right = [piece for key in last for piece in _pieces([key], key.does, styles)]
    room = width - sum(cell_len(text) for text, _, _ in right)
    pieces: list[tuple[str, str, KeyShown | None]] = []
    used = 0
    groups = groupby(enumerate(keys), lambda place: place[1].group or place[0])
    for _, group in islice(groups, MOST):
        members = [key for _, key in group]
        more = _pieces(members, members[0].group or members[0].does, styles)
        size = sum(cell_len(text) for text, _, _ in more)
        if used + size > room:
            pieces, used = _cut(pieces, room, styles[1])
            break
        pieces += more
        used += size
    pieces.append((" " * max(0, room - used), styles[1], None))
    return _laid_out([*pieces, *right])


def _pieces(members: Sequence[KeyShown], does: str, styles: tuple[str, str]) -> list[tuple[str, str, KeyShown | None]]:
    dim = "" if all(member.enabled for member in members) else " dim"
    keys: list[tuple[str, str, KeyShown | None]] = [(key.display, styles[0] + dim, key) for key in members]
    return [(" ", styles[1], None), *keys, (f" {does}", styles[1] + dim, members[-1]), (" ", styles[1], None)]


def _cut(
    pieces: list[tuple[str, str, KeyShown | None]], room: int, style: str
) -> tuple[list[tuple[str, str, KeyShown | None]], int]:
    used = sum(cell_len(text) for text, _, _ in pieces)
    # To the end of an entry: a word right before the sign would look cut.
    while pieces and (used + cell_len(CUT) > room or pieces[-1][2] is not None):
        used -= cell_len(pieces.pop()[0])
    fill = max(0, room - used - cell_len(CUT))
    return [*pieces, (" " * fill, style, None), (CUT, style, None)], used + fill + cell_len(CUT)


def _laid_out(pieces: Sequence[tuple[str, str, KeyShown | None]]) -> KeyLine:
    places, x = [], 0
    for text, _, key in pieces:
        size = cell_len(text)
        if key is not None:
            places.append((x, x + size, key))
        x += size
    return KeyLine(Content.assemble(*((text, style) for text, style, _ in pieces)), tuple(places))


class KeysFooter(Widget, can_focus=False):
    """The keys of the focused widget, drawn as one line; a click acts like the key.

    Textual's own footer has a widget for each key and recreates all of them whenever the focus moves, which takes
    longer than anything else that such a key does.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = KeyLine(Content(""), ())
        self._figures: dict[str, str] = {}

    def put_figure(self, action: str, figure: str) -> None:
        """Show a number after a key's description: `d refused 108`.

        Args:
            action: the id of the key's action.
            figure: the text to show; empty for none.
        """
        if self._figures.get(action, "") != figure:
            self._figures[action] = figure
            self.refresh()

    def on_mount(self) -> None:
        """Update the line when the focus moves."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def render(self) -> Content:
        self._line = key_line(*self._keys(), self.size.width, _STYLES)
        return self._line.content

    def on_click(self, event: events.Click) -> None:
        """Simulate the key that was clicked."""
        key = self._line.at(event.x)
        if key is not None:
            self.app.simulate_key(key.key)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Describe the key under the mouse in a tooltip."""
        key = self._line.at(event.x)
        self.tooltip = key.tooltip if key is not None else None

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and self.app.app_focus:
            self.refresh()

    def _keys(self) -> tuple[list[KeyShown], list[KeyShown]]:
        active = self.screen.active_bindings
        found: dict[str, KeyShown] = {}
        last: dict[str, KeyShown] = {}
        for _, binding, enabled, tooltip in active.values():
            identity = binding.id or ""
            if identity in _LAST:
                last.setdefault(identity, self._shown(binding, tooltip, enabled=enabled))
            elif binding.show and binding.action not in found:
                found[binding.action] = self._shown(binding, tooltip, enabled=enabled)
        if "quit" in last or not self._is_main:
            last.pop("quit.anywhere", None)
        right = [last[identity] for identity in _LAST if identity in last]
        return list(found.values()), right

    @property
    def _is_main(self) -> bool:
        """Whether this is the lowest screen, so that leaving it quits the program."""
        return len(self.app.screen_stack) == 1

    def _shown(self, binding: Binding, tooltip: str, *, enabled: bool) -> KeyShown:
        group = _lowered(say(binding.group.description)) if binding.group is not None else ""
        does = f"{_lowered(binding.description)} {self._figures.get(binding.id or '', '')}".rstrip()
        display = key_cap(binding.key) if binding.key in _NAMED else self.app.get_key_display(binding)
        return KeyShown(binding.key, display, does, tooltip or binding.description, enabled, group)
