"""The addresses of this machine: the one by which others reach it, and those that never leave it."""

from __future__ import annotations

import ipaddress
import socket
from typing import Final

__all__ = ["is_loopback", "own_address"]

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


def is_loopback(host: str) -> bool:
    """Whether a host name or address leads to this machine without its network."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
