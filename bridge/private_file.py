"""Files and folders of their owner alone, written where others may have put something in the way.

What a session showed is the user's own, whatever the umask says, and the current folder may be /tmp, where another
user can put a link or a file under a name that is easy to guess.

A power cut or a full disk can leave a file empty, cut short, or full of NUL bytes. Whoever needs it then moves it
aside, says so, and goes on without what was in it; it is never deleted or written over. Standard library only.
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
"""What stands between the name of a file and the time at which it was moved aside."""

_MODE: Final = 0o600


def set_aside(path: Path, into: Path | None = None) -> Path:
    """Rename a file or a folder to `NAME.damaged-YYYYMMDDTHHMMSS` beside it, in local time.

    Args:
        path: what is damaged.
        into: another folder on the same file system, where it must not stay beside its old place.

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
    """Say what is wrong with the content of a small text file that is never empty.

    Returns:
        `is empty`, `holds NUL bytes` or `is no text`; an empty text where none of that holds.
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
    """Make a folder for its owner alone, where it is missing.

    The folders that this program has in the user's home for settings, data and state are its own: where one of them is
    open to others, it is closed. Any other folder keeps its rights, and so does what a link leads to.

    Raises:
        OSError: it can't be made.
    """
    # Here, as the local servers' runner writes files where nothing is installed.
    import platformdirs  # noqa: PLC0415

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    places = (platformdirs.user_config_path, platformdirs.user_data_path, platformdirs.user_state_path)
    if folder in {place("opsci") for place in places}:
        status = folder.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid():
            folder.chmod(stat.S_IMODE(status.st_mode) & ~0o077)


def new_file(candidates: Iterable[Path]) -> tuple[Path, BinaryIO]:
    """Make the first of some files that is not there; links count as there, wherever they lead.

    Args:
        candidates: by decreasing preference.

    Returns:
        The file that was made, and it opened for writing.

    Raises:
        OSError: none could be made.
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
    """Open a file for writing at its end, and make it where it is missing.

    Raises:
        OSError: it can't be opened, or it is a link.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
    if os.fstat(handle).st_uid == os.geteuid():
        os.fchmod(handle, _MODE)
    return os.fdopen(handle, "ab")


def write_own(path: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all and through to the disk; a link is replaced.

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
    """Put a new file in the place of another one, or where there is none; a link is replaced, not followed.

    Args:
        path: the file. One of the user's keeps its permissions. What is no file, as `/dev/stdout`, is not replaced.

    Yields:
        What to write to: an empty file beside it, with its ending, which takes its place when all went well.

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
    """Whether writing there goes to a device or a pipe of the user's own or of the system's."""
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
