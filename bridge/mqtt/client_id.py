"""The engine's MQTT client id: a name that no one else can guess, kept in a file, with what is known of its session.

Whoever connects to a broker under a client id takes over the session that is kept there, and ends it with one flag
(MQTT 5 section 3.1.2.4). Mosquitto lets any client choose any id, whoever its user is, so the only protection that
holds on every listener is an id that others do not know. It is shown nowhere: see `shown`.

A copy of the id stands beside it. It is no secret more than the file itself, and for its owner alone like that.

The notes beside it say what a broker should still have. A broker says of a session no more than whether it has it
(CONNACK, Session Present). Whether it should, and which subscriptions are in it, only the client knows (MQTT 3.1.1
section 3.1.2.4, MQTT 5 section 4.1).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import platformdirs

from bridge.errors import SettingsError
from bridge.phrase import Phrase
from bridge.private_file import damage_of, set_aside, write_own
from bridge.secret import read_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.settings import MqttSettings

__all__ = ["FORMER", "KeptId", "SessionNotes", "is_guessable", "keep_copy", "mend_kept_id", "settled", "shown"]


_CUT: Final = re.compile(r"opsci-[0-9a-f]{0,31}|o|op|ops|opsc|opsci")
"""An id that was made here, and is not whole."""

_SETTLES: Final = 3600.0
"""Seconds after which a subscription that was added to a kept session counts as written down by its broker: a broker
that is killed earlier may come back with the session and without it. Mosquitto writes every 1,800 unless told."""

FORMER: Final = "opsci-bridge"
"""The client id of every engine before ids were made at random."""

_MADE: Final = re.compile(r"opsci-[0-9a-f]{32}")

_UNGUESSABLE: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""128 bits in hexadecimal digits, as this module and UUIDs have them."""


def mend_kept_id(path: Path, notes: Path) -> Iterator[Phrase]:
    """Move damaged files aside, and restore the id where there is a copy.

    Args:
        path: the file with the id.
        notes: the file with what is known of its sessions.

    Yields:
        What was damaged and what that means, for a person.

    Raises:
        SettingsError: a file can't be read or moved.
    """
    try:
        yield from _mend(path, notes)
    except OSError as error:
        raise SettingsError(f"mqtt.client_id_file: {path}: {error.strerror}") from None


def keep_copy(path: Path, client_id: str) -> None:
    """Write the copy, where it is not there or another; without a place to write to, there is none."""
    copy = _copy_of(path)
    with contextlib.suppress(OSError):
        if not copy.exists() or copy.read_bytes() != f"{client_id}\n".encode():
            write_own(copy, f"{client_id}\n")


def _mend(path: Path, notes: Path) -> Iterator[Phrase]:
    if path.exists() and _is_damaged(path.read_bytes()):
        aside = set_aside(path)
        copy = _copy_of(path)
        if copy.exists() and not _is_damaged(content := copy.read_bytes()):
            write_own(path, content.decode())
            yield Phrase(
                "{file} was damaged and is kept as {aside}; the client id is restored, nothing is lost",
                file=str(path),
                aside=str(aside),
            )
        else:
            yield Phrase(
                "{file} was damaged and is kept as {aside}; this engine has another client id now, and what waits at "
                "the broker under the one before does not come to it: unknown how many messages",
                file=str(path),
                aside=str(aside),
            )
    if notes.exists() and not _is_object(notes.read_bytes()):
        yield Phrase(
            "{file} was damaged and is kept as {aside}; should the broker have lost this engine's session meanwhile, "
            "that is not noticed: unknown how many messages",
            file=str(notes),
            aside=str(set_aside(notes)),
        )


def _copy_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.copy")


def _is_damaged(content: bytes) -> bool:
    return bool(damage_of(content)) or _CUT.fullmatch(content.decode().strip()) is not None


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except ValueError:
        return False


class SessionNotes:
    """Notes by the broker's address.

    Args:
        path: the file; it is made at the first note.
    """

    def __init__(self, path: Path) -> None:
        self._notes = path

    @classmethod
    def of_named(cls, settings: MqttSettings) -> SessionNotes:
        """Where they are for a client id that the settings name: in the user's state folder."""
        name = hashlib.sha256(settings.client_id.encode()).hexdigest()[:16]
        return SessionNotes(platformdirs.user_state_path("opsci") / "mqtt-sessions" / f"{name}.json")

    def opened_at(self, url: str) -> bool:
        """Whether this engine has left a session under this id at that broker."""
        return url in self._table("opened")

    def note_opened(self, url: str) -> None:
        """Note that a session under this id is kept at that broker; without a place to write to, nothing is noted."""
        if not self.opened_at(url):
            with contextlib.suppress(SettingsError):
                self._note("opened", url, "yes")

    def forget(self, url: str) -> None:
        """Note that no session of ours is at that broker any more; without a place to write to, nothing is noted."""
        for table in ("opened", "subscribed"):
            with contextlib.suppress(SettingsError):
                self._note(table, url, None)

    def take_subscribed(self, url: str) -> dict[str, float]:
        """Take out which subscriptions a kept session has: what happens to it next must be noted again.

        Returns:
            By topic filter, since when its broker has it, in seconds since the epoch; nothing where that is not known,
            or the file can't be written.
        """
        found = self._table("subscribed").get(url)
        if not isinstance(found, dict):
            return {}
        try:
            self._note("subscribed", url, None)
        except SettingsError:
            return {}
        return {str(one): at for one, at in found.items() if isinstance(at, int | float)}

    def note_subscribed(self, url: str, subscriptions: Mapping[str, float]) -> None:
        """Note them; without a place to write to, nothing is noted."""
        if subscriptions:
            with contextlib.suppress(SettingsError):
                self._note("subscribed", url, dict(subscriptions))

    def _read(self) -> dict[str, Any]:
        try:
            found = json.loads(self._notes.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _table(self, name: str) -> dict[str, Any]:
        found = self._read().get(name)
        return found if isinstance(found, dict) else {}

    def _note(self, table: str, url: str, what: Any) -> None:
        before = self._table(table)
        entries = {one: entry for one, entry in {**before, url: what}.items() if entry is not None}
        if entries == before:
            return
        notes = {**self._read(), table: entries}
        try:
            self._notes.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_own(self._notes, json.dumps(notes, indent=2) + "\n")
        except OSError as error:
            raise SettingsError(f"mqtt.client_id_file: {self._notes}: {error.strerror}") from None


def settled(subscriptions: Mapping[str, float]) -> frozenset[str]:
    """Of noted subscriptions those that a broker which is killed brings back with the session."""
    now = time.time()
    return frozenset(one for one, at in subscriptions.items() if now - at >= _SETTLES)


def shown(client_id: str) -> str:
    """What is written and said in the place of a client id: a digest of one that was made here, others as they are."""
    if not _MADE.fullmatch(client_id):
        return client_id
    return f"opsci-{hashlib.sha256(client_id.encode()).hexdigest()[:16]}"


def is_guessable(client_id: str) -> bool:
    """Whether another may come to know a client id by guessing: it has no 128 random bits in it."""
    return not _UNGUESSABLE.search(client_id)


class KeptId(SessionNotes):
    """A client id in a file that only its owner reads, and beside it what this engine left at its brokers.

    Args:
        path: the file with the id; what is known of its sessions stands in the file of the same name with `.json`.

    Attributes:
        damage: what was wrong with these files, and what that means.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.with_name(f"{path.name}.json"))
        self._path = path
        self.damage: list[Phrase] = []

    @classmethod
    def of(cls, settings: MqttSettings) -> KeptId | None:
        """Where the id of these settings is kept; None where the settings name the id themselves."""
        if settings.client_id:
            return None
        if settings.client_id_file:
            return cls(Path(settings.client_id_file).expanduser())
        return cls(platformdirs.user_state_path("opsci") / "mqtt-client-id")

    def read_or_make(self) -> str:
        """The client id; one is made and written where the file is not there yet.

        Raises:
            SettingsError: the file can't be read or written, or holds nothing.
        """
        setting = "mqtt.client_id_file"
        self.damage += mend_kept_id(self._path, self._notes)
        if not self._path.exists():
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                # Two engines may start at once: the link is made by one of them only.
                temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
                write_own(temporary, f"opsci-{secrets.token_hex(16)}\n")
                with contextlib.suppress(FileExistsError):
                    os.link(temporary, self._path)
                temporary.unlink()
            except OSError as error:
                raise SettingsError(f"{setting}: {self._path}: {error.strerror}") from None
        found = read_secret(str(self._path), setting)
        if len(found) > 128:
            raise SettingsError(f"{setting}: {self._path} holds more than 128 characters")
        keep_copy(self._path, found)
        return found

    def moved_at(self, url: str) -> bool:
        """Whether the subscriptions of the former session may be this one's already, at that broker.

        A move that was interrupted elsewhere counts as well: the broker may have another port since.
        """
        former = self._table("former")
        return former.get(url) == "ended" or bool({"moved", "emptied"} & {*former.values()})

    def former_may_hold(self, url: str) -> bool:
        """Whether the former session at that broker has given up its subscriptions and may have messages yet."""
        return bool(self._table("former").get(url) == "moved")

    def former_ended_at(self, url: str) -> bool:
        """Whether nothing of the former session is left at that broker."""
        return bool(self._table("former").get(url) == "ended")

    def note_former(self, url: str, how_far: str) -> None:
        """Note how far the move from the former session is: `moved`, `emptied` or `ended`.

        Raises:
            SettingsError: the file can't be written; the move must not go on.
        """
        self._note("former", url, how_far)
