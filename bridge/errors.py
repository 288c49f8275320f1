"""The exceptions of the engine, as one tree.

OpsciError
├── SettingsError           a setting is unknown, of the wrong type or impossible: file, key, found, allowed
├── LibraryChangedError     a private name of a library that the engine needs is gone
├── ChainStoppedError       a command arrived while the chain is not running
├── PublishError            the broker did not accept a message
│   └── UnconfirmedError    it was sent but not acknowledged: the broker may have it
└── ServerError             a server failed, with what to do about it
    ├── UnreachableError    it does not answer, or not in time: worth a retry
    ├── RefusedError        it answers and refuses us (a token, a password, a right): the user must act
    │   ├── TakenError      another client uses our name there and takes what is ours
    │   └── ForeignServerError  another server answers at an address that this engine knows
    └── RejectedError       it answers that this request will never succeed: a dead letter
        └── TooLargeError   it is larger than the server accepts: in smaller parts it can succeed
"""

from __future__ import annotations

import re
from typing import Final

from bridge.phrase import Phrase

__all__ = [
    "ChainStoppedError",
    "ForeignServerError",
    "LibraryChangedError",
    "OpsciError",
    "PublishError",
    "RefusedError",
    "RejectedError",
    "ServerError",
    "SettingsError",
    "TakenError",
    "TooLargeError",
    "UnconfirmedError",
    "UnreachableError",
    "cause_of",
]


_NUMBERED: Final = re.compile(r"^\[Errno -?\d+\] ")
_CLASS: Final = re.compile(r"^[A-Za-z]*(Error|Exception|Failed|Exhausted)(\(\))?(: |$)")
_UNTOLD: Final = re.compile(r"Unable to bootstrap from")
"""It lists the brokers as Python objects, and says no more than that none answers."""

_WORDS: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def cause_of(error: BaseException | None) -> str:
    """Explain why something failed, on one line.

    Args:
        error: what was raised, None for nothing.

    Returns:
        The reason, empty if the exception adds nothing to the fact that it was raised.
    """
    if error is None:
        return ""
    if isinstance(error, OSError) and error.strerror and not error.filename:
        text = _NUMBERED.sub("", error.strerror)
        # asyncio adds the address, which the message contains already.
        return "the connection was refused" if text.startswith(("Connect call failed", "Connection refused")) else text
    text = _NUMBERED.sub("", str(error).strip())
    plain = _CLASS.sub("", text, count=1)
    if _UNTOLD.search(plain):
        return ""
    if plain:
        return plain
    name = type(error).__name__.removesuffix("Error")
    return _WORDS.sub(" ", name).lower() if text or not isinstance(error, TimeoutError) else "no answer in time"


class OpsciError(Exception):
    """The base class of everything the engine raises on purpose."""

    @property
    def text(self) -> str:
        """What went wrong, for the user; a `Phrase` if it was created as one."""
        return self.args[0] if self.args and isinstance(self.args[0], str) else str(self)


class SettingsError(OpsciError):
    """A setting is unknown, of the wrong type or impossible; the text names file, key, what was found and allowed."""


class LibraryChangedError(OpsciError):
    """A private name of a library is gone; the text names the library, the name and the versions that have it."""


class ChainStoppedError(OpsciError):
    """A command arrived while the chain is not running."""


class PublishError(OpsciError):
    """The broker did not accept the message; nothing was sent, or its fate is unknown."""


class UnconfirmedError(PublishError):
    """The message was sent but not acknowledged: the broker may have it or not."""


class ServerError(OpsciError):
    """A server failed.

    Args:
        server: `mqtt`, `kafka` or `strapi`.
        what: what happened, for the user.
        advice: what to do about it, empty where only waiting helps.
    """

    def __init__(self, server: str, what: str, advice: str = "") -> None:
        super().__init__(Phrase("{what} ({advice})", what=what, advice=advice) if advice else what)
        self.server = server
        self.what = what
        self.advice = advice


class UnreachableError(ServerError):
    """It does not answer, or not in time, or it is overloaded (408, 429, 5xx): worth a retry."""


class RefusedError(ServerError):
    """It answers and refuses us (401, 403, bad credentials): the user must act."""


class TakenError(RefusedError):
    """Another client uses our name there and takes what is ours: reconnecting at once would start a fight."""


class ForeignServerError(RefusedError):
    """Another server answers at a known address: nothing of ours may be sent to it, nor its data be applied."""


class RejectedError(ServerError):
    """It answers that this request will never succeed (400, 404): a dead letter."""


class TooLargeError(RejectedError):
    """It is larger than the server accepts; in smaller parts it can succeed."""
