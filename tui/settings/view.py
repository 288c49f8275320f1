"""The list of settings: a row each under the head of its section, in three columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.language import say
from tui.settings.words import shown, source_in_short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from tui.settings.catalogue import Entry
    from tui.settings.draft import Draft

__all__ = ["SettingsView"]

_NAME = 22
_SOURCE = 22


class SettingsView(OptionList):
    """All settings, or those that a filter leaves.

    Args:
        draft: their values.
        entries: the settings.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", say("Change"), id="settings.change", tooltip=say("Change the setting")),
        Binding("j", "cursor_down", say("Down"), show=False, id="settings.down"),
        Binding("k", "cursor_up", say("Up"), show=False, id="settings.up"),
        Binding("g", "first", say("First"), show=False, id="settings.first"),
        Binding("G", "last", say("Last"), show=False, id="settings.last"),
    ]

    def __init__(self, draft: Draft, entries: Sequence[Entry]) -> None:
        super().__init__(id="settings-list", markup=False)
        self._draft = draft
        self._entries = entries
        self._filter = ""

    @property
    def selected(self) -> Entry | None:
        """The setting under the cursor."""
        if self.highlighted is None:
            return None
        identity = self.get_option_at_index(self.highlighted).id
        return next((entry for entry in self._entries if entry.key == identity), None)

    def on_resize(self, event: events.Resize) -> None:
        """Use the room there is."""
        self.show_all()

    def filter(self, text: str) -> None:
        """Show those whose name, value, source or description has all words of a text."""
        self._filter = text
        self.show_all()

    def show_all(self) -> None:
        """Show the values anew; the cursor stays on its setting."""
        words = self._filter.casefold().split()
        here = self.selected
        options: list[Option] = []
        section: str | None = None
        for entry in self._entries:
            if not all(word in self._text_of(entry) for word in words):
                continue
            if entry.section != section:
                section = entry.section
                options.append(
                    Option(Content.styled(section or say("whole program"), "bold $text-primary"), disabled=True)
                )
            options.append(Option(self._line(entry), id=entry.key))
        self.clear_options()
        self.add_options(options)
        places = [place for place, option in enumerate(options) if option.id]
        keys = {options[place].id: place for place in places}
        self.highlighted = keys.get(here.key if here else "", places[0] if places else None)

    def _text_of(self, entry: Entry) -> str:
        value = shown(entry, self._draft.value(entry.key))
        source = source_in_short(self._draft.given(entry.key))
        return f"{entry.key} {value} {source} {say(entry.about)}".casefold()

    def _line(self, entry: Entry) -> Content:
        draft = self._draft
        changed = entry.key in draft.changes
        value = shown(entry, draft.value(entry.key))
        source = say("changed") if changed else source_in_short(draft.given(entry.key))
        room = max(12, self.size.width - _NAME - _SOURCE - 6)
        value = value if len(value) <= room else f"{value[: room - 1]}…"
        source = source if len(source) <= _SOURCE else f"{source[: _SOURCE - 1]}…"
        sign = "*" if changed else "⊘" if draft.locked(entry.key) else " "
        colour = "$text-warning" if changed else "$foreground"
        return Content.assemble(
            (f"{sign} ", "bold $text-warning" if changed else "$foreground-muted"),
            f"{entry.name:{_NAME}}",
            (f"{value:{room}} ", f"bold {colour}" if changed or draft.given(entry.key) else "$foreground"),
            (source, colour if changed else "$foreground-muted"),
        )
