"""Downloads, kept in the cache under the hash of the file that pins them."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from functools import partial
from typing import TYPE_CHECKING

from stack.errors import InstallError
from stack.run_state import hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.report import Report, Step

__all__ = ["digest", "fetch_once"]


def digest(*files: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of some files in sequence."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def fetch_once(target: Path, label: str, report: Report, make: Callable[[Path, Step], None]) -> Path:
    """Create a folder in the cache if it is missing; an interrupted one never counts as complete.

    Args:
        target: the folder, with the hash of what pins its content in its name.
        label: shown as the progress.
        report: shows the progress.
        make: fills a temporary folder, which is renamed to the target when it returns.

    Returns:
        The target.

    Raises:
        InstallError: another user could change the folder, and so what is run.
    """
    for folder in (target, target.parent, target.parent.parent):
        _refuse_others(folder)
    if target.is_dir():
        return target
    lock = target.with_name(f"{target.name}.lock")
    with hold(lock, partial(report.note, f"another opsci is at it: {label}: waiting for it")):
        if target.is_dir():
            return target
        partial_folder = target.with_name(f"{target.name}.partial")
        shutil.rmtree(partial_folder, ignore_errors=True)
        partial_folder.mkdir(parents=True)
        with report.step(label) as step:
            make(partial_folder, step)
            partial_folder.rename(target)
    return target


def _refuse_others(folder: Path) -> None:
    """Accept a folder of this user or of root that is not world-writable; root also accepts other users' folders."""
    try:
        status = folder.stat()
    except OSError:
        # It is missing, and will be created.
        return
    open_to_all = status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX
    if open_to_all and status.st_uid == os.geteuid():
        folder.chmod(stat.S_IMODE(status.st_mode) & ~stat.S_IWOTH)
    elif open_to_all or (status.st_uid not in {0, os.geteuid()} and os.geteuid() != 0):
        raise InstallError(
            f"{folder} can be changed by another user (uid {status.st_uid}), and programs are run from it: "
            "name another folder with OPSCI_CACHE"
        )
