"""Pairing of MQTT messages with the Kafka records made from them, which are received in either order. Pure.

A message without a `movement-id` gets its identity from the engine, so a watcher recognises it by topic and payload. Of
several identical ones, the first message belongs to the first record.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from bridge.journal import Journey

__all__ = ["Pairing"]

_BEGINNING: Final = 256
"""How many bytes of a payload are compared, besides its topic and its size."""

_Key = tuple[str, int, bytes]


class Pairing:
    """Keeps messages and records until their counterpart is received.

    Args:
        most: how many messages, and how many records, are kept; the oldest are dropped.
        lasts: how many seconds a record waits for its message. QoS 0 may lose it, and an identical one that arrives
            later is a different one.
    """

    def __init__(self, most: int = 10_000, lasts: float = 20.0) -> None:
        self._messages = _Waiting(most)
        self._records = _Waiting(most)
        self._lasts = lasts

    def message(self, journey: Journey, now: float) -> Journey | None:
        """Pair a message.

        Args:
            journey: the message's; kept until its record arrives.
            now: seconds on any monotonic clock.

        Returns:
            The journey of its record, if that was received first; else None.
        """
        self._records.forget_before(now - self._lasts)
        found = self._records.take(_key(journey), journey.movement_id)
        if found is None:
            self._messages.put(_key(journey), journey, now)
        return found

    def record(self, journey: Journey, now: float) -> Journey | None:
        """Pair a record made from a message, or the dead letter of a message that got no record.

        Args:
            journey: the record's; kept until its message arrives.
            now: seconds on the same clock.

        Returns:
            The journey of its message; None if that was not received.
        """
        found = self._messages.take(_key(journey), journey.movement_id)
        if found is None:
            self._records.put(_key(journey), journey, now)
        return found


def _key(journey: Journey) -> _Key:
    return journey.mqtt_topic or "", journey.size, journey.payload[:_BEGINNING]


class _Waiting:
    """Journeys by key, in the order in which they were received."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._alike: dict[_Key, OrderedDict[int, Journey]] = {}
        self._order: deque[tuple[float, _Key, int]] = deque()
        self._next = 0
        self._count = 0

    def put(self, key: _Key, journey: Journey, now: float) -> None:
        self._alike.setdefault(key, OrderedDict())[self._next] = journey
        self._order.append((now, key, self._next))
        self._next += 1
        self._count += 1
        while self._count > self._most:
            self._drop_first()

    def take(self, key: _Key, movement_id: str) -> Journey | None:
        """Take the journey with that identity, else the first."""
        alike = self._alike.get(key)
        if not alike:
            return None
        number = next((one for one, journey in alike.items() if journey.movement_id == movement_id), next(iter(alike)))
        return self._remove(key, number)

    def forget_before(self, moment: float) -> None:
        while self._order and self._order[0][0] < moment:
            self._drop_first()

    def _drop_first(self) -> None:
        _, key, number = self._order.popleft()
        self._remove(key, number)

    def _remove(self, key: _Key, number: int) -> Journey | None:
        alike = self._alike.get(key)
        if alike is None or (found := alike.pop(number, None)) is None:
            return None
        self._count -= 1
        if not alike:
            del self._alike[key]
        return found
