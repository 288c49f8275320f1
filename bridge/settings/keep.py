"""Writing a settings file: whole or not at all, and never over what somebody else wrote meanwhile."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from bridge.errors import SettingsError

__all__ = ["Snapshot", "replace_file", "snapshot"]


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
            SettingsError: it is no UTF-8.
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
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
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
        raise SettingsError(f"{before.path}: a text in it is no UTF-8: nothing was written") from None
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
