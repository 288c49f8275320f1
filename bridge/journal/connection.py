"""The state of the connection to each server, and what may have been lost or is held there, in words to act on."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Connection", "Gap", "Held", "Server", "State"]


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
    """It answers and refuses us; a person must act, the engine tries again every half minute."""
    PAUSED = "paused"
    """A person paused it."""


class Gap(StrEnum):
    """What shows that messages which the broker had confirmed may not have come."""

    SESSION = "session-lost"
    """The broker no longer had the session that the engine left there."""
    QOS_0 = "qos-0"
    """The engine was away, and the broker grants a subscription only QoS 0."""


class Held(NamedTuple):
    """What of a partition can't be read as long as a transaction is open.

    Attributes:
        first: the last stable offset: where the transaction begins, or what is read next behind it.
        offsets: how many there are from there on; some may be of other producers, or be taken back.
    """

    first: int
    offsets: int


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
