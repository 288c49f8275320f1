"""The application: the main screen over one engine."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace
from textual import events
from textual.app import App, SystemCommand
from textual.command import CommandPalette
from textual.widgets import Input, TextArea

from bridge.errors import OpsciError, SettingsError
from bridge.journal import Server, State
from bridge.settings.load import Sources
from bridge.text import readable, readable_lines
from tui.actions import ACTIONS, bindings, give_keys, key_of
from tui.dead_letters import Handled, PendingLetters, handled_file
from tui.kept_state import KeptScreen, KeptState, chain_of, screen_file
from tui.language import say, say_count
from tui.recording.session import SessionRecorder
from tui.screens.confirm import ConfirmScreen
from tui.screens.main import CarriedOver, MainScreen
from tui.screens.quit import QuitScreen
from tui.theme import OWN_THEMES, role_variables
from tui.type_ahead import TypeAhead

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from textual.binding import Binding
    from textual.dom import DOMNode
    from textual.driver import Driver
    from textual.screen import Screen

    from bridge.settings import Preset, ScreenSettings, Settings
    from tui.engine import Engine
    from tui.recording.servers import Servers
    from tui.screens.quit import QuitChoice
    from tui.settings.screen import SettingsScreen

__all__ = ["OpsciApp"]


SETTINGS_SCREEN: Final = "settings-screen"
WEB_CODE: Final = "web-code-screen"

_CARRYING: Final = frozenset({"pause_apply", "resume_apply", "pause_ingest", "resume_ingest", "reset_counters"})
"""Actions that only an engine that runs the chain can perform."""

_WRITING: Final = frozenset({"settings", "record", "still", "apply_missing", *_CARRYING})
"""Actions that change the chain or write files on this machine; a read-only screen doesn't offer them."""

_EXPLAINED: Final = {
    action.id: action
    for actions in ACTIONS.values()
    for action in actions
    # The keys of tables and lists move between rows, and Ctrl+Q is a second key for Quit.
    if action.keys and (action.help or action.id.endswith(".close")) and action.id != "quit.anywhere"
}
"""The actions with a key that the palette offers, by id."""

_TOUCHES: Final = (events.Key, events.MouseUp, events.MouseScrollUp, events.MouseScrollDown)
_FROM_THE_NEXT_START: Final = ("keep", "language", "serve_password_file")
"""The settings of the screen that are read at the start alone."""

_KEPT: Final = 5
"""Seconds after a change on the screen until its state is saved."""

_TOUCHED: Final = 0.05
"""Seconds after a key until titles and totals are updated; the key's own response is painted by then."""


class OpsciApp(App[None]):
    """The Textual application over one chain.

    It starts the engine once the first frame is drawn; whoever created the engine stops it.

    Args:
        engine: the chain.
        sources: where its settings come from; the settings screen shows and changes them.
        running: whether the engine was started already.
        before: state of the previous screen, if saved settings restarted it.
    """

    TITLE = "opsci"
    CSS_PATH = "opsci.tcss"

    BINDINGS = bindings("app")

    def __init__(
        self,
        engine: Engine,
        sources: Sources | None = None,
        *,
        running: bool = False,
        before: CarriedOver | None = None,
    ) -> None:
        super().__init__()
        self.engine = engine
        if before is not None and before.letters is not None:
            self.letters = before.letters
            self.letters.go_on_with(engine)
        else:
            since = 0 if before is None else engine.journal.errors.next
            self.letters = PendingLetters(engine, Handled(handled_file()), since)
        self._before = before
        self._left: CarriedOver | None = None
        for theme in OWN_THEMES:
            self.register_theme(theme)
        self.kept = None if engine.read_only else KeptState(screen_file())
        """The saved state of the last screen; None if this one may not write files."""
        self.theme = self._kept_theme()
        self.keys = engine.settings.screen.keys
        """The keys from the settings, by binding id."""
        self.starts_anew = False
        """Whether the application exited in order to restart with changed settings."""
        self.notice = ""
        """A notice to show at the start; once `starts_anew` is set, the notice for the next application."""
        self.asks_about_servers = False
        """Whether the local servers are stopped after the application exits, so that quitting asks first."""
        self.leaves_servers = False
        """Whether the user wants the servers to keep running after quitting."""
        self._sources = sources or Sources()
        self._engine_runs = running
        self._clashes: set[str] = set()
        self._recorder = SessionRecorder(self)
        self.type_ahead = TypeAhead(self)
        self._main: MainScreen | None = None
        self._touched = False
        """Whether a key or the mouse was used since the state was saved."""

    @property
    def read_only(self) -> bool:
        """Whether the screen is read-only: it changes nothing and writes no files."""
        return self.engine.read_only

    def get_driver_class(self) -> type[Driver]:
        """Return Textual's driver; on a Linux or macOS terminal the variant that recognises Esc quickly."""
        chosen = super().get_driver_class()
        if chosen.__name__ != "LinuxDriver":
            return chosen
        try:
            from tui._keyboard import KeyboardDriver  # noqa: PLC0415 - nowhere else can it be imported
        except ImportError:
            return chosen
        return KeyboardDriver

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the colours of opsci's roles for themes that are not its own."""
        return dict(role_variables(self.current_theme))

    def get_key_display(self, binding: Binding) -> str:
        """Return a key's label in the user's language."""
        return say(super().get_key_display(binding))

    def get_default_screen(self) -> MainScreen:
        self._main = MainScreen(self.engine, self.letters, self._before, self._address_origins, self.kept)
        return self._main

    def _kept_theme(self) -> str:
        """The theme chosen last on the screen, unless the theme in the settings has changed since."""
        theme = self.engine.settings.screen.theme
        kept = KeptScreen() if self.kept is None else self.kept.screen
        return kept.theme if kept.settings_theme == theme and kept.theme in self.available_themes else theme

    def keep_state(self) -> None:
        """Save the screen's state for the next start."""
        if self.kept is not None and self._main is not None and self._main.is_mounted:
            settings = self.engine.settings
            theme = "" if self.theme == settings.screen.theme else self.theme
            self._main.keep(theme=theme, settings_theme=settings.screen.theme)

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Save the screen's state, then exit."""
        self.keep_state()
        super().exit(result, return_code, message)

    def _address_origins(self) -> dict[Server, str]:
        from tui.settings.draft import address_origins  # noqa: PLC0415 - not where all servers answer

        return address_origins(self._sources)

    def carried_over(self, settings: Settings) -> CarriedOver | None:
        """Return the state that the next screen continues with; None unless saved settings ended this one.

        Args:
            settings: the next engine's. Letters, filters and what was sent are left out if they are of another chain.
        """
        left, old = self._left, self.engine.settings
        if left is None:
            return None
        if (old.kafka.brokers, old.kafka.errors_topic) != (settings.kafka.brokers, settings.kafka.errors_topic):
            left = left._replace(letters=None)
        if chain_of(old) != chain_of(settings):
            left = left._replace(sent_movements=None, sent=(), filters=())
        return left

    def on_mount(self) -> None:
        """Apply the keys from the settings."""
        # Another program has used the terminal, so repaint everything.
        self.app_resume_signal.subscribe(self, lambda _: self.screen.refresh())
        self._use_keys()

    def _use_keys(self) -> None:
        give_keys(self.keys)
        self.set_keymap(self.keys)
        if self.keys:
            from tui.settings.keys import taken_keys  # noqa: PLC0415 - few have keys of their own

            self._tell_clashes(taken_keys(self.keys))

    def on_ready(self) -> None:
        """Start the chain and read the dead letters that are already in Kafka."""
        if not self._engine_runs:
            self.engine.start()
        self.letters.read()
        if self.notice:
            self.notify(self.notice, title=say("Kept"), markup=False)
        self._tell_of_damage()
        self.set_interval(_KEPT, self._keep_changes)

    def _tell_of_damage(self) -> None:
        if self.kept is not None and (trouble := self.kept.trouble):
            self.kept.trouble = ""
            self.notify(readable(trouble), severity="warning", markup=False, timeout=15)

    def _keep_changes(self) -> None:
        """Save the screen's state if a key or the mouse was used since, as this program may be killed."""
        self._tell_of_damage()
        if self._touched:
            self._touched = False
            self.keep_state()

    async def on_event(self, event: events.Event) -> None:
        """Dispatch keys one at a time, and refresh the main screen soon after a key or the mouse was used."""
        comes = isinstance(event, events.InputEvent | events.Paste) and not event.is_forwarded
        if comes and self.type_ahead.holds(event):
            return
        main = self._main if isinstance(event, _TOUCHES) else None
        if main is not None:
            self._touched = True
            main.touched()
        await super().on_event(event)
        if comes:
            self.type_ahead.handed_on(event)
        if main is not None:
            self.set_timer(_TOUCHED, main.answered)

    def handle_bindings_clash(self, clashed_bindings: set[Binding], node: DOMNode) -> None:
        """Report once which key was taken from which action."""
        self._tell_clashes(clashed_bindings)

    def _tell_clashes(self, bindings: Iterable[Binding]) -> None:
        for binding in bindings:
            name = binding.id or binding.action
            if name not in self._clashes:
                self._clashes.add(name)
                text = say("screen.keys gives {key} to something else: {what} has no key left there")
                what = f"{say(binding.description) or binding.action} ({name})"
                self.notify(readable(text.format(key=binding.key, what=what)), severity="warning", markup=False)

    def _is_elsewhere(self, action: str) -> bool:
        """Return whether this engine can't perform an action, as it only watches or is read-only."""
        return (action in _CARRYING and self.engine.watches) or (action in _WRITING and self.engine.read_only)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Disable what this engine can't do, and the settings while they are open or a text field is focused."""
        if self._is_elsewhere(action):
            return False
        if action not in {"tour", "web_code", "settings"}:
            return super().check_action(action, parameters)
        # While the palette is open, its own field has the focus and it offers the actions of the screen below.
        below = self.screen_stack[-2] if isinstance(self.screen, CommandPalette) else self.screen
        if isinstance(below.focused, Input | TextArea):
            return False
        if action == "tour":
            return below is self._main
        if action == "web_code":
            return bool(self.engine.settings.screen.web) and not self._has_open(WEB_CODE)
        return not self._has_open(SETTINGS_SCREEN)

    def _has_open(self, identity: str) -> bool:
        return any(screen.id == identity for screen in self.screen_stack)

    def on_resize(self, event: events.Resize) -> None:
        """Record the new size if a recording is running."""
        self._recorder.resized(*event.size)

    def action_record(self) -> None:
        """Start or stop recording the session."""
        self._recorder.toggle()

    def action_still(self) -> None:
        """Save a picture of the screen."""
        self._recorder.keep_still()

    def action_apply_missing(self) -> None:
        """Apply again the movements that Strapi's ledger lacks, and report the result."""
        self.run_worker(self._apply_missing(), group="apply-missing", exclusive=True)

    async def _apply_missing(self) -> None:
        title = say("Apply what Strapi lacks")
        try:
            applied, known, refused = await asyncio.wrap_future(self.engine.apply_missing())
        except OpsciError as error:
            self.notify(readable(say(error.text)), title=title, severity="error", markup=False, timeout=15)
            return
        text = say("{applied} applied, {known} applied before, {refused} can't be applied")
        self.notify(text.format(applied=applied, known=known, refused=refused), title=title, markup=False)

    def action_reset_counters(self) -> None:
        """Reset the counters, and mark the waiting dead letters as handled."""

        def reset(wanted: bool | None) -> None:
            if wanted:
                self.engine.reset_counters()
                self.letters.archive()

        waiting = len(self.letters)
        consequence = say("What was received, written, applied and refused is counted from zero.")
        if waiting:
            consequence += " " + say_count(
                "{count} refused movement is archived: put away here, kept in Kafka.",
                "{count} refused movements are archived: put away here, kept in Kafka.",
                waiting,
            )
        consequence += " " + say("Stock and records stay as they are.")
        self.push_screen(ConfirmScreen(say("Reset the counters?"), consequence), reset)

    async def action_quit(self) -> None:
        """Quit; if that would stop servers, ask first what to do with them.

        During a guided tour this leaves the tour instead, as it first restarts the servers that it stopped.
        """
        # Imported here because the first frame doesn't need it.
        from tui.screens.guided_tour import GuidedTourScreen  # noqa: PLC0415

        if self.asks_about_servers and isinstance(self.screen, GuidedTourScreen):
            self.screen.action_leave()
            return
        connections = self.engine.journal.connections.values()
        failed = any(connection.state is State.FAILED for connection in connections)
        if not self.asks_about_servers or failed:
            # A failed start has stopped them.
            self.exit()
        elif isinstance(self.screen, QuitScreen):
            self.screen.action_choose("stop")
        else:
            self.push_screen(QuitScreen(self.keys), self._quit)

    def _quit(self, choice: QuitChoice | None) -> None:
        if choice is not None:
            self.leaves_servers = choice == "leave"
            self.exit()

    def action_settings(self) -> None:
        # Imported here because the first frame doesn't need it.
        from tui.settings.draft import Draft  # noqa: PLC0415
        from tui.settings.screen import SettingsScreen  # noqa: PLC0415

        if any(screen.id == SETTINGS_SCREEN for screen in self.screen_stack):
            return
        try:
            draft = Draft(self._sources)
        except SettingsError as error:
            text = readable_lines(say(error.text))
            self.notify(text, title=say("The settings can't be read"), severity="error", markup=False, timeout=15)
            return
        self.push_screen(SettingsScreen(draft, SETTINGS_SCREEN))

    def on_settings_screen_kept(self, event: SettingsScreen.Kept) -> None:
        """Use the saved settings of the screen at once; for others exit, so that the caller starts with them."""
        from tui.settings.catalogue import short_path  # noqa: PLC0415

        before = self.engine.settings
        notice = say("written to {files}").format(files=", ".join(map(short_path, event.files)))
        later = [key for key in _FROM_THE_NEXT_START if _differs(key, before.screen, event.settings.screen)]
        if later:
            names = ", ".join(f"screen.{key}" for key in later)
            notice += "\n" + say("From the next start of opsci-tui on: {names}.").format(names=names)
        if replace(event.settings, screen=before.screen) == before:
            self._show_with(event.settings)
            self.notify(notice, title=say("Kept"), markup=False)
            return
        self.notice = notice
        self.starts_anew = True
        if self._main is not None:
            # Read the state now: the widgets are removed one by one on exit.
            self._left = CarriedOver(self.letters, self._main.sent_movements, *self._main.carried_over())
        self.exit()

    def _show_with(self, settings: Settings) -> None:
        """Use changed settings of the screen, without starting anything again."""
        before, now = self.engine.settings.screen, settings.screen
        # How much the journal keeps is as it was started.
        self.engine.settings = replace(settings, screen=replace(now, keep=before.keep))
        if now.theme != before.theme:
            self.theme = now.theme
        if now.keys != before.keys:
            self.keys = now.keys
            self._clashes.clear()
            self._use_keys()
        if self._main is not None:
            self._main.show_with(now)

    def save_preset(self, preset: Preset) -> bool:
        """Save a preset in the user's settings, for now and later, and say where; return whether that was possible."""
        from tui.settings.catalogue import short_path  # noqa: PLC0415
        from tui.settings.saved_presets import save_preset  # noqa: PLC0415

        title = say("Save as preset")
        try:
            presets, files = save_preset(self._sources, preset)
        except SettingsError as error:
            text = readable_lines(say(error.text))
            self.notify(text, title=title, severity="error", markup=False, timeout=12)
            return False
        settings = self.engine.settings
        self.engine.settings = replace(settings, screen=replace(settings.screen, presets=presets))
        written = ", ".join(map(short_path, files))
        text = say("{name}: {key} chooses it. Written to {files}")
        text = text.format(name=readable(preset.name), key=key_of("presets"), files=written)
        self.notify(text, title=title, markup=False)
        return True

    def action_command_palette(self) -> None:
        """Open the command palette with a translated placeholder; Textual's is English only."""
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(id="--command-palette", placeholder=say("Search for commands…")))

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield the entries of the command palette."""
        # Of Textual's own entries only those without a key here: it names help, zoom, quit and the picture differently.
        yield SystemCommand(say("Theme"), say("Change the current theme"), self.action_change_theme)
        yield from self._commands_with_keys(screen)
        web = self.engine.settings.screen.web
        for action in ACTIONS["app"]:
            if action.palette and not action.keys and self._is_possible(action.call):
                yield SystemCommand(
                    say(action.title), say(action.help).format(web=web), getattr(self, f"action_{action.call}")
                )

    def _commands_with_keys(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Yield each action that a key triggers on the screen below, with the key after its name."""
        known: set[str] = set()
        for node, binding, enabled, _ in screen.active_bindings.values():
            explained = _EXPLAINED.get(binding.id or "")
            if explained is None or not enabled or binding.action in known:
                continue
            known.add(binding.action)
            key = self.get_key_display(binding)
            does = say(explained.help) or say(explained.title)
            yield SystemCommand(say(explained.title), f"{does} · {key}", partial(self.run_action, binding.action, node))

    def _is_possible(self, call: str) -> bool:
        """Whether an action without a key is possible now."""
        if self._is_elsewhere(call):
            return False
        connections = self.engine.journal.connections
        match call:
            case "open_web":
                return bool(self.engine.settings.screen.web)
            case "apply_missing":
                return connections[Server.STRAPI].state is State.UP
            case "pause_apply" | "resume_apply":
                return (connections[Server.STRAPI].state is State.PAUSED) == (call == "resume_apply")
            case "pause_ingest" | "resume_ingest":
                return (connections[Server.MQTT].state is State.PAUSED) == (call == "resume_ingest")
        return True

    def action_tour(self) -> None:
        """Start the guided tour, from the main screen."""
        # Imported here because the first frame doesn't need it.
        from tui.screens.guided_tour import GuidedTourScreen  # noqa: PLC0415

        if self._main is not None and self.screen is self._main:
            self.push_screen(GuidedTourScreen(self.engine, self.own_servers, self._main))

    def action_open_web(self) -> None:
        self.open_url(self.engine.settings.screen.web)

    @property
    def own_servers(self) -> Servers | None:
        """The control of the servers; None unless the runner started them for this program."""
        if not self.asks_about_servers:
            return None
        from tui.recording.servers import RunnerServers  # noqa: PLC0415 - few stop a server

        return RunnerServers(self._sources.path)

    def action_web_code(self) -> None:
        """Show the QR code of the web page for a phone."""
        from tui.screens.web_code import WebCodeScreen  # noqa: PLC0415 - few ask for it

        self.push_screen(WebCodeScreen(self.engine.settings.screen.web, WEB_CODE))

    def action_pause_apply(self) -> None:
        self.engine.pause_apply()

    def action_resume_apply(self) -> None:
        self.engine.resume_apply()

    def action_pause_ingest(self) -> None:
        self.engine.pause_ingest()

    def action_resume_ingest(self) -> None:
        self.engine.resume_ingest()


def _differs(key: str, one: ScreenSettings, other: ScreenSettings) -> bool:
    return bool(getattr(one, key) != getattr(other, key))
