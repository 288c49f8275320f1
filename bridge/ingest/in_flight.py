"""What came over MQTT and is not acknowledged yet, and how a redelivery of it is recognised.

After a broken connection the broker sends again, with DUP and under the same packet id, what it has no
acknowledgement for (MQTT 5 section 4.4). Such a message is already here: it must not enter Kafka once more, and its
acknowledgement belongs to the new connection (section 4.6).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from bridge.ingest.acknowledged import PACKET_IDS, Acknowledged
from bridge.journal import Journey
from bridge.mqtt.session import Session

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from bridge.mqtt.frames import Inbound

__all__ = ["Arrival", "InFlight"]

_MOST: Final = 50_000
"""How many acknowledged messages are remembered."""


class Arrival(msgspec.Struct, eq=False, gc=False):
    """A message on its way to Kafka.

    Attributes:
        session: the connection to acknowledge it on.
        packet_id: what to acknowledge, 0 at QoS 0.
        journey: what it says; None where Kafka has it and only the acknowledgement is owed.
    """

    session: Session
    packet_id: int
    journey: Journey | None


class InFlight:
    """The unacknowledged messages of one kept session, and what was acknowledged of late.

    A broker that was killed takes up its session as it last wrote it down: it sends again what was acknowledged since
    then, and gives the packet ids that it had given out since to other messages.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, Arrival] = {}
        self._acknowledged = Acknowledged(_MOST)
        self._newest = 0
        self._session: Session | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def forget(self) -> None:
        """The broker kept no session: its packet ids start anew and mean other messages."""
        self._waiting.clear()
        self._acknowledged.clear()
        self._newest = 0

    def redelivered(self, session: Session, message: Inbound) -> Arrival | bool | None:
        """Recognise a redelivery.

        Args:
            session: the connection that the message came on.
            message: what came.

        Returns:
            False where the message is new; None where it is on its way to Kafka, and is from now on acknowledged on
            this connection; an arrival without journey where Kafka has it and only the acknowledgement is owed.
        """
        if not message.redelivered or not message.packet_id:
            return False
        waiting = self._waiting.get(message.packet_id)
        if waiting is not None and waiting.journey is not None and _same(waiting.journey, message):
            waiting.session = session
            return None
        if self._acknowledged.get(message.packet_id) == hash((message.topic, message.payload)):
            return Arrival(session, message.packet_id, None)
        return False

    def admit(self, arrivals: Sequence[Arrival]) -> None:
        """Take in messages of one connection that are to be acknowledged once Kafka has them."""
        for arrival in arrivals:
            if arrival.packet_id:
                self._waiting[arrival.packet_id] = arrival
        if arrivals and arrivals[0].session is not self._session:
            self._notice_earlier_ids(arrivals)
        self._newest = next(_new_ids(reversed(arrivals)), self._newest)

    def _notice_earlier_ids(self, arrivals: Sequence[Arrival]) -> None:
        """Forget what a broker that goes back to earlier packet ids is about to give to other messages.

        A broker sends again what it sends again before anything new (MQTT 5 section 4.4), so all of that is here.
        """
        first = next(_new_ids(arrivals), 0)
        if not first:
            return
        self._session = arrivals[0].session
        back = (self._newest - first) % PACKET_IDS
        if self._newest and back < PACKET_IDS // 2:
            self._acknowledged.discard((first - 1 + step) % PACKET_IDS + 1 for step in range(back + 1))

    def settle(self, arrivals: Sequence[Arrival]) -> None:
        """Kafka has these: acknowledge them, in the order in which they came and each on its own connection."""
        owed: dict[Session, list[int]] = {}
        acknowledged: dict[int, int] = {}
        for arrival in arrivals:
            packet_id = arrival.packet_id
            if not packet_id:
                continue
            owed.setdefault(arrival.session, []).append(packet_id)
            if arrival.journey is not None:
                if self._waiting.get(packet_id) is arrival:
                    del self._waiting[packet_id]
                acknowledged[packet_id] = hash((arrival.journey.mqtt_topic, arrival.journey.payload))
        self._acknowledged.note(acknowledged)
        for session, packet_ids in owed.items():
            session.acknowledge(packet_ids)


def _new_ids(arrivals: Iterable[Arrival]) -> Iterator[int]:
    for arrival in arrivals:
        if arrival.packet_id and arrival.journey is not None and not arrival.journey.redelivered:
            yield arrival.packet_id


def _same(journey: Journey, message: Inbound) -> bool:
    return journey.mqtt_topic == message.topic and journey.payload == message.payload
