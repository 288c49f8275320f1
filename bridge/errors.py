"""What can go wrong in the engine, as one tree.

OpsciError
├── SettingsError           a setting is unknown, of the wrong type or impossible: file, key, found, allowed
├── LibraryChangedError     a private name of a library that the engine rests on is gone
├── ChainStoppedError       a command came while the chain is not running
├── PublishError            the broker did not take what was to be published
└── ServerError             a server failed, with what to do about it
    ├── UnreachableError    nothing answers there, or not in time: worth another try
    ├── RefusedError        it answers and lets us not in (a token, a password, a right): a person must act
    │   └── TakenError      another client has our name there and takes what is ours
    └── RejectedError       it answers that this request can never be carried out: a dead letter
"""

from __future__ import annotations

from bridge.phrase import Phrase

__all__ = [
    "ChainStoppedError",
    "LibraryChangedError",
    "OpsciError",
    "PublishError",
    "RefusedError",
    "RejectedError",
    "ServerError",
    "SettingsError",
    "TakenError",
    "UnreachableError",
]


class OpsciError(Exception):
    """The root: catch it to catch whatever the engine raises on purpose."""

    @property
    def text(self) -> str:
        """What went wrong, for a person; a `Phrase` where it was made as one."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class SettingsError(OpsciError):
    """A setting is unknown, of the wrong type or impossible; the text names file, key, what was found and allowed."""


class LibraryChangedError(OpsciError):
    """A private name of a library is gone; the text names the library, the name and the versions that have it."""


class ChainStoppedError(OpsciError):
    """A command came while the chain is not running."""


class PublishError(OpsciError):
    """The broker did not take the message; nothing was sent, or nothing is known of it."""


class ServerError(OpsciError):
    """A server failed.

    Args:
        server: `mqtt`, `kafka` or `strapi`.
        what: what happened, for a person.
        advice: what to do about it, empty where nothing but waiting helps.
    """

    def __init__(self, server: str, what: str, advice: str = "") -> None:
        super().__init__(Phrase("{what} ({advice})", what=what, advice=advice) if advice else what)
        self.server = server
        self.what = what
        self.advice = advice


class UnreachableError(ServerError):
    """Nothing answers there, or not in time, or it is overloaded (408, 429, 5xx): worth another try."""


class RefusedError(ServerError):
    """It answers and lets us not in (401, 403, bad credentials): a person must act."""


class TakenError(RefusedError):
    """Another client has our name there and takes what is ours: coming back at once would be a war."""


class RejectedError(ServerError):
    """It answers that this request can never be carried out (400, 404): a dead letter."""
