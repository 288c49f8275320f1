"""The window in which one setting is edited: a text field, choice, switch or several lines, checked while typing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Select, Static, Switch, TextArea

from bridge.settings.edit import as_toml
from bridge.text import readable
from tui.actions import bindings
from tui.language import say
from tui.settings.catalogue import short_path, source_in_full
from tui.settings.entry import Kind
from tui.settings.keys import binding_lines
from tui.settings.units import allowed_in_words, in_words
from tui.widgets.footer import KeysFooter, TranslatedKeys
from tui.widgets.inputs import PrintableInput

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.widget import Widget

    from tui.settings.draft import Draft, Problem
    from tui.settings.entry import Entry

__all__ = ["EditScreen"]


class YesNo(Switch, inherit_bindings=False):
    """A switch that leaves Enter to the window."""

    BINDINGS = bindings("setting_switch")


class EditScreen(ModalScreen[bool], TranslatedKeys[bool]):
    """Edits one setting of the draft; returns whether it changed.

    Args:
        draft: gets the change.
        entry: the setting.
    """

    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-medium")]  # noqa: RUF012 - Textual declares it so

    BINDINGS = bindings("setting")

    def __init__(self, draft: Draft, entry: Entry) -> None:
        super().__init__()
        self._draft = draft
        self._entry = entry

    def compose(self) -> ComposeResult:
        entry, draft = self._entry, self._draft
        with Vertical(classes="window", id="edit") as box:
            box.border_title = Content(entry.key)
            with VerticalScroll(id="edit-about", can_focus=False):
                yield Static(self._about(), markup=False)
            yield self._field()
            yield Static(id="edit-problem", markup=False)
            where = say("goes to {path}").format(path=short_path(draft.home(entry.key)))
            yield Static(Content.styled(where, "$foreground-muted"), markup=False)
            if entry.key == "screen.keys":
                with VerticalScroll(id="edit-ids"):
                    yield Static("\n".join(binding_lines(draft.loaded.settings.screen.keys)), markup=False)
        yield KeysFooter()

    def on_mount(self) -> None:
        """Focus the field."""
        field = self.query_one("#edit-field")
        self.set_focus(field)
        if isinstance(field, Select):
            field.expanded = True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable taking the switch for other kinds, as Enter is a key of their fields."""
        if action == "take_switch":
            return self._entry.kind is Kind.SWITCH
        return super().check_action(action, parameters)

    def action_take_switch(self) -> None:
        """Take the value of the switch."""
        self.action_take()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show what is wrong with the value so far."""
        self._check()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Show what is wrong with the value so far."""
        self._check()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_take()

    def on_select_changed(self, event: Select.Changed) -> None:
        """Take the choice at once."""
        if event.value != self._draft.typed(self._entry):
            self.action_take()

    def action_take(self) -> None:
        """Take the value if it is valid."""
        entry, typed = self._entry, self._typed()
        if entry.kind is Kind.SECRET and not typed:
            self.dismiss(False)
            return
        value, problems = self._draft.read(entry, typed)
        if problems:
            self._say(problems)
            self.app.bell()
            return
        self._draft.change(entry.key, value)
        self.dismiss(True)

    def action_leave(self) -> None:
        self.dismiss(False)

    def _about(self) -> Content:
        entry = self._entry
        parts: list[str | tuple[str, str]] = [say(entry.about)] if entry.about else []
        label = say("allowed: {values}").format(values=allowed_in_words(entry))
        now = say("now from {source}; the variable is {variable}").format(
            source=source_in_full(self._draft.given(entry.key)), variable=entry.variable
        )
        secret = ""
        if entry.kind is Kind.SECRET:
            secret = "\n" + say("What is set is not shown. Left empty, nothing changes.")
        return Content.assemble(*parts, "\n", (label, "$text-primary"), "\n", (f"{now}{secret}", "$foreground-muted"))

    def _field(self) -> Widget:
        entry, typed = self._entry, self._draft.typed(self._entry)
        match entry.kind:
            case Kind.SWITCH:
                return YesNo(typed == "true", animate=False, id="edit-field")
            case Kind.CHOICE:
                return Select([(name, name) for name in entry.choices], value=typed, allow_blank=False, id="edit-field")
            case Kind.TABLE:
                return TextArea(typed, id="edit-field", tab_behavior="focus")
            case _:
                return PrintableInput(typed, password=entry.kind is Kind.SECRET, id="edit-field", compact=True)

    def _typed(self) -> str:
        match self.query_one("#edit-field"):
            case Switch(value=on):
                return "true" if on else "false"
            case Select(value=chosen):
                return str(chosen)
            case TextArea(text=text):
                return text
            case Input(value=text):
                return text
        return ""

    def _check(self) -> None:
        if self._entry.kind is Kind.SECRET and not self._typed():
            self._say([])
            return
        value, problems = self._draft.read(self._entry, self._typed())
        self._say(problems, value)

    def _say(self, problems: list[Problem], value: object = None) -> None:
        """Show what to type instead, then what is wrong; for a value with a unit how the file has it."""
        remedies = dict.fromkeys(problem.remedy for problem in problems if problem.remedy)
        lines = [Content.styled(f"→ {readable(remedy)}", "bold $text-warning") for remedy in remedies]
        lines += [Content.styled(f"✗ {readable(problem.what)}", "$text-error") for problem in problems]
        if not problems and (words := in_words(self._entry, value)):
            said = say("{words}, {key} = {number} in the file").format(
                words=words, key=self._entry.name, number=as_toml(value)
            )
            lines.append(Content.styled(said, "$foreground-muted"))
        self.query_one("#edit-problem", Static).update(Content("\n").join(lines))
        self.set_class(bool(problems), "wrong")
