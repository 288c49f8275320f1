"""The engine's MQTT client id, random and kept in a file, with notes on its sessions at brokers.

Whoever connects under a client id takes over its session, and can end it with one flag (MQTT 5 section 3.1.2.4).
Mosquitto lets every user choose any id, so the only protection on every listener is an id that others do not know. It
is never displayed: see `shown`.

A copy of the id is stored in the same folder. It is as secret as the file itself, and readable by the owner only.

The notes say what a broker should have. A broker only reports whether it has a session (CONNACK, Session Present).
Whether it should, and with which subscriptions, only the client knows (MQTT 3.1.1 section 3.1.2.4, MQTT 5 section 4.1).
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
from bridge.phrase import Phrase, placed
from bridge.private_file import damage_of, set_aside, write_own
from bridge.secret import read_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bridge.settings import MqttSettings

__all__ = ["FORMER", "KeptId", "SessionNotes", "is_guessable", "keep_copy", "repair_kept_id", "settled", "shown"]


_CUT: Final = re.compile(r"opsci-[0-9a-f]{0,31}|o|op|ops|opsc|opsci")
"""An id created here that is incomplete."""

_SETTLES: Final = 3600.0
"""Seconds after which a broker counts as having saved a subscription added to a kept session: killed earlier, it may
restore the session without it. Mosquitto saves every 1,800 seconds by default.
"""

FORMER: Final = "opsci-bridge"
"""The client id of every engine before ids were random."""

_MADE: Final = re.compile(r"opsci-[0-9a-f]{32}")

_UNGUESSABLE: Final = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
"""128 bits in hexadecimal digits, as in this module's ids and in UUIDs."""


def repair_kept_id(path: Path, notes: Path) -> Iterator[Phrase]:
    """Move damaged files aside, and restore the id if there is a copy.

    Args:
        path: the file with the id.
        notes: the file with the notes on its sessions.

    Yields:
        What was damaged and the consequence, for the user.

    Raises:
        SettingsError: a file can't be read or moved.
    """
    try:
        yield from _repair(path, notes)
    except OSError as error:
        raise SettingsError(placed("mqtt.client_id_file", placed(str(path), error.strerror))) from None


def keep_copy(path: Path, client_id: str) -> None:
    """Write the copy if it is missing or differs; if the folder is not writable, there is none."""
    copy = _copy_of(path)
    with contextlib.suppress(OSError):
        if not copy.exists() or copy.read_bytes() != f"{client_id}\n".encode():
            write_own(copy, f"{client_id}\n")


def _repair(path: Path, notes: Path) -> Iterator[Phrase]:
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
    """Notes on sessions, by the broker's address.

    Args:
        path: the file; the first note creates it.
    """

    def __init__(self, path: Path) -> None:
        self._notes = path

    @classmethod
    def of_named(cls, settings: MqttSettings) -> SessionNotes:
        """The notes for a client id from the settings, in the user's state folder."""
        name = hashlib.sha256(settings.client_id.encode()).hexdigest()[:16]
        return SessionNotes(platformdirs.user_state_path("opsci") / "mqtt-sessions" / f"{name}.json")

    def opened_at(self, url: str) -> bool:
        """Whether this engine has opened a session under this id at that broker."""
        return url in self._table("opened")

    def note_opened(self, url: str) -> None:
        """Note that the broker keeps a session under this id; ignore a file that can't be written."""
        if not self.opened_at(url):
            with contextlib.suppress(SettingsError):
                self._note("opened", url, "yes")

    def forget(self, url: str) -> None:
        """Note that the broker has no session of ours any more; ignore a file that can't be written."""
        for table in ("opened", "subscribed"):
            with contextlib.suppress(SettingsError):
                self._note(table, url, None)

    def take_subscribed(self, url: str) -> dict[str, float]:
        """Read and delete the subscriptions of a kept session; what happens to it next must be noted again.

        Returns:
            By topic filter, since when its broker has it, in seconds since the epoch; empty where that is not known, or
            the file can't be written.
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
        """Note the subscriptions of a kept session; ignore a file that can't be written."""
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
            raise SettingsError(placed("mqtt.client_id_file", placed(str(self._notes), error.strerror))) from None


def settled(subscriptions: Mapping[str, float]) -> frozenset[str]:
    """The noted subscriptions that a broker which is killed would restore with the session."""
    now = time.time()
    return frozenset(one for one, at in subscriptions.items() if now - at >= _SETTLES)


def shown(client_id: str) -> str:
    """Return what to display for a client id: a digest if it was created here, else the id itself."""
    if not _MADE.fullmatch(client_id):
        return client_id
    return f"opsci-{hashlib.sha256(client_id.encode()).hexdigest()[:16]}"


def is_guessable(client_id: str) -> bool:
    """Whether others might guess a client id: it does not contain 128 random bits."""
    return not _UNGUESSABLE.search(client_id)


class KeptId(SessionNotes):
    """A client id in a file that only its owner can read, with notes on its sessions at brokers.

    Args:
        path: the file with the id; the notes are in the file of the same name with `.json` added.

    Attributes:
        damage: what was wrong with these files, and the consequences.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.with_name(f"{path.name}.json"))
        self._path = path
        self.damage: list[Phrase] = []

    @classmethod
    def of(cls, settings: MqttSettings) -> KeptId | None:
        """The kept id for these settings; None where the settings contain the id themselves."""
        if settings.client_id:
            return None
        if settings.client_id_file:
            return cls(Path(settings.client_id_file).expanduser())
        return cls(platformdirs.user_state_path("opsci") / "mqtt-client-id")

    def read_or_make(self) -> str:
        """Read the client id; create and store one if there is no file.

        Raises:
            SettingsError: the file can't be read or written, or is empty.
        """
        setting = "mqtt.client_id_file"
        self.damage += repair_kept_id(self._path, self._notes)
        if not self._path.exists():
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                # If two engines start at once, only one of them succeeds in making the link.
                temporary = self._path.with_name(f".{self._path.name}.{os.getpid()}")
                write_own(temporary, f"opsci-{secrets.token_hex(16)}\n")
                with contextlib.suppress(FileExistsError):
                    os.link(temporary, self._path)
                temporary.unlink()
            except OSError as error:
                raise SettingsError(placed(setting, placed(str(self._path), error.strerror))) from None
        found = read_secret(str(self._path), setting)
        if len(found) > 128:
            said = Phrase("{file} holds more than 128 characters", file=str(self._path))
            raise SettingsError(placed(setting, said))
        keep_copy(self._path, found)
        return found

    def moved_at(self, url: str) -> bool:
        """Whether the former session's subscriptions may have been moved to this one, at that broker.

        An interrupted move at another address counts too: the broker may have changed its port since.
        """
        former = self._table("former")
        return former.get(url) == "ended" or bool({"moved", "emptied"} & {*former.values()})

    def former_may_hold(self, url: str) -> bool:
        """Whether the former session at that broker has no subscriptions any more but may still hold messages."""
        return bool(self._table("former").get(url) == "moved")

    def former_ended_at(self, url: str) -> bool:
        """Whether nothing of the former session is left at that broker."""
        return bool(self._table("former").get(url) == "ended")

    def note_former(self, url: str, how_far: str) -> None:
        """Note the progress of the move from the former session: `moved`, `emptied` or `ended`.

        Raises:
            SettingsError: the file can't be written; the move must not continue.
        """
        self._note("former", url, how_far)
