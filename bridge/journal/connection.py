"""The state of the connection to each server, in words that a person can act on."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Connection", "Server", "State"]


class Server(StrEnum):
    """The three that the chain connects to."""

    MQTT = "mqtt"
    KAFKA = "kafka"
    STRAPI = "strapi"


class State(StrEnum):
    """What a connection is doing."""

    OFF = "off"
    """Not asked for: the engine's roles do not need it, or it is stopped."""
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"
    """It does not answer; the engine tries again by itself."""
    REFUSED = "refused"
    """It answers and lets us not in; a person must act, the engine tries again every half minute."""
    PAUSED = "paused"
    """A person paused it."""


class Connection(NamedTuple):
    """One connection as it stands.

    Attributes:
        state: what it is doing.
        address: where the server is, with no credential in it.
        since: seconds since the epoch when it came into that state.
        detail: what happened, or what is special about it; may be empty.
        advice: what a person can do about it; may be empty.
    """

    state: State = State.OFF
    address: str = ""
    since: float = 0.0
    detail: str = ""
    advice: str = ""

    def moved(self, state: State, detail: str = "", advice: str = "") -> Connection:
        """The same connection in another state; `since` stays where the state does."""
        since = self.since if state is self.state else time.time()
        return Connection(state, self.address, since, detail, advice)
