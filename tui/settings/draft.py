"""A draft of changed settings: current values, their sources, and the effect of saving. No widgets here."""

from __future__ import annotations

import re
import tomllib
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from bridge.errors import SettingsError
from bridge.journal import Server
from bridge.phrase import Phrase
from bridge.settings.constraints import impossible
from bridge.settings.edit import as_toml, rewritten, without
from bridge.settings.files import Snapshot, changes_file, home_of, is_generated, replace_file, snapshot
from bridge.settings.load import Sources, load
from bridge.settings.names import SETTINGS, found
from bridge.settings.sources import SourcedValue
from bridge.settings.types import TABLES, check_table, check_value
from bridge.text import readable
from tui.actions import key_of
from tui.language import say
from tui.settings.catalogue import servers_of, source_in_full
from tui.settings.entry import Entry, Kind
from tui.settings.keys import key_problems
from tui.settings.units import allowed_in_words, as_number, in_words
from tui.theme import theme_names

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.settings import Settings

__all__ = ["Draft", "Problem", "address_origins"]


_AFTER_PLACE: Final = "\u00a0: "
"""What stands between a place and what is wrong there, in either language."""

_LOOPBACK: Final = re.compile(r"(?<![\w.-])(localhost|\[::1\])(?=[:/]|$)")

_HEAD: Final = "# Settings of opsci; configs/opsci.toml has all of them, with what is allowed.\n"
_CHANGES_HEAD: Final = (
    "# What was changed for the local servers. It counts above settings.toml beside it, which their runner writes\n"
    "# again at each start; `python3 -m stack reset` removes both.\n"
)

_ADDRESSES: Final = {Server.MQTT: "mqtt.url", Server.KAFKA: "kafka.brokers", Server.STRAPI: "strapi.url"}


class Problem(NamedTuple):
    """What is wrong with a typed value, in the user's language where the loader has no words of its own for it.

    Attributes:
        remedy: what to type instead; empty where the other text says it.
        what: what is wrong.
    """

    remedy: str
    what: str


class Draft:
    """Changes that are not saved yet.

    Args:
        sources: where the settings come from.

    Raises:
        SettingsError: the current settings can't be loaded.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._snapshots: dict[Path, Snapshot] = {}
        self.changes: dict[str, object] = {}
        """The changed values by dotted name, as TOML has them."""
        self._taken_out: dict[str, SourcedValue | None] = {}
        """The changes that remove a setting from its file, each with the source that applies then."""
        self.read_again()

    def read_again(self) -> None:
        """Read the files again; the changes stay.

        Raises:
            SettingsError: they can't be loaded; then nothing changes.
        """
        loaded = load(self._sources)
        self.loaded = loaded
        homes = {self.home(key) for key in SETTINGS}
        self._snapshots = {path: snapshot(path) for path in homes}

    def given(self, key: str) -> SourcedValue | None:
        """Return the source of a setting's current value, None for the default."""
        return self.loaded.given.get(key)

    def value(self, key: str) -> object:
        """Return a setting's value including changes."""
        return self.changes[key] if key in self.changes else self.kept_value(key)

    def kept_value(self, key: str) -> object:
        """Return a setting's value without changes, as TOML has it."""
        return _value_in(self.loaded.settings, key)

    def typed(self, entry: Entry) -> str:
        """Return a setting's value as the user would type it; empty for a secret."""
        value = self.value(entry.key)
        if entry.kind is Kind.SECRET:
            return ""
        if entry.kind is Kind.TABLE:
            return as_toml(value)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, list):
            return ", ".join(map(str, value))
        if words := in_words(entry, value):
            return words
        return as_toml(value) if isinstance(value, float) else str(value)

    def locked(self, key: str) -> str:
        """Return why a setting can't be changed here; empty if it can."""
        given = self.given(key)
        if given is None or given.file is not None:
            return ""
        kind, _, name = given.where.partition(": ")
        if kind == "environment":
            return say("{name} in the environment sets it: change it there, or remove it").format(name=name)
        return say("the command line sets it: start opsci-tui without that flag to change it here")

    def home(self, key: str) -> Path:
        """Return the file that a change of this setting is written to."""
        given = self.given(key)
        return home_of(key, self._sources.path, given.file if given else None)

    @property
    def on_local_servers(self) -> bool:
        """Whether the settings file is the one that the local servers' runner writes."""
        return self._sources.path is not None and is_generated(self._sources.path)

    def read(self, entry: Entry, typed: str) -> tuple[object, list[Problem]]:
        """Parse what the user typed.

        Args:
            entry: the setting.
            typed: as `typed` returns it, or the bare number of a value with a unit.

        Returns:
            The value as TOML has it, and what is wrong with it; the value is meaningless if something is.
        """
        key = entry.key
        if entry.kind is Kind.TABLE:
            remedy = say("write {values}").format(values=allowed_in_words(entry))
            try:
                value = tomllib.loads(f"v = {typed.strip()}\n")["v"]
            except tomllib.TOMLDecodeError as error:
                return None, [Problem(remedy, say("this is not TOML: {error}").format(error=error))]
            read, problems = check_table(SourcedValue(key, value, key))
        else:
            remedy = say("type {values}").format(values=allowed_in_words(entry))
            value, problems = check_value(SourcedValue(key, as_number(entry, typed), key, text=True))
            if problems:
                return None, [Problem(remedy, say("this is {value}").format(value=say(found(key, typed.strip()))))]
            read = value
        if not problems and key == "screen.keys" and isinstance(read, dict):
            problems = key_problems(read)
        if not problems:
            problems, remedy = self._impossible(key, read), ""
        said = [say(problem).removeprefix(key).lstrip(_AFTER_PLACE) for problem in problems]
        return value, [Problem(remedy, text) for text in said]

    def change(self, key: str, value: object) -> None:
        """Change a setting; its old value undoes the change.

        A value that equals the one in the local servers' own file is removed from the file of changes instead of
        written there, as the servers' ports may differ at the next start.
        """
        self.undo(key)
        if _same(key, value, self.kept_value(key)):
            return
        self.changes[key] = value
        if self.is_saved(key) and self.on_local_servers and self._means_the_same(key, value):
            self.take_out(key)

    def undo(self, key: str) -> None:
        """Undo an unsaved change."""
        self.changes.pop(key, None)
        self._taken_out.pop(key, None)

    def is_saved(self, key: str) -> bool:
        """Return whether the file that a change goes to sets the value now, so that it can be removed from it."""
        given = self.given(key)
        return given is not None and given.file is not None and given.file == self.home(key)

    def is_taken_out(self, key: str) -> bool:
        """Return whether a change removes the setting from its file."""
        return key in self._taken_out

    def next_source(self, key: str) -> SourcedValue | None:
        """Return where the value of a setting that is taken out comes from then, None for the default."""
        return self._taken_out[key]

    def take_out(self, key: str) -> None:
        """Change a saved setting to the value without its line in the file; see `is_saved`.

        Raises:
            SettingsError: the file's syntax does not allow that.
        """
        value, source = self.beneath(key)
        self.changes[key] = value
        self._taken_out[key] = source

    def beneath(self, key: str) -> tuple[object, SourcedValue | None]:
        """Find what would apply if a saved setting had no line in its file.

        Returns:
            The value as TOML has it, and its source, None for the default.

        Raises:
            SettingsError: the file's syntax does not allow that, or the result would not load.
        """
        path = self.home(key)
        loaded = load(self._sources, {path: without(self._snapshots[path].text, key)})
        return _value_in(loaded.settings, key), loaded.given.get(key)

    def _means_the_same(self, key: str, value: object) -> bool:
        try:
            beneath, _ = self.beneath(key)
        except SettingsError:
            return False
        return _same(key, _address(value), _address(beneath))

    def candidate(self) -> Settings:
        """Return the settings as they would load if the changes were saved.

        Raises:
            SettingsError: they would not load, or can't be written to the files.
        """
        settings = load(self._sources, self._texts()).settings
        for key, value in self.changes.items():
            if not _same(key, _value_in(settings, key), value):
                raise SettingsError(Phrase("{key} would not change: its value comes from elsewhere", key=key))
        if settings.screen.theme not in theme_names():
            raise SettingsError(Phrase("there is no theme called {name}", name=settings.screen.theme))
        return settings

    def tried_servers(self, settings: Settings) -> list[Server]:
        """Return the servers that the changes affect and the settings need."""
        # Imported here because it imports the metrics library.
        from bridge.command.health import needed  # noqa: PLC0415

        affected = {server for key in self.changes for server in servers_of(key)}
        return [server for server in needed(settings) if server in affected]

    def files(self) -> list[Path]:
        """Return the files that saving the changes writes, sorted."""
        return sorted({self.home(key) for key in self.changes})

    def keep(self) -> list[Path]:
        """Write the changes.

        Returns:
            The files that were written.

        Raises:
            FileChangedError: a file has changed meanwhile; files written before stay and are named in the message.
            SettingsError: a file can't be written; the same holds.
        """
        written: list[Path] = []
        for path, text in self._texts().items():
            try:
                replace_file(self._snapshots[path], text)
            except SettingsError as error:
                if not written:
                    raise
                files = ", ".join(map(str, written))
                raise type(error)(Phrase("{why}; written was {files}", why=error.text, files=files)) from None
            written.append(path)
        self.changes.clear()
        self._taken_out.clear()
        return written

    def _texts(self) -> dict[Path, str]:
        """Return the new contents of the files."""
        by_file: defaultdict[Path, list[str]] = defaultdict(list)
        for key in self.changes:
            by_file[self.home(key)].append(key)
        texts: dict[Path, str] = {}
        for path in sorted(by_file):
            before = self._snapshots[path]
            text = before.text
            if before.content is None:
                own = self._sources.path is None or path != changes_file(self._sources.path)
                text = _HEAD if own else _CHANGES_HEAD
            for key in by_file[path]:
                text = without(text, key) if key in self._taken_out else rewritten(text, key, self.changes[key])
            texts[path] = text
        return texts

    def _impossible(self, key: str, read: object) -> list[str]:
        tree: dict[str, Any] = msgspec.to_builtins(self.loaded.settings)
        for changed, value in {**self.changes, key: msgspec.to_builtins(read)}.items():
            section, _, name = changed.rpartition(".")
            (tree[section] if section else tree)[name] = _plain(changed, value)
        return impossible(msgspec.convert(tree, type(self.loaded.settings)), {})


def _value_in(settings: Settings, key: str) -> Any:
    section, _, name = key.rpartition(".")
    return msgspec.to_builtins(getattr(getattr(settings, section) if section else settings, name))


def _address(value: object) -> object:
    """Normalise an address or a list of them, so that this machine has one name."""
    if isinstance(value, list):
        return [_address(one) for one in value]
    return _LOOPBACK.sub("127.0.0.1", value).rstrip("/") if isinstance(value, str) else value


def _plain(key: str, value: object) -> object:
    """Convert a TOML value to the model's form, such as a product given as a number."""
    if key not in TABLES:
        return value
    read, problems = check_table(SourcedValue(key, value, key))
    return value if problems else msgspec.to_builtins(read)


def _same(key: str, one: object, other: object) -> bool:
    return _plain(key, one) == _plain(key, other)


def address_origins(sources: Sources) -> dict[Server, str]:
    """Name the source of each server's address.

    Args:
        sources: where the settings come from.

    Returns:
        The end of a sentence for each address that is set; for one that overrides the local servers' address, also that
        address and how to undo it. Empty if the settings can't be read.
    """
    try:
        draft = Draft(sources)
    except SettingsError:
        return {}
    origins = {}
    for server, key in _ADDRESSES.items():
        given = draft.given(key)
        if given is None:
            continue
        source = source_in_full(given)
        saved = sources.path is not None and given.file == changes_file(sources.path)
        settings = key_of("settings.open")
        text = say("{name} is from {source}: {key} changes it").format(name=key, source=source, key=settings)
        if saved:
            beneath: object
            try:
                beneath, _ = draft.beneath(key)
            except SettingsError:
                beneath = ""
            address = ", ".join(beneath) if isinstance(beneath, list) else str(beneath)
            text = say(
                "{name} was saved in {source}, the local server is at {address}: {key}, then {revert} and {keep} take "
                "it back"
            ).format(
                name=key,
                source=source,
                address=address,
                key=settings,
                revert=key_of("settings.revert"),
                keep=key_of("settings.keep"),
            )
        origins[server] = readable(text)
    return origins
