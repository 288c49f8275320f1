"""One thing that was tried, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bridge.errors import ServerError
    from bridge.journal import Server

__all__ = ["Finding", "failure"]


class Finding(NamedTuple):
    """What came of a try.

    Attributes:
        server: where.
        ok: whether it is as it must be.
        what: what was tried and found.
        advice: what to do about it, empty where it is ok.
    """

    server: Server
    ok: bool
    what: str
    advice: str = ""


def failure(server: Server, error: ServerError, what: str = "") -> Finding:
    """What an error says, after what was tried."""
    return Finding(server, False, f"{what}: {error.what}" if what else error.what, error.advice)
