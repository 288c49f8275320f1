"""What is fetched once and kept in the cache under the hash of the file that pins it."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from typing import TYPE_CHECKING

from stack.record import hold

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from stack.report import Report, Step

__all__ = ["digest", "fetch_once"]


def digest(*files: Path) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of some files, one after the other."""
    total = hashlib.sha256()
    for file in files:
        total.update(file.read_bytes())
    return total.hexdigest()[:16]


def fetch_once(target: Path, label: str, report: Report, make: Callable[[Path, Step], None]) -> Path:
    """Make a folder in the cache, unless it is there; an interrupted one is never taken for a whole one.

    Args:
        target: the folder, whose name holds the hash of what pins its content.
        label: what to call it while it is made.
        report: what tells the progress.
        make: fills a new folder beside the target, which becomes the target when that returns.

    Returns:
        The target.
    """
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
