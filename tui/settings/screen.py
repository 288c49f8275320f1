"""The settings screen: view, change, try and save settings."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from bridge.errors import SettingsError
from bridge.settings.files import FileChangedError
from bridge.text import readable, readable_lines
from tui.actions import bindings, key_of
from tui.format import folded
from tui.language import msgid, say, say_count
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.settings.catalogue import catalogue, short_path, shown, source_in_full, source_in_short
from tui.settings.editor import EditScreen
from tui.settings.entry import Page
from tui.settings.trial import TrialScreen
from tui.settings.units import allowed_in_words
from tui.theme import theme_names
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.inputs import PrintableInput
from tui.widgets.tab_line import Part, TabLine

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from textual import events
    from textual.app import ComposeResult

    from bridge.settings import Settings
    from tui.settings.draft import Draft
    from tui.settings.entry import Entry

__all__ = ["SettingsScreen", "SettingsView"]


_NAME = 22
_SOURCE = 22

_PAGES: Final = {
    Page.CONNECTION: msgid("Connection"),
    Page.SCREEN: msgid("Screen"),
    Page.ADVANCED: msgid("Advanced"),
}
"""The pages with their names, in their order."""


class PageTabs(TabLine):
    """The names of the pages on one line, with a star for unsaved changes; a click chooses one."""

    @dataclass
    class Chosen(Message):
        """A page was clicked."""

        page: Page

    def show(self, current: Page | None, changed: set[Page]) -> None:
        """Draw the names.

        Args:
            current: the page that is shown; None while a filter looks through all of them.
            changed: the pages with unsaved changes.
        """
        parts: list[Part] = []
        for number, (page, name) in enumerate(_PAGES.items(), 1):
            text = f" {number} {say(name)}{' *' if page in changed else ''} "
            style = "bold $background on $text-primary" if page is current else "bold $text-primary"
            parts += [(Content.styled(text, style), page), (Content(" "), ())]
        self.put(parts)


class SettingsView(OptionList):
    """A list of the settings of a page, or of those on all pages that match the filter.

    Args:
        draft: their values.
        entries: the settings.
    """

    BINDINGS = bindings("settings_list")

    def __init__(self, draft: Draft, entries: Sequence[Entry]) -> None:
        super().__init__(id="settings-list", markup=False)
        self._draft = draft
        self.entries = entries
        self._filter = ""
        self.page = Page.CONNECTION

    @property
    def filtered(self) -> bool:
        """Whether a filter looks through all pages."""
        return bool(self._filter.strip())

    def show_page(self, page: Page) -> None:
        """Show the settings of a page."""
        self.page = page
        self.show_all()

    @property
    def selected(self) -> Entry | None:
        """The setting under the cursor."""
        if self.highlighted is None:
            return None
        identity = self.get_option_at_index(self.highlighted).id
        return next((entry for entry in self.entries if entry.key == identity), None)

    def on_resize(self, event: events.Resize) -> None:
        """Lay out for the new size."""
        self.show_all()

    def filter(self, text: str) -> None:
        """Show the settings whose name, value, source or description contains every word of a text."""
        self._filter = text
        self.show_all()

    def show_all(self) -> None:
        """Show the values again; the cursor stays on its setting."""
        words = folded(self._filter).split()
        here = self.selected
        options: list[Option] = []
        section: str | None = None
        for entry in sorted(self.entries, key=lambda entry: not entry.section):
            if words and not all(word in self._text_of(entry) for word in words):
                continue
            if not words and entry.page is not self.page:
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
        return folded(f"{entry.key} {value} {source} {say(entry.about)}")

    def _line(self, entry: Entry) -> Content:
        draft = self._draft
        changed = entry.key in draft.changes
        value = shown(entry, draft.value(entry.key))
        source = say("changed") if changed else source_in_short(draft.given(entry.key))
        if draft.is_taken_out(entry.key):
            source = say("then {source}").format(source=source_in_short(draft.next_source(entry.key)))
        room = max(12, self.size.width - _NAME - _SOURCE - 6)
        value = value if len(value) <= room else f"{value[: room - 1]}…"
        source = source if len(source) <= _SOURCE else f"{source[: _SOURCE - 1]}…"
        sign = "*" if changed else "⊘" if draft.locked(entry.key) else " "
        # "$text" and "$text-muted" are readable on the cursor's background too, whatever the theme.
        colour = "$text-warning" if changed else "$text"
        return Content.assemble(
            (f"{sign} ", "bold $text-warning" if changed else "$foreground-muted"),
            f"{entry.name:{_NAME}}",
            (f"{value:{room}} ", f"bold {colour}" if changed or draft.given(entry.key) else "$text"),
            (source, colour if changed else "$text-muted"),
        )


class SearchInput(PrintableInput):
    """The filter line."""

    BINDINGS = bindings("settings_search")


class SettingsScreen(TranslatedKeys[None]):
    """The settings screen.

    Args:
        draft: the settings and their changes.
        identity: the screen's id.
    """

    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-medium")]  # noqa: RUF012 - Textual declares it so

    BINDINGS = bindings("settings")

    @dataclass
    class Kept(Message):
        """The settings were saved."""

        settings: Settings
        files: list[Path]

    def __init__(self, draft: Draft, identity: str) -> None:
        super().__init__(id=identity)
        self._draft = draft
        self.view = SettingsView(draft, catalogue(theme_names()))

    def compose(self) -> ComposeResult:
        with Vertical(id="settings", classes="pane") as pane:
            pane.border_title = Content(say("Settings"))
            yield PageTabs("pages")
            yield self.view
            yield SearchInput(placeholder=say("filter"), compact=True, id="settings-search")
        yield Static(id="settings-about", markup=False)
        yield KeysFooter()

    def on_mount(self) -> None:
        """Focus the list."""
        self.set_focus(self.view)
        self._show()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Describe the setting under the cursor."""
        self._show_about()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        entry = self.view.selected
        if event.option_list is not self.view or entry is None:
            return
        if locked := self._draft.locked(entry.key):
            self.notify(readable(f"{entry.key}: {locked}"), severity="warning", markup=False)
            return

        def changed(taken: bool | None) -> None:
            if taken:
                self._show()

        self.app.push_screen(EditScreen(self._draft, entry), changed)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self.view.filter(event.value)
        self._show()

    def on_page_tabs_chosen(self, event: PageTabs.Chosen) -> None:
        self.action_page(event.page.value)

    def action_page(self, page: str) -> None:
        """Show a page; a filter is dropped, as it looks through all of them.

        Args:
            page: the value of a `Page`.
        """
        if self.view.filtered:
            # Changing the field filters once more, by then with nothing.
            self.query_one(SearchInput).value = ""
            self.view.filter("")
        self.action_to_list()
        self.view.show_page(Page(page))
        self._show()

    def action_next_page(self, step: int) -> None:
        """Show the next page, or the one before."""
        pages = list(_PAGES)
        self.action_page(pages[(pages.index(self.view.page) + step) % len(pages)].value)

    def action_search(self) -> None:
        self.add_class("searching")
        self.set_focus(self.query_one(SearchInput))

    def action_to_list(self) -> None:
        """Return to the list; the filter stays."""
        self.set_focus(self.view)
        if not self.query_one(SearchInput).value:
            self.remove_class("searching")

    def action_revert(self) -> None:
        """Undo the change of the selected setting, else remove its saved value."""
        entry, draft = self.view.selected, self._draft
        if entry is None:
            return
        if entry.key in draft.changes:
            draft.undo(entry.key)
        elif draft.is_saved(entry.key):
            try:
                draft.take_out(entry.key)
            except SettingsError as error:
                self._refuse(error)
                return
        else:
            source = source_in_full(draft.given(entry.key))
            text = say("nothing saved here can be undone: it is from {source}").format(source=source)
            self.notify(draft.locked(entry.key) or text, title=entry.key, markup=False)
        self._show()

    def action_read_again(self) -> None:
        """Read the files again."""
        try:
            self._draft.read_again()
        except SettingsError as error:
            self._refuse(error)
            return
        self._show()
        self.notify(say("the files were read again; your changes are kept"))

    def action_keep(self) -> None:
        """Try the changes, and save them if all is well or the user insists."""
        draft = self._draft
        if not draft.changes:
            self.notify(say("nothing was changed"))
            return
        try:
            settings = draft.candidate()
        except SettingsError as error:
            self._refuse(error)
            return

        def keep(wanted: bool | None) -> None:
            if wanted:
                self._keep(settings)

        if servers := draft.tried_servers(settings):
            self.app.push_screen(TrialScreen(settings, servers), keep)
        else:
            keep(True)

    def action_close(self) -> None:
        """Drop the filter, else return to the panes after asking about unsaved changes."""
        search = self.query_one(SearchInput)
        if self.has_class("searching"):
            search.value = ""
            self.action_to_list()
            return
        if not self._draft.changes:
            self.dismiss()
            return

        def drop(wanted: bool | None) -> None:
            if wanted:
                self.dismiss()

        said = say("It was not saved: {key} tests and saves it.").format(key=key_of("settings.keep"))
        question = say_count("Drop {count} change?", "Drop {count} changes?", len(self._draft.changes))
        self.app.push_screen(ConfirmScreen(question, said), drop)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen("settings"))

    def _keep(self, settings: Settings) -> None:
        try:
            files = self._draft.keep()
        except SettingsError as error:
            self._refuse(error)
            return
        with suppress(SettingsError):
            # Read the sources of the values again; ctrl+r and the next start report a file damaged meanwhile.
            self._draft.read_again()
        self._show()
        self.post_message(self.Kept(settings, files))

    def _refuse(self, error: SettingsError) -> None:
        text = readable_lines(say(error.text))
        if isinstance(error, FileChangedError):
            again = say("{read} reads the file again, your changes stay; then {keep}.")
            text = again.format(read=key_of("settings.read"), keep=key_of("settings.keep")) + f"\n{text}"
        self.notify(text, title=say("Not kept"), severity="error", markup=False, timeout=12)

    def _show(self) -> None:
        self.view.show_all()
        self.query_one(PageTabs).show(
            None if self.view.filtered else self.view.page,
            {entry.page for entry in self.view.entries if entry.key in self._draft.changes},
        )
        self._show_about()
        changes = len(self._draft.changes)
        pane = self.query_one("#settings")
        if changes:
            files = ", ".join(map(short_path, self._draft.files()))
            said = say_count("{count} change", "{count} changes", changes)
            text = say("{said}: {key} tries and writes {files}")
            text = text.format(said=said, key=key_of("settings.keep"), files=files)
            pane.border_subtitle = Content(text)
        else:
            pane.border_subtitle = Content("")
        self.refresh_bindings()

    def _show_about(self) -> None:
        entry = self.view.selected
        about = self.query_one("#settings-about", Static)
        if entry is None:
            about.update(say("no setting matches the filter; {key} drops it").format(key=key_of("settings.close")))
            return
        draft = self._draft
        locked = draft.locked(entry.key)
        if locked:
            how = Content.styled(f"⊘ {locked}", "$text-warning")
        else:
            path = short_path(draft.home(entry.key))
            text = say("{key} changes it; the change goes to {path}").format(key=key_of("settings.change"), path=path)
            if draft.on_local_servers:
                text += " " + say("(the local servers' own file is rewritten at each start)")
            how = Content.styled(f"{text}{self._what_x_does(entry)}", "$foreground-muted")
        about.update(
            Content.assemble(
                (entry.key, "bold"),
                f"  {entry.variable}\n",
                (say("allowed: {values}").format(values=allowed_in_words(entry)), "$text-primary"),
                "\n",
                how,
                (f"\n{say(entry.about)}" if entry.about else ""),
                "\n",
                (say("from {source}").format(source=source_in_full(draft.given(entry.key))), "$foreground-muted"),
            )
        )

    def _what_x_does(self, entry: Entry) -> str:
        """Describe on a separate line the value that applies without the saved one, and its source."""
        draft = self._draft
        if draft.is_taken_out(entry.key):
            value, source = draft.value(entry.key), draft.next_source(entry.key)
            text = say("removed from the file by {keep}: then {value} applies, from {source}; {revert} keeps it")
        elif draft.is_saved(entry.key) and entry.key not in draft.changes:
            try:
                value, source = draft.beneath(entry.key)
            except SettingsError:
                return "\n" + say("only a person can remove it: open the file and delete its lines")
            text = say("{revert} removes it from that file: then {value} applies, from {source}")
        else:
            return ""
        keys = {"keep": key_of("settings.keep"), "revert": key_of("settings.revert")}
        return "\n" + text.format(value=shown(entry, value), source=source_in_full(source), **keys)
