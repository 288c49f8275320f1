"""What passed between Mosquitto and the engine, heard on the wire: the evidence for what Mosquitto itself did.

Mosquitto writes its queue every few seconds and says PUBACK at once, so a kill takes it back to the last write: it
forgets what came since, sends as new what it had handed out since, and again what was acknowledged since. All three
are told from faults of the engine here, message by message.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.mqtt.frames import Frames, user_properties
from tests.faults.account import Excuses
from tests.faults.register import NUMBER, number_in
from tests.faults.unwrapped import Unwrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.mqtt.frames import Inbound
    from tests.faults.register import Sent

__all__ = ["Passed", "Witness"]

_PUBACK: Final = 0x40
_WRITE_LASTS: Final = 5.0
"""Seconds that Mosquitto's write may take after its interval on a slow disk."""

_HEARD_LATE: Final = 0.5
"""Seconds by which a publisher may note a PUBACK after the broker's death."""


class Passed(NamedTuple):
    """A packet that passed between Mosquitto and the engine.

    Attributes:
        at: when, in seconds since the epoch.
        what: `sent`, `sent again` (with DUP) or `acknowledged`.
        packet_id: its packet id.
    """

    at: float
    what: str
    packet_id: int


class Witness:
    """Hears every connection of the engine to Mosquitto.

    Args:
        interval: Mosquitto's `autosave_interval` in seconds.
        websockets: whether the engine connects over websockets.
    """

    def __init__(self, interval: float, *, websockets: bool = False) -> None:
        self._interval = interval
        self._websockets = websockets
        self._kills: list[float] = []
        self._handed: set[int] = set()
        self._acknowledged: dict[int, float] = {}
        self._anew: set[int] = set()
        self._passed: dict[int, list[Passed]] = {}

    def connection(self) -> Listener:
        """What listens to a new connection."""
        return Listener(self, websockets=self._websockets)

    def killed(self, at: float) -> None:
        """Note that Mosquitto was killed, in seconds since the epoch."""
        self._kills.append(at)

    def handed(self, number: int, message: Inbound) -> None:
        """Note that Mosquitto sent a message to the engine."""
        forgot = self._kills and self._acknowledged.get(number, math.inf) < self._kills[-1]
        if number in self._handed and self._kills and (forgot or not message.redelivered):
            self._anew.add(number)
        self._handed.add(number)
        self._pass(number, "sent again" if message.redelivered else "sent", message.packet_id)

    def acknowledged(self, number: int, packet_id: int) -> None:
        """Note that the engine acknowledged a message: it says that Kafka has it."""
        self._acknowledged[number] = time.time()
        self._pass(number, "acknowledged", packet_id)

    def passed(self, number: int) -> list[Passed]:
        """Every packet of one message, in order."""
        return self._passed.get(number, [])

    def _pass(self, number: int, what: str, packet_id: int) -> None:
        self._passed.setdefault(number, []).append(Passed(time.time(), what, packet_id))

    def excuses(self, sent: Iterable[Sent]) -> Excuses:
        """What Mosquitto may be blamed for, number by number."""
        window = self._interval + _WRITE_LASTS
        forgotten = {
            one.number
            for one in sent
            if one.number not in self._acknowledged
            and any(-_HEARD_LATE <= kill - one.acknowledged_at <= window for kill in self._kills)
        }
        once = {one.number for one in sent if one.sends == 1}
        return Excuses(frozenset(forgotten), frozenset(self._anew & once))


class Listener:
    """One connection.

    Args:
        witness: where it is noted.
        websockets: whether it is a websocket.
    """

    def __init__(self, witness: Witness, *, websockets: bool) -> None:
        self._witness = witness
        self._wrapped = (Unwrapped(), Unwrapped()) if websockets else None
        self._up = Frames(version_5=True)
        self._down = Frames(version_5=True)
        self._numbers: dict[int, int] = {}

    def down(self, data: bytes) -> None:
        """Hear what Mosquitto sent."""
        stream = data if self._wrapped is None else self._wrapped[0].feed(data)
        for message in self._down.feed(stream)[0]:
            number = _number(message)
            if number:
                self._numbers[message.packet_id] = number
                self._witness.handed(number, message)

    def up(self, data: bytes) -> None:
        """Hear what the engine sent."""
        stream = data if self._wrapped is None else self._wrapped[1].feed(data)
        for first, body in self._up.feed(stream)[1]:
            if first == _PUBACK:
                packet_id = int.from_bytes(body[:2], "big")
                number = self._numbers.pop(packet_id, 0)
                if number:
                    self._witness.acknowledged(number, packet_id)


def _number(message: Inbound) -> int:
    if message.properties:
        for name, value in user_properties(message.properties):
            if name == NUMBER:
                return int(value)
    return number_in(message.payload)
