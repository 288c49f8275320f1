"""The screen of settings: look, change, try, keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES
from textual.widgets import Input, OptionList, Static

from bridge.errors import SettingsError
from bridge.text import readable
from tui.footer import KeysFooter
from tui.language import say, say_count
from tui.printable_input import PrintableInput
from tui.screens.confirm import ConfirmScreen
from tui.screens.help import HelpScreen
from tui.settings.catalogue import catalogue
from tui.settings.editor import EditScreen, YesNo
from tui.settings.trial_screen import TrialScreen
from tui.settings.view import SettingsView
from tui.settings.words import short_path, source_in_full

if TYPE_CHECKING:
    from pathlib import Path

    from textual.app import ComposeResult

    from bridge.settings import Settings
    from tui.settings.draft import Draft

__all__ = ["SettingsScreen"]


class SearchInput(PrintableInput):
    """The line in which the filter is typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "screen.to_list", say("To the list"), show=False, id="settings.search_list"),
        Binding("enter", "screen.to_list", say("Done"), id="settings.search_done", tooltip=say("Go to what is left")),
    ]


class SettingsScreen(Screen[None]):
    """All settings.

    Args:
        draft: the settings and their changes.
        identity: the screen's id.
    """

    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-medium")]  # noqa: RUF012 - Textual declares it so

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", say("Filter"), key_display="/", id="settings.filter", tooltip=say("Filter these")),
        Binding("x", "revert", say("Revert"), id="settings.revert", tooltip=say("Take the change of a setting back")),
        Binding(
            "ctrl+s", "keep", say("Try and keep"), id="settings.keep", tooltip=say("Try the changes, then write them")
        ),
        Binding("ctrl+r", "read_again", say("Read again"), show=False, id="settings.read", tooltip=say("Read files")),
        Binding(
            "question_mark", "help", say("Help"), key_display="?", id="settings.help", tooltip=say("Every key here")
        ),
        Binding("escape,q", "close", say("Close"), key_display="esc", id="settings.close", tooltip=say("To the panes")),
    ]

    @dataclass
    class Kept(Message):
        """The settings were written, and count from the next start of the chain."""

        settings: Settings
        files: list[Path]

    def __init__(self, draft: Draft, identity: str) -> None:
        super().__init__(id=identity)
        self._draft = draft
        self.view = SettingsView(draft, catalogue(tuple(BUILTIN_THEMES)))

    def compose(self) -> ComposeResult:
        """The list, what is known of the selected one, the filter, the keys."""
        with Vertical(id="settings", classes="pane") as pane:
            pane.border_title = Content(say("Settings"))
            yield self.view
            yield SearchInput(placeholder=say("filter"), compact=True, id="settings-search")
        yield Static(id="settings-about", markup=False)
        yield KeysFooter(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin with the list."""
        self.set_focus(self.view)
        self._show()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Say what is known of the setting under the cursor."""
        self._show_about()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Change the setting."""
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
        """Filter as it is typed."""
        self.view.filter(event.value)
        self._show_about()

    def action_search(self) -> None:
        """Type a filter."""
        self.add_class("searching")
        self.set_focus(self.query_one(SearchInput))

    def action_to_list(self) -> None:
        """Leave the filter as it is typed."""
        self.set_focus(self.view)
        if not self.query_one(SearchInput).value:
            self.remove_class("searching")

    def action_revert(self) -> None:
        """Take the selected setting's change back."""
        entry = self.view.selected
        if entry is not None:
            self._draft.changes.pop(entry.key, None)
            self._show()

    def action_read_again(self) -> None:
        """Take over what the files say by now."""
        try:
            self._draft.read_again()
        except SettingsError as error:
            self._refuse(error)
            return
        self._show()
        self.notify(say("the files were read again; your changes stay"))

    def action_keep(self) -> None:
        """Try the changes, and keep them if all is well or the person wants it."""
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
        """Drop the filter, else go back to the panes; changes are not dropped without a question."""
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

        question = say_count("Drop {count} change?", "Drop {count} changes?", len(self._draft.changes))
        self.app.push_screen(ConfirmScreen(question, say("It was not kept: ctrl+s tries and keeps it.")), drop)

    def action_help(self) -> None:
        """Name every key."""
        self.app.push_screen(
            HelpScreen(
                (
                    (say("Settings"), (*SettingsView.BINDINGS, *self.BINDINGS)),
                    (say("While a setting is changed"), (*EditScreen.BINDINGS, *YesNo.BINDINGS)),
                    (say("While settings are tried"), TrialScreen.BINDINGS),
                )
            )
        )

    def _keep(self, settings: Settings) -> None:
        try:
            files = self._draft.keep()
        except SettingsError as error:
            self._refuse(error)
            return
        self.post_message(self.Kept(settings, files))

    def _refuse(self, error: SettingsError) -> None:
        self.notify(readable_lines(str(error)), title=say("Not kept"), severity="error", markup=False, timeout=12)

    def _show(self) -> None:
        self.view.show_all()
        self._show_about()
        changes = len(self._draft.changes)
        pane = self.query_one("#settings")
        if changes:
            files = ", ".join(map(short_path, self._draft.files()))
            said = say_count("{count} change", "{count} changes", changes)
            text = say("{said}: ctrl+s tries and writes {files}").format(said=said, files=files)
            pane.border_subtitle = Content(text)
        else:
            pane.border_subtitle = Content("")
        self.refresh_bindings()

    def _show_about(self) -> None:
        entry = self.view.selected
        about = self.query_one("#settings-about", Static)
        if entry is None:
            about.update(say("no setting matches the filter; Esc drops it"))
            return
        draft = self._draft
        locked = draft.locked(entry.key)
        if locked:
            how = Content.styled(f"⊘ {locked}", "$text-warning")
        else:
            path = short_path(draft.home(entry.key))
            text = say("Enter changes it; the change goes to {path}").format(path=path)
            if draft.on_local_servers:
                text += " " + say("(the local servers' own file is written anew at each start)")
            how = Content.styled(text, "$foreground-muted")
        about.update(
            Content.assemble(
                (entry.key, "bold"),
                f"  {entry.variable}\n",
                (say("allowed: {values}").format(values=say(entry.allowed)), "$text-primary"),
                "\n",
                how,
                (f"\n{say(entry.about)}" if entry.about else ""),
                "\n",
                (say("from {source}").format(source=source_in_full(draft.given(entry.key))), "$foreground-muted"),
            )
        )


def readable_lines(text: str) -> str:
    """A text of several lines, each printable."""
    return "\n".join(map(readable, text.split("\n")))
