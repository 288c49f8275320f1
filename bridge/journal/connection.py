"""The state of the connection to each server, and what may have been lost or is held back there."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import NamedTuple

__all__ = ["Connection", "Gap", "Held", "Server", "State"]


class Server(StrEnum):
    """The servers that the engine connects to."""

    MQTT = "mqtt"
    KAFKA = "kafka"
    STRAPI = "strapi"


class State(StrEnum):
    """The state of a connection."""

    OFF = "off"
    """Not needed by the engine's roles, or stopped."""
    CONNECTING = "connecting"
    UP = "up"
    DOWN = "down"
    """It does not answer; the engine retries."""
    REFUSED = "refused"
    """It answers and refuses us; the user must act, and the engine retries every half minute."""
    PAUSED = "paused"
    """The user paused it."""
    STARTING = "starting"
    """Its server is being started by the runner that opened this program; what it waits for is the detail."""
    STARTED = "started"
    """Its server was started and answers; the engine connects once all of them do."""
    FAILED = "failed"
    """Its server did not start."""


class Gap(StrEnum):
    """Evidence that messages which the broker acknowledged may have been lost."""

    SESSION = "session-lost"
    """The broker no longer had the session that the engine left there."""
    QOS_0 = "qos-0"
    """The engine was away, and the broker grants only QoS 0 to a subscription."""


class Held(NamedTuple):
    """What can't be read of a partition while a transaction is open.

    Attributes:
        first: the last stable offset: where the transaction begins, or the next offset to read if that is later.
        offsets: how many offsets there are from there on; some may be other producers', or be aborted.
    """

    first: int
    offsets: int


class Connection(NamedTuple):
    """The state of one connection.

    Attributes:
        state: the state.
        address: where the server is, without credentials.
        since: when it entered that state, in seconds since the epoch.
        detail: what happened, or what is special about it; may be empty.
        advice: what the user can do about it; may be empty.
    """

    state: State = State.OFF
    address: str = ""
    since: float = 0.0
    detail: str = ""
    advice: str = ""

    def moved(self, state: State, detail: str = "", advice: str = "") -> Connection:
        """Return the connection in another state; `since` changes only with the state."""
        since = self.since if state is self.state else time.time()
        return Connection(state, self.address, since, detail, advice)
