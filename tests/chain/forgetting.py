"""A Mosquitto that is killed before it saved what it acknowledged."""

from __future__ import annotations

import contextlib
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stack.local import LocalStack


@contextlib.contextmanager
def forgetting(stack: LocalStack, folder: Path) -> Iterator[None]:
    """At the end of the block, kill the broker and restart it with its state from the beginning of the block.

    As it saves every second, its file from the beginning is put back.
    """
    written, before = stack.paths.state / "mosquitto" / "mosquitto.db", folder / "before.db"
    if written.exists():
        shutil.copy2(written, before)
    yield
    stack.kill_server("mosquitto")
    written.unlink(missing_ok=True)
    if before.exists():
        shutil.copy2(before, written)
        before.unlink()
    stack.start_server("mosquitto")
