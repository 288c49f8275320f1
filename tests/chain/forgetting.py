"""A Mosquitto that is killed before it wrote what it acknowledged: its file is that of a moment before."""

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
    """Kill the broker at the end of the block and start it with what it had written by the block's beginning.

    Whether it writes in between is chance, as it does so by the second; so its file is put back.
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
