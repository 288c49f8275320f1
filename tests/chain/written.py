"""Mosquitto's saved state at a moment, and a kill that restores it."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    from stack.local import LocalStack

__all__ = ["Written"]

_LAST_PACKET_ID: Final = 12
"""Where in a client's chunk of Mosquitto 2.0's file its last packet id stands (two bytes, big-endian)."""
_CLIENT_ID: Final = 24


class Written:
    """A copy of Mosquitto's file.

    Args:
        stack: whose Mosquitto.
    """

    def __init__(self, stack: LocalStack) -> None:
        self._stack = stack
        self._file: Path = stack.paths.state / "mosquitto" / "mosquitto.db"
        self._content = b""

    async def take(self) -> None:
        """Make Mosquitto save its state, and copy that."""
        before = self._file.stat().st_mtime_ns if self._file.exists() else 0
        self._stack._identity("mosquitto").signal_group(signal.SIGUSR1)
        async with asyncio.timeout(60):
            while not self._file.exists() or self._file.stat().st_mtime_ns == before:  # noqa: ASYNC110 - a file
                await asyncio.sleep(0.02)
        self._content = self._file.read_bytes()

    async def fall_back(self) -> None:
        """Kill Mosquitto and start it with the copied state."""
        await asyncio.to_thread(self._stack.kill_server, "mosquitto")
        self._file.write_bytes(self._content)
        await asyncio.to_thread(self._stack.start_server, "mosquitto")

    def count_from(self, client_id: str, packet_id: int) -> None:
        """Make `packet_id` + 1 a session's next packet id once the state is restored."""
        place = self._content.index(client_id.encode()) - _CLIENT_ID + _LAST_PACKET_ID
        self._content = self._content[:place] + packet_id.to_bytes(2, "big") + self._content[place + 2 :]
