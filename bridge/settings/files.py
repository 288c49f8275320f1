"""The files that settings are read from, into which of them a change belongs, and what becomes of a damaged one.

Mostly that is one file. The one that the local servers' runner writes is rewritten at each start, so nothing is
changed in it: the user's own file lies under it with its table [screen], which is a person's and no server's, and
`changes.toml` beside it lies above it with what was changed for the local servers.

What a person wrote is only refused, with its line. Of the two files that programs write, the runner writes the one
with the addresses again, and the one with the changes is moved aside. A change is written whole or not at all, and
never over what somebody else wrote meanwhile.
"""

from __future__ import annotations

import os
import stat
import tempfile
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import platformdirs

from bridge.errors import SettingsError
from bridge.phrase import Phrase
from bridge.private_file import damage_of, make_folder, set_aside

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "GENERATED",
    "GENERATED_END",
    "GENERATED_HEAD",
    "Layer",
    "Snapshot",
    "changes_file",
    "damage_of_generated",
    "home_of",
    "is_generated",
    "layers_of",
    "own_file",
    "replace_file",
    "set_changes_aside",
    "snapshot",
]


GENERATED: Final = "# Written by python3 -m stack at each start"
"""How the file begins that the local servers' runner writes."""

_PERSONAL: Final = "screen"

GENERATED_HEAD: Final = f"{GENERATED}, down to its last line: the local servers."
"""How the file begins that the local servers' runner writes."""

GENERATED_END: Final = "# This is its last line."
"""How that file ends: one that was cut short may be TOML as well."""

_MARKER: Final = ".opsci-state"
"""What stands in a state folder of the local servers."""


class Layer(NamedTuple):
    """A settings file.

    Attributes:
        path: the file.
        only: the table that is read from it; empty for all.
    """

    path: Path
    only: str = ""


def own_file() -> Path:
    """The user's own settings file, whether it exists or not: `~/.config/opsci/opsci.toml`."""
    return platformdirs.user_config_path("opsci") / "opsci.toml"


def changes_file(generated: Path) -> Path:
    """What was changed for the local servers, beside the file that their runner writes."""
    return generated.with_name("changes.toml")


def is_generated(path: Path) -> bool:
    """Whether a settings file was written by the local servers' runner; False for one that can't be read."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline().startswith(GENERATED)
    except (OSError, UnicodeDecodeError):
        return False


def layers_of(path: Path | None, texts: Collection[Path] | Mapping[Path, str] = ()) -> list[Layer]:
    """The files to read, the later cover the earlier.

    Args:
        path: the settings file, None for none.
        texts: files that count as there though they may not be yet.

    Returns:
        The settings file; with one of the runner's the user's own before it and the changes after it, where they are.
    """
    if path is None:
        return [Layer(own_file())] if own_file() in texts else []
    if not is_generated(path):
        return [Layer(path)]
    around = (Layer(own_file(), _PERSONAL), Layer(path), Layer(changes_file(path)))
    return [layer for layer in around if layer.path == path or layer.path in texts or layer.path.is_file()]


def home_of(key: str, path: Path | None, given_in: Path | None) -> Path:
    """The file into which a change of a setting belongs.

    Args:
        key: the setting's dotted name.
        path: the settings file in use, None for none.
        given_in: the file that gives the setting now, None for none.

    Returns:
        A file, which may not exist yet.
    """
    if path is None:
        return own_file()
    if not is_generated(path):
        return path
    above = given_in in {path, changes_file(path)}
    return own_file() if key.startswith(f"{_PERSONAL}.") and not above else changes_file(path)


def damage_of_generated(path: Path, content: bytes) -> str:
    """What is wrong with the settings file that the local servers' runner wrote.

    Args:
        path: a settings file.
        content: what stands in it.

    Returns:
        As `damage_of`, or `is cut short`; empty where nothing is wrong, and for any other settings file.
    """
    if not (path.name == "settings.toml" and path.with_name(_MARKER).is_file()):
        return ""
    if why := damage_of(content):
        return why
    head, end = GENERATED_HEAD.encode(), GENERATED_END.encode()
    is_cut = head.startswith(content) or (content.startswith(head) and not content.rstrip().endswith(end))
    return "is cut short" if is_cut else ""


def set_changes_aside(path: Path | None) -> Phrase | None:
    """Move the file with the changes for the local servers aside where it is no TOML.

    Args:
        path: the settings file in use, None for none.

    Returns:
        What was wrong and where it is now; None where nothing is wrong, or where the file is another's.

    Raises:
        SettingsError: it can't be moved.
    """
    if path is None or not is_generated(path):
        return None
    changes = changes_file(path)
    try:
        content = changes.read_bytes()
        if content:
            tomllib.loads(content.decode())
            return None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SettingsError(f"{changes}: the settings file can't be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        pass
    try:
        aside = set_aside(changes)
    except OSError as error:
        raise SettingsError(f"{changes} is damaged and can't be moved aside: {error.strerror or error}") from None
    return Phrase(
        "{file} is damaged and was moved to {aside}: what was changed for the local servers does not count",
        file=str(changes),
        aside=str(aside),
    )


class Snapshot(NamedTuple):
    """A file as it was when it was read.

    Attributes:
        path: the file.
        content: what stood in it; None where there was none.
    """

    path: Path
    content: bytes | None

    @property
    def text(self) -> str:
        """What stood in it; empty where there was none.

        Raises:
            SettingsError: it is not UTF-8.
        """
        try:
            return (self.content or b"").decode()
        except UnicodeDecodeError as error:
            raise SettingsError(f"{self.path}: the settings file is not UTF-8: byte {error.start}") from None


def snapshot(path: Path) -> Snapshot:
    """Read a file, which may not exist.

    Raises:
        SettingsError: it can't be read.
    """
    try:
        return Snapshot(path, path.read_bytes())
    except FileNotFoundError:
        return Snapshot(path, None)
    except OSError as error:
        raise SettingsError(f"{path}: the settings file can't be read: {error.strerror or error}") from None


def replace_file(before: Snapshot, text: str) -> None:
    """Put a new text into a file: a reader, or a crash, meets the old one or the new one.

    A link stays a link, to a file with the new text. The permissions stay; a new file is its owner's alone.

    Args:
        before: the file as it was read.
        text: what it shall say.

    Raises:
        SettingsError: the file is another one by now, or can't be written; then it is as it was.
    """
    if snapshot(before.path) != before:
        raise SettingsError(f"{before.path} was changed by someone else meanwhile: nothing was written to it")
    target = Path(os.path.realpath(before.path))
    temporary: str | None = None
    try:
        make_folder(target.parent)
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "wb") as file:
            if before.content is not None:
                status = target.stat()
                with suppress(PermissionError):
                    os.fchown(file.fileno(), status.st_uid, status.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(target)
        temporary = None
        _sync_folder(target.parent)
    except UnicodeEncodeError:
        raise SettingsError(f"{before.path}: a text in it is not UTF-8: nothing was written") from None
    except OSError as error:
        raise SettingsError(f"{before.path} can't be written: {error.strerror or error}") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
