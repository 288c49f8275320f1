"""The observed traffic between Mosquitto and the engine: the evidence for what Mosquitto itself did.

Mosquitto writes its queue every few seconds and sends PUBACK at once, so a kill reverts it to the last write: it
forgets what came since, and sends as new, without DUP, what it had delivered since. Both are distinguished here from
faults of the engine, message by message. The engine has to recognise what is redelivered with DUP, and nothing excuses
it.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from bridge.mqtt.frames import Frames, user_properties
from tests.faults.account import Excuses
from tests.faults.alike import alike_product
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
    """Observes every connection of the engine to Mosquitto.

    Args:
        interval: Mosquitto's `autosave_interval` in seconds.
        websockets: whether the engine connects over websockets.
    """

    def __init__(self, interval: float, *, websockets: bool = False) -> None:
        self._interval = interval
        self._websockets = websockets
        self._kills: list[tuple[float, float]] = []
        self._emptied: list[float] = []
        self._handed: set[int] = set()
        self._acknowledged: dict[int, float] = {}
        self._anew: set[int] = set()
        self._passed: dict[int, list[Passed]] = {}
        self.alike: Counter[int] = Counter()
        """By product, how many of those that nothing tells apart Mosquitto sent without DUP."""
        self.alike_acknowledged: list[tuple[float, int]] = []
        """When the engine acknowledged one of them, and its product."""

    def connection(self) -> Listener:
        """Return a listener for a new connection."""
        return Listener(self, websockets=self._websockets)

    def killed(self, at: float, since: float | None = None) -> None:
        """Note that Mosquitto was killed.

        Args:
            at: when, in seconds since the epoch.
            since: when it had written its queue, if known.
        """
        self._kills.append((at - self._interval - _WRITE_LASTS if since is None else since, at))

    def emptied(self, at: float) -> None:
        """Note that Mosquitto was killed and lost its stored data, and that the engine reported it.

        Args:
            at: when it was killed, in seconds since the epoch.
        """
        self._emptied.append(at)

    def handed(self, number: int, message: Inbound) -> None:
        """Note that Mosquitto sent a message to the engine."""
        if number in self._handed and self._kills and not message.redelivered:
            self._anew.add(number)
        self._handed.add(number)
        self._pass(number, "sent again" if message.redelivered else "sent", message.packet_id)

    def acknowledged(self, number: int, packet_id: int) -> None:
        """Note that the engine acknowledged a message, which means that Kafka has it."""
        self._acknowledged[number] = time.time()
        self._pass(number, "acknowledged", packet_id)

    def passed(self, number: int) -> list[Passed]:
        """Return every packet of one message, in order."""
        return self._passed.get(number, [])

    def _pass(self, number: int, what: str, packet_id: int) -> None:
        self._passed.setdefault(number, []).append(Passed(time.time(), what, packet_id))

    def excuses(self, sent: Iterable[Sent]) -> Excuses:
        """Return what Mosquitto may be blamed for, number by number, except for messages that their publisher keeps."""
        forgotten = {
            one.number
            for one in sent
            if one.number not in self._acknowledged
            and not one.kept
            and any(since <= one.acknowledged_at <= kill + _HEARD_LATE for since, kill in self._kills)
        }
        last = max(self._emptied, default=0.0)
        taken = [one for one in sent if 0 < one.acknowledged_at <= last + _HEARD_LATE and not one.kept]
        told = {one.number for one in taken if one.number not in self._acknowledged and not one.unmarked}
        told_alike = Counter(one.product for one in taken if one.unmarked)
        told_alike.subtract(product for at, product in self.alike_acknowledged if at <= last)
        once = {one.number for one in sent if one.sends == 1}
        return Excuses(
            frozenset(forgotten),
            frozenset(self._anew & once),
            told=frozenset(told - forgotten),
            told_alike=+told_alike,
        )


class Listener:
    """One connection.

    Args:
        witness: notes what is observed.
        websockets: whether it is a websocket.
    """

    def __init__(self, witness: Witness, *, websockets: bool) -> None:
        self._witness = witness
        self._wrapped = (Unwrapped(), Unwrapped()) if websockets else None
        self._up = Frames(version_5=True)
        self._down = Frames(version_5=True)
        self._numbers: dict[int, int] = {}
        self._alike: dict[int, int] = {}

    def down(self, data: bytes) -> None:
        """Process data sent by Mosquitto."""
        stream = data if self._wrapped is None else self._wrapped[0].feed(data)
        for message in self._down.feed(stream)[0]:
            number = _number(message)
            if number:
                self._numbers[message.packet_id] = number
                self._witness.handed(number, message)
            elif product := alike_product(message.payload):
                self._alike[message.packet_id] = product
                self._witness.alike[product] += not message.redelivered

    def up(self, data: bytes) -> None:
        """Process data sent by the engine."""
        stream = data if self._wrapped is None else self._wrapped[1].feed(data)
        for first, body in self._up.feed(stream)[1]:
            if first == _PUBACK:
                packet_id = int.from_bytes(body[:2], "big")
                number = self._numbers.pop(packet_id, 0)
                if number:
                    self._witness.acknowledged(number, packet_id)
                elif product := self._alike.pop(packet_id, 0):
                    self._witness.alike_acknowledged.append((time.time(), product))


def _number(message: Inbound) -> int:
    if message.properties:
        for name, value in user_properties(message.properties):
            if name == NUMBER:
                return int(value)
    return number_in(message.payload)
