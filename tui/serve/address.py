"""The address of the served screen; apart from the server, which needs an optional package."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["LOOPBACK", "PORT", "Listen"]

LOOPBACK: Final = "127.0.0.1"
"""The default address; only loopback needs no password."""

PORT: Final = 8010
"""The default port; 8000 is the web client's."""


class Listen(NamedTuple):
    """The address of the served screen.

    Attributes:
        host: an address or a name of this machine.
        port: 1 to 65,535.
    """

    host: str = LOOPBACK
    port: int = PORT
