"""The application: the main screen over one engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.widgets import Input, TextArea

from bridge.errors import SettingsError
from bridge.settings.load import Sources
from bridge.text import readable
from tui.language import say
from tui.letters.box import LetterBox
from tui.letters.handled import Handled, handled_file
from tui.recording.session import SessionRecorder
from tui.screens.main import MainScreen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from textual.dom import DOMNode
    from textual.driver import Driver
    from textual.screen import Screen

    from tui.engine import Engine
    from tui.settings.screen import SettingsScreen

__all__ = ["OpsciApp"]

SETTINGS_SCREEN: Final = "settings-screen"

_TOUCHES: Final = (events.Key, events.MouseUp, events.MouseScrollUp, events.MouseScrollDown)
_TOUCHED: Final = 0.05
"""Seconds after which what a key changed is taken over in titles and totals: its own answer is painted by then."""


class OpsciApp(App[None]):
    """Watches and drives one chain.

    The engine is started once the first frame is drawn; whoever made it stops it.

    Args:
        engine: the chain.
        sources: where its settings come from: what the settings screen shows and changes.
        running: whether the engine was started before.
    """

    TITLE = "opsci"
    CSS_PATH = "opsci.tcss"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "settings", say("Settings"), id="settings.open", tooltip=say("Look at every setting, change it")),
        Binding(
            "f9",
            "record",
            say("Record"),
            show=False,
            priority=True,
            id="record",
            tooltip=say("Record this session into a file for asciinema, or end that"),
        ),
        Binding("ctrl+s", "still", say("Picture"), show=False, id="still", tooltip=say("Keep the screen as SVG")),
        Binding("ctrl+q", "quit", "Quit", show=False, priority=True, id="quit.anywhere"),
    ]

    def __init__(self, engine: Engine, sources: Sources | None = None, *, running: bool = False) -> None:
        super().__init__()
        self.engine = engine
        self.letters = LetterBox(engine, Handled(handled_file()))
        self.theme = engine.settings.screen.theme
        self.keys = engine.settings.screen.keys
        """The keys that the settings give, by binding id."""
        self.starts_anew = False
        """Whether it was left to start anew with the settings as they are by now."""
        self.notice = ""
        """What the next one says first, after `starts_anew`; what this one says first, before it runs."""
        self._sources = sources or Sources()
        self._engine_runs = running
        self._clashes: set[str] = set()
        self._recorder = SessionRecorder(self)
        self._main: MainScreen | None = None

    def get_driver_class(self) -> type[Driver]:
        """Textual's choice for where it runs; on a terminal of Linux or macOS the same, with a quick Esc."""
        chosen = super().get_driver_class()
        if chosen.__name__ != "LinuxDriver":
            return chosen
        from tui._keyboard import KeyboardDriver  # noqa: PLC0415 - nowhere else can it be imported

        return KeyboardDriver

    def get_default_screen(self) -> MainScreen:
        """The main screen."""
        self._main = MainScreen(self.engine, self.letters)
        return self._main

    def on_mount(self) -> None:
        """Take the keys that the settings give."""
        self.set_keymap(self.keys)
        if self.keys:
            from tui.settings.keys import taken_keys  # noqa: PLC0415 - few have keys of their own

            self._tell_clashes(taken_keys(self.keys))

    def on_ready(self) -> None:
        """Start the chain, and ask for the dead letters of before."""
        if not self._engine_runs:
            self.engine.start()
        self.letters.read()
        if self.notice:
            self.notify(self.notice, title=say("Kept"), markup=False)

    async def on_event(self, event: events.Event) -> None:
        """Have the screen look again once a key or the mouse has done what it does."""
        main = self._main if isinstance(event, _TOUCHES) else None
        if main is not None:
            main.touched()
        await super().on_event(event)
        if main is not None:
            self.set_timer(_TOUCHED, main.answered)

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        """Say once which key was taken from what."""
        self._tell_clashes(clashed_bindings)

    def _tell_clashes(self, bindings: Iterable[Binding]) -> None:
        for binding in bindings:
            name = binding.id or binding.action
            if name not in self._clashes:
                self._clashes.add(name)
                text = say("screen.keys gives {key} to something else: {what} has no key left there")
                what = f"{binding.description or binding.action} ({name})"
                self.notify(readable(text.format(key=binding.key, what=what)), severity="warning", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leave letters to a field that has the focus, and open the settings once."""
        if action == "settings":
            inside = any(screen.id == SETTINGS_SCREEN for screen in self.screen_stack)
            return not inside and not isinstance(self.focused, Input | TextArea)
        return super().check_action(action, parameters)

    def on_resize(self, event: events.Resize) -> None:
        """Let a recording know."""
        self._recorder.resized(*event.size)

    def action_record(self) -> None:
        """Record the session from now on, or end that."""
        self._recorder.toggle()

    def action_still(self) -> None:
        """Keep a picture of the screen."""
        self._recorder.keep_still()

    def action_settings(self) -> None:
        """Show every setting."""
        # Late: the first frame needs none of it.
        from tui.settings.draft import Draft  # noqa: PLC0415
        from tui.settings.screen import SettingsScreen  # noqa: PLC0415

        if any(screen.id == SETTINGS_SCREEN for screen in self.screen_stack):
            return
        try:
            draft = Draft(self._sources)
        except SettingsError as error:
            text = "\n".join(map(readable, str(error).split("\n")))
            self.notify(text, title=say("The settings can't be read"), severity="error", markup=False, timeout=15)
            return
        self.push_screen(SettingsScreen(draft, SETTINGS_SCREEN))

    def on_settings_screen_kept(self, event: SettingsScreen.Kept) -> None:
        """Start anew with what was kept; whoever runs this does it."""
        from tui.settings.words import short_path  # noqa: PLC0415

        self.notice = say("written to {files}").format(files=", ".join(map(short_path, event.files)))
        if event.settings.screen.language != self.engine.settings.screen.language:
            self.notice += "\n" + say("The language counts from the next start of opsci-tui on.")
        self.starts_anew = True
        self.exit()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """What the command palette offers."""
        yield from super().get_system_commands(screen)
        engine = self.engine
        if web := engine.settings.screen.web:
            yield SystemCommand("Open the web page", f"Change stock in a browser: {web}", lambda: self.open_url(web))
        yield SystemCommand(say("Settings"), say("Look at every setting, and change it"), self.action_settings)
        yield SystemCommand(
            say("Record"), say("Record this session into a file for asciinema, or end that"), self.action_record
        )
        yield SystemCommand(say("Picture"), say("Keep the screen as SVG"), self.action_still)
        yield SystemCommand("Pause applying", "Movements wait in Kafka; the stock stands still", engine.pause_apply)
        yield SystemCommand("Resume applying", "Go on changing the stock", engine.resume_apply)
        yield SystemCommand("Pause ingest", "Messages wait at the MQTT broker", engine.pause_ingest)
        yield SystemCommand("Resume ingest", "Go on taking messages from the MQTT broker", engine.resume_ingest)
