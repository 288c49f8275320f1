"""Files and folders that only their owner can read, written safely where others may interfere, and damaged files.

What a session showed belongs to the user, whatever the umask, and the current folder may be /tmp, where another user
can place a link or a file under a predictable name.

A power cut or a full disk can leave a file empty, truncated, or full of NUL bytes. Its reader then moves it aside,
reports that, and continues without it; it is never deleted or overwritten. Standard library only.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["MARK", "append_file", "damage_of", "make_folder", "new_file", "replaced_file", "set_aside", "write_own"]


MARK: Final = ".damaged-"
"""The part between a file's name and the time at which it was moved aside."""

_MODE: Final = 0o600


def set_aside(path: Path, into: Path | None = None) -> Path:
    """Rename a file or a folder to `NAME.damaged-YYYYMMDDTHHMMSS`, in local time.

    Args:
        path: what is damaged.
        into: another folder on the same file system; None keeps it in its folder.

    Returns:
        Its new path, which was free.

    Raises:
        OSError: it can't be renamed.
    """
    stem = f"{path.name}{MARK}{time.strftime('%Y%m%dT%H%M%S')}"
    folder = into or path.parent
    target = folder / stem
    number = 2
    while os.path.lexists(target):
        target = folder / f"{stem}-{number}"
        number += 1
    path.rename(target)
    return target


def damage_of(content: bytes) -> str:
    """Describe what is wrong with the content of a small text file that is never empty.

    Returns:
        `is empty`, `holds NUL bytes` or `is no text`; an empty text where nothing is wrong.
    """
    if not content.strip():
        return "is empty"
    if b"\x00" in content:
        return "holds NUL bytes"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "is no text"
    return ""


def make_folder(folder: Path) -> None:
    """Create a folder that only its owner can read, if it is missing.

    If one of this program's own folders in the user's home (settings, data, state) is open to others, it is closed.
    Other folders keep their permissions, as do the targets of links.

    Raises:
        OSError: it can't be created.
    """
    # Imported here, as the local servers' runner writes files where nothing is installed.
    import platformdirs  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    places = (platformdirs.user_config_path, platformdirs.user_data_path, platformdirs.user_state_path)
    if folder in {place("opsci") for place in places}:
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            folder.chmod(stat.S_IMODE(status.st_mode) & ~0o077)


def new_file(candidates: Iterable[Path]) -> tuple[Path, BinaryIO]:
    """Create the first of these files that does not exist; a link counts as existing, wherever it leads.

    Args:
        candidates: by decreasing preference.

    Returns:
        The new file, and the file object opened for writing.

    Raises:
        OSError: none could be created.
    """
    taken = Path()
    for path in candidates:
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
        except FileExistsError:
            taken = path
            continue
        os.fchmod(handle, _MODE)
        return path, os.fdopen(handle, "wb")
    raise FileExistsError(17, "files of all such names are there already", str(taken))


def append_file(path: Path) -> BinaryIO:
    """Open a file for appending, creating it if it is missing.

    Raises:
        OSError: it can't be opened, or it is a link.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    if os.fstat(handle).st_uid == os.geteuid():
        os.fchmod(handle, _MODE)
    return os.fdopen(handle, "ab")


def write_own(path: Path, text: str) -> None:
    """Write a file that only its owner can read, atomically and synced to the disk; a link is replaced.

    Raises:
        OSError: it can't be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Create or replace a file; a link is replaced, not followed.

    Args:
        path: the file. A file of the user's keeps its permissions. A device such as `/dev/stdout` is written directly.

    Yields:
        The path to write to: an empty file in the same folder with the same suffix, which replaces the file on success.

    Raises:
        OSError: it can't be written.
    """
    if _is_device(path):
        yield path
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    fresh = Path(name)
    try:
        os.fchmod(handle, _mode_of(path))
        os.close(handle)
        yield fresh
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def _is_device(path: Path) -> bool:
    """Whether the path is a device or a pipe of the user's own or of the system's."""
    try:
        status = path.stat()
    except OSError:
        return False
    return not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode) and status.st_uid in {0, os.geteuid()}


def _mode_of(path: Path) -> int:
    try:
        status = path.lstat()
    except OSError:
        return _MODE
    own = stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()
    return stat.S_IMODE(status.st_mode) if own else _MODE
