"""The address by which other machines reach this one."""

from __future__ import annotations

import socket
from typing import Final

__all__ = ["own_address"]

_ELSEWHERE: Final = "192.0.2.1"
"""An address for documentation (RFC 5737); the kernel reports the local address from which it would be reached."""


def own_address() -> str:
    """Return this machine's address in its network, empty if it has none. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((_ELSEWHERE, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
