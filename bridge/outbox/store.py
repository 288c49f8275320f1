"""The outbox's file, whose content survives a killed program.

It is a file of JSON lines in a folder that only its owner may enter: a movement is written before it is published, and
removed once it is in the stock. The file is not synced to the disk: a killed program loses nothing, a power cut may
lose the last seconds. Each program has its own file, locked while it runs; the next program to start takes over files
that nobody has locked.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import platformdirs

from bridge.private_file import set_aside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.settings import Settings

__all__ = ["Kept", "Store", "outbox_folder"]

_SUFFIX: Final = ".jsonl"
_HEAD: Final = b"{}\n"
"""The first line, without content: an empty file was emptied by something else."""

_DEAD: Final = 20_000
"""How many lines may be obsolete before the file is rewritten without them."""

_encode: Final = msgspec.json.Encoder().encode


class Kept(msgspec.Struct, gc=False):
    """A movement as it was published, so that it can be published again.

    Attributes:
        movement_id: its identity.
        topic: the MQTT topic.
        payload: the bytes.
        properties: further MQTT 5 user properties.
        at: when it was first published, in seconds since the epoch.
    """

    movement_id: str
    topic: str
    payload: bytes
    properties: tuple[tuple[str, str], ...] = ()
    at: float = 0.0


class _Line(msgspec.Struct, omit_defaults=True):
    kept: Kept | None = None
    gone: list[str] = []


_decode: Final = msgspec.json.Decoder(_Line).decode


def outbox_folder(settings: Settings) -> Path:
    """The folder from the settings, or one in the user's state folder for this broker and this Strapi."""
    if settings.mqtt.outbox:
        return Path(settings.mqtt.outbox).expanduser()
    chain = f"{settings.mqtt.url} {settings.strapi.url}"
    return platformdirs.user_state_path("opsci") / "outbox" / hashlib.sha256(chain.encode()).hexdigest()[:16]


class Store:
    """One program's file.

    Args:
        folder: where the file is; created with its parents.

    Attributes:
        damaged: damaged files of other programs, under the names to which they were moved.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"{uuid.uuid4().hex}{_SUFFIX}"
        self._file = -1
        self._live: dict[str, Kept] = {}
        self._lines = 0
        self.damaged: list[Path] = []

    def open(self) -> list[Kept]:
        """Create the file, and take over the files of programs that ended.

        Returns:
            The movements in those, the oldest first.

        Raises:
            OSError: the folder can't be created or written.
        """
        if self._file >= 0:
            return []
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder.chmod(0o700)
        self._file = _create(self._path)
        os.write(self._file, _HEAD)
        # What was published before the file existed.
        for kept in [*self._live.values()]:
            self.add(kept)
        found: list[Kept] = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            if path != self._path:
                found += self._take_over(path)
        return sorted(found, key=lambda one: one.at)

    def add(self, kept: Kept) -> None:
        """Write one movement; it is in the file when this returns.

        Raises:
            OSError: it can't be written.
        """
        self._live[kept.movement_id] = kept
        self._write(_encode(_Line(kept)) + b"\n")

    def remove(self, movement_ids: Iterable[str]) -> None:
        """Remove movements.

        Raises:
            OSError: that can't be written; the next program would look them up once more.
        """
        gone = [movement_id for movement_id in movement_ids if self._live.pop(movement_id, None) is not None]
        if not gone or self._file < 0:
            return
        if not self._live or self._lines - len(self._live) > _DEAD:
            self._rewrite()
        else:
            self._write(_encode(_Line(gone=gone)) + b"\n")
            self._lines += len(gone)

    def close(self) -> None:
        """Close the file; delete it if it is empty."""
        file, self._file = self._file, -1
        if file >= 0:
            if not self._live:
                self._path.unlink(missing_ok=True)
            os.close(file)

    def _take_over(self, path: Path) -> list[Kept]:
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            # Its owner ended just now, or it belongs to another user.
            return []
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # It may have been replaced or deleted between the two calls.
            if os.fstat(file).st_ino != path.stat().st_ino:
                return []
            found, is_whole = _read(file)
            for kept in found:
                self.add(kept)
            if is_whole:
                path.unlink()
            else:
                self.damaged.append(set_aside(path))
        except OSError:
            # A running program has locked it.
            return []
        else:
            return found
        finally:
            os.close(file)

    def _write(self, lines: bytes) -> None:
        if self._file >= 0:
            # One call, so that a killed program leaves the whole line or, on a full disk, a part that is skipped.
            os.write(self._file, lines)
            self._lines += 1

    def _rewrite(self) -> None:
        fresh = self._path.with_name(f"{self._path.stem}.new")
        with contextlib.suppress(FileNotFoundError):
            fresh.unlink()
        file = _create(fresh)
        os.write(file, _HEAD + b"".join(_encode(_Line(kept)) + b"\n" for kept in self._live.values()))
        fresh.replace(self._path)
        os.close(self._file)
        self._file, self._lines = file, len(self._live)


def _create(path: Path) -> int:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _read(file: int) -> tuple[list[Kept], bool]:
    """The content of a file, and whether all of it could be read."""
    live: dict[str, Kept] = {}
    # Files of an earlier version have no head, but are not empty where their program was killed.
    is_whole = os.fstat(file).st_size > 0
    with open(os.dup(file), "rb") as lines:  # noqa: PTH123 - a descriptor, which is locked
        for text in lines:
            try:
                line = _decode(text)
            except (msgspec.DecodeError, UnicodeDecodeError):
                is_whole = False
                continue
            if line.kept is not None:
                live[line.kept.movement_id] = line.kept
            for movement_id in line.gone:
                live.pop(movement_id, None)
    return list(live.values()), is_whole
